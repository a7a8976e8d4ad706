"""The entry point: run the command, and turn an error that ends it into a sentence or document and an exit code."""

from __future__ import annotations

import sys
from typing import Protocol, runtime_checkable

from concept_worker.cli.app import app
from concept_worker.cli.text import Stopped
from concept_worker.cli.trouble import CommandFailed, catch_signals, end_badly, tell, wants_json
from concept_worker.errors import ConceptWorkerError
from concept_worker.logging import configure_logging
from concept_worker.settings import LogFormat


@runtime_checkable
class _UsageError(Protocol):
    """Typer's error for a command line that it cannot read; the class has no public name."""

    exit_code: int

    def format_message(self) -> str: ...


def main() -> None:
    """Run `concept-worker`."""
    catch_signals()
    configure_logging("WARNING", LogFormat.CONSOLE)  # commands print their own progress
    try:
        sys.exit(_run())
    except (ConceptWorkerError, CommandFailed, OSError, ValueError, Stopped) as exc:
        sys.exit(end_badly(exc))


def _run() -> int:
    """Run the command; return its exit code."""
    if not wants_json():
        return int(app(standalone_mode=True) or 0)
    try:
        return int(app(standalone_mode=False) or 0)
    except (ConceptWorkerError, CommandFailed, OSError, ValueError):
        raise
    except Exception as exc:
        if isinstance(exc, _UsageError):
            tell(exc.format_message())
            return exc.exit_code
        tell(f"this should not have happened ({type(exc).__name__})")
        raise

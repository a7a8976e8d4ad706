"""The end of a command that failed: one sentence, or with `--json` one document, with the task's id."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from uuid import UUID

from rich.text import Text

from concept_worker.cli.text import Stopped
from concept_worker.cli.view import err, print_json
from concept_worker.errors import ConceptWorkerError, InvalidRequest

FAILED = 1
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CommandFailed(Exception):
    """An error that ends a command: the sentence to print, the task's id, and the exit code."""

    def __init__(self, sentence: str, task_id: UUID, code: int) -> None:
        super().__init__(sentence)
        self.task_id, self.code = str(task_id), code


def catch_signals() -> None:
    """Make SIGINT, SIGTERM and SIGHUP end the command in order; a signal that is ignored (nohup) stays ignored."""
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def watching(task_id: UUID, then: str) -> Iterator[None]:
    """Add the task's id to every error of the command; `then` says what happens to the task after an interruption.

    Raises:
        CommandFailed: in place of the error. An `InvalidRequest` passes unchanged: no task was made.
    """
    try:
        yield
    except Stopped as exc:
        raise CommandFailed(f"interrupted; {then}", task_id, exc.code) from None
    except TimeoutError as exc:
        raise CommandFailed(f"{exc}; {then}", task_id, FAILED) from None
    except InvalidRequest:
        raise
    except (ConceptWorkerError, OSError) as exc:
        raise CommandFailed(str(exc), task_id, FAILED) from exc


def goes_on(task_id: UUID) -> str:
    """Say that the task goes on unwatched, and how to see or end it."""
    user = " --user …" if "--user" in sys.argv else ""
    return (
        f"the task goes on. See it: concept-worker status {task_id}{user}. "
        f"End it: concept-worker cancel {task_id}{user}"
    )


def see(task_id: UUID) -> str:
    """Say how to see the task's outcome."""
    user = " --user …" if "--user" in sys.argv else ""
    return f"see what became of the task: concept-worker status {task_id}{user}"


def wants_json() -> bool:
    """Return whether `--json` was given, even on a command line that cannot be read."""
    return "--json" in sys.argv[1:]


def end_badly(exc: BaseException) -> int:
    """Print the error, with `--json` as the one document on standard output; return the exit code."""
    sentence = "interrupted" if isinstance(exc, Stopped) else str(exc)
    task_id = exc.task_id if isinstance(exc, CommandFailed) else None
    code = exc.code if isinstance(exc, CommandFailed | Stopped) else FAILED
    with suppress(OSError, Stopped):  # the reader of the output may be closed
        tell(sentence, task_id, is_error=code <= 128)
    return code


def tell(sentence: str, task_id: str | None = None, *, is_error: bool = True) -> None:
    """Write the sentence to standard error, or with `--json` the document to standard output."""
    if wants_json():
        print_json({"error": sentence, "task_id": task_id})
        return
    known = f" The id: {task_id}" if task_id and task_id not in sentence else ""
    err.print(Text.assemble(("error: " if is_error else "", "red"), f"{sentence}{known}"))

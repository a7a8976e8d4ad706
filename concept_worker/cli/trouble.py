"""The end of a command that did not succeed: one sentence, or with `--json` one document, and the task's id."""

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
    """A command ended badly: the sentence for the person, the task it is about, and the exit code."""

    def __init__(self, sentence: str, task_id: UUID, code: int) -> None:
        super().__init__(sentence)
        self.task_id, self.code = str(task_id), code


def catch_signals() -> None:
    """Let Ctrl-C, a polite kill and a closed terminal end the command in order; what nohup had ignored stays so."""
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def watching(task_id: UUID, then: str) -> Iterator[None]:
    """Name the task in every trouble of the command; `then` says what becomes of it when the command ends before it.

    Raises:
        CommandFailed: in the place of what was raised; what a person can mend in their request stays as it is.
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
    """Say how to learn what became of a task."""
    user = " --user …" if "--user" in sys.argv else ""
    return f"see what became of the task: concept-worker status {task_id}{user}"


def wants_json() -> bool:
    """Return whether standard output is to be one JSON document, also where the command line cannot be read."""
    return "--json" in sys.argv[1:]


def end_badly(exc: BaseException) -> int:
    """Tell what went wrong, with `--json` as the one document on standard output; return the exit code."""
    sentence = "interrupted" if isinstance(exc, Stopped) else str(exc)
    task_id = exc.task_id if isinstance(exc, CommandFailed) else None
    code = exc.code if isinstance(exc, CommandFailed | Stopped) else FAILED
    with suppress(OSError, Stopped):  # whom it is told to may be gone
        tell(sentence, task_id, is_error=code <= 128)
    return code


def tell(sentence: str, task_id: str | None = None, *, is_error: bool = True) -> None:
    """Write the sentence to standard error, or with `--json` the document to standard output."""
    if wants_json():
        print_json({"error": sentence, "task_id": task_id})
        return
    known = f" The id: {task_id}" if task_id and task_id not in sentence else ""
    err.print(Text.assemble(("error: " if is_error else "", "red"), f"{sentence}{known}"))

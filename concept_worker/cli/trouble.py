"""How a command ends that did not succeed: one sentence, or with `--json` one document, and the task's id."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from rich.text import Text

from concept_worker.cli.view import err, print_json
from concept_worker.errors import UnknownOutcome

FAILED, INTERRUPTED = 1, 130  # 128 + SIGINT, as shells have it


class LeftRunning(Exception):
    """A command stopped watching a task, which goes on."""

    def __init__(self, sentence: str, task_id: UUID, code: int) -> None:
        super().__init__(sentence)
        self.task_id, self.code = str(task_id), code


@contextmanager
def watching(task_id: UUID) -> Iterator[None]:
    """Say what becomes of a task when the command that asks for it or watches it ends: Ctrl-C, or no more patience.

    Raises:
        LeftRunning: with the commands that go on from here.
    """
    then = f"it goes on. See it: concept-worker status {task_id}. End it: concept-worker cancel {task_id}"
    try:
        yield
    except KeyboardInterrupt:
        raise LeftRunning(f"interrupted; if the task was accepted, {then}", task_id, INTERRUPTED) from None
    except TimeoutError as exc:
        raise LeftRunning(f"{exc}; {then}", task_id, FAILED) from None


def end_badly(exc: BaseException) -> int:
    """Tell what went wrong, with `--json` as the one document on standard output; return the exit code."""
    interrupted = isinstance(exc, KeyboardInterrupt)
    sentence = "interrupted" if interrupted else str(exc)
    task_id = exc.task_id if isinstance(exc, UnknownOutcome | LeftRunning) else None
    if "--json" in sys.argv[1:]:
        print_json({"error": sentence, "task_id": task_id})
    elif interrupted:
        err.print(sentence)
    else:
        known = f" The id: {task_id}" if isinstance(exc, UnknownOutcome) else ""
        err.print(Text.assemble(("error:", "red"), f" {sentence}{known}"))
    if isinstance(exc, LeftRunning):
        return exc.code
    return INTERRUPTED if interrupted else FAILED

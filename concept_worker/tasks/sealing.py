"""Errors that leave a task: our own sentence, or the kind of a foreign error, and nothing behind it.

Celery writes an error with its whole chain into its log, into its results (for a day) and into the events that Flower
shows. The text of other people's errors may hold prompts, keys, ids and addresses with passwords.
"""

from __future__ import annotations

from typing import Any

from celery import Task
from celery.exceptions import TaskPredicate

from concept_worker.errors import ConceptWorkerError
from concept_worker.logging import get_logger
from concept_worker.redaction import kind_of

log = get_logger(__name__)


class Unforeseen(Exception):
    """An error that is not ours left a task; `kind` is its class, and its text stays behind."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class SealedTask(Task[Any, Any]):
    """A Celery task whose errors carry no chain; the log has kinds and places of the whole of it."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task's body; not through the base class, which would put another request in the place of this one."""
        try:
            return self.run(*args, **kwargs)
        except TaskPredicate as exc:  # retry, ignore, reject: no failures
            raise _alone(exc) from None
        except ConceptWorkerError as exc:
            self._note(exc)
            raise _alone(exc) from None
        except MemoryError:
            raise  # Celery has its own way with it
        except Exception as exc:
            self._note(exc)
            raise Unforeseen(kind_of(exc)) from None

    def _note(self, error: Exception) -> None:
        log.error("task raised", task=self.name, celery_id=self.request.id, exc_info=error)


def _alone(error: BaseException) -> BaseException:
    """Return the error without what led to it."""
    error.__cause__ = error.__context__ = None
    return error

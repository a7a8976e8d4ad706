"""Errors survive the trip between processes, and speak one safe sentence."""

from __future__ import annotations

import pickle

import pytest

from concept_worker import errors
from concept_worker.errors import (
    ConceptWorkerError,
    RateLimited,
    SchemaMissing,
    StepHeld,
    StoreRefused,
    StoreUnavailable,
    TaskNotFoundError,
    mask_id,
)

TASK_ID = "9b2f6c1e-0000-4000-8000-000000000000"


def all_errors() -> list[ConceptWorkerError]:
    """One of each class in the tree."""
    made: list[ConceptWorkerError] = []
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, ConceptWorkerError):
            made.append(kind(TASK_ID) if kind is TaskNotFoundError else kind("it broke"))
    with_details = [RateLimited("slow down", 2.5), StepHeld("busy", 3.0), StoreRefused("no", "23503")]
    return [*made, *with_details, StoreUnavailable("away", 7.0), SchemaMissing("not yet", 15.0)]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: type(error).__name__)
class TestEveryError:
    """What holds for the whole tree."""

    def test_rebuilt_from_its_arguments_it_says_the_same(self, error: ConceptWorkerError) -> None:
        """As Celery's JSON result backend rebuilds it."""
        again = type(error)(*error.args)
        assert (str(again), again.args) == (str(error), error.args)

    def test_pickled_it_says_the_same(self, error: ConceptWorkerError) -> None:
        """As a prefork child hands it to its parent."""
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))

    def test_within_keeps_kind_and_details(self, error: ConceptWorkerError) -> None:
        """A stage leads the sentence and changes nothing else."""
        led = error.within("Storing failed")
        assert type(led) is type(error)
        assert led.args[1:] == error.args[1:]
        assert str(led) in (f"Storing failed: {error}", str(error))


def test_ids_are_masked() -> None:
    """Four characters tell two lines apart and name nobody."""
    assert mask_id(TASK_ID) == "9b2f****"
    assert TASK_ID not in str(TaskNotFoundError(TASK_ID))

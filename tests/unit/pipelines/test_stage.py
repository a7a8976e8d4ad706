"""The stage decorator: time noted once, trouble led by what failed, kinds kept."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from concept_worker.errors import RateLimited, StageCrashed, StaleRun, StoreRefused
from concept_worker.pipelines.stage import stage


@stage(failing="Storing base image failed")
def troubled(error: Exception | None = None) -> str:
    """A stage that fails as asked."""
    if error is not None:
        raise error
    return "stored"


def test_a_stage_that_goes_well_is_timed() -> None:
    """One event with name, seconds and outcome."""
    with capture_logs() as events:
        assert troubled() == "stored"
    assert [(e["event"], e["stage"], e["outcome"]) for e in events] == [("stage timing", "troubled", "done")]
    assert events[0]["seconds"] >= 0


def test_known_trouble_keeps_its_kind_and_details() -> None:
    """Only the sentence grows."""
    with pytest.raises(RateLimited) as caught:
        troubled(RateLimited("the provider is busy", 12.0))
    assert str(caught.value) == "Storing base image failed: the provider is busy"
    assert caught.value.retry_after == 12.0


def test_unplanned_trouble_says_nothing_of_itself() -> None:
    """Its text may hold anything, so that only its kind is told; the place too."""
    with pytest.raises(StageCrashed) as caught:
        troubled(KeyError("sb_secret_abc"))
    assert str(caught.value) == "Storing base image failed: an unexpected error"
    assert caught.value.__suppress_context__
    assert caught.value.__notes__[0].startswith("caused by KeyError\n")


def test_a_stale_run_passes_untouched() -> None:
    """It is no failure."""
    with capture_logs() as events, pytest.raises(StaleRun, match=r"^over$"):
        troubled(StaleRun("over"))
    assert events[0]["outcome"] == "stale"


def test_nested_stages_lead_in_turn() -> None:
    """Outer first."""
    outer = stage(failing="Outer failed")(troubled)
    with pytest.raises(StoreRefused, match=r"^Outer failed: Storing base image failed: no$"):
        outer(StoreRefused("no", "23505"))

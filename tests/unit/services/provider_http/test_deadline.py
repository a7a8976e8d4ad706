"""A deadline bounds every wait inside it."""

from __future__ import annotations

import httpcore
import pytest

from concept_worker.services.provider_http.deadline import Deadline, current_deadline, within
from concept_worker.services.provider_http.transport import bounded_timeout


def test_waits_are_cut_at_the_deadline() -> None:
    """A timeout is never longer than what is left, and none at all means what is left."""
    now = [100.0]
    with within(Deadline.after(10.0, lambda: now[0])) as deadline:
        assert bounded_timeout(3.0, httpcore.ReadTimeout) == 3.0
        assert bounded_timeout(60.0, httpcore.ReadTimeout) == 10.0
        now[0] += 9.0
        assert bounded_timeout(None, httpcore.ReadTimeout) == pytest.approx(1.0)
        assert deadline.remaining == pytest.approx(1.0)


def test_past_the_deadline_nothing_waits() -> None:
    """The error is the one that the wait would have ended with."""
    with within(Deadline.after(0.0, lambda: 1.0)), pytest.raises(httpcore.WriteTimeout):
        bounded_timeout(5.0, httpcore.WriteTimeout)


def test_outside_there_is_no_deadline() -> None:
    """Leaving the block leaves the deadline, also by an error."""
    with pytest.raises(KeyError), within(Deadline.after(1.0, lambda: 0.0)):
        raise KeyError
    assert current_deadline() is None
    assert bounded_timeout(None, httpcore.ReadTimeout) is None

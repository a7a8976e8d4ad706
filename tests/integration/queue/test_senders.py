"""What a message may be, where it may go, and how long it is good for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from concept_worker.routing import Queue, TaskName
from tests.integration.queue.conftest import Side
from tests.waiting import until


def test_a_pickled_message_is_not_read(side: Side) -> None:
    """`accept_content`: reading a pickle runs what its sender wrote. With pickle allowed it runs."""
    as_anybody = {"C_FORCE_ROOT": "1"}  # as root, Celery itself refuses to start with pickle
    ours, pickling = side(), side(as_anybody, accept_content=["json", "pickle"])
    for bench in (ours, pickling):
        bench.worker("--pool", "threads", "--concurrency", "1")
        bench.send("note", "pickled", serializer="pickle")
        bench.send("note", "after")
        until(lambda b=bench: b.begun("after"), "the message behind it")
    assert (ours.begun("pickled"), pickling.begun("pickled")) == (0, 1)
    assert ours.is_empty


def test_a_misspelt_queue_is_an_error_at_its_sender(side: Side) -> None:
    """`task_create_missing_queues` is off: on, the message goes to a queue that nobody reads."""
    ours, creating = side(), side(task_create_missing_queues=None)
    with pytest.raises(KeyError, match="concept"):
        ours.send("note", "step", queue="concept")
    creating.send("note", "step", queue="concept")
    assert (ours.redis.llen("concept"), creating.redis.llen("concept")) == (0, 1)


def test_rounds_that_nobody_had_time_for_are_not_run(side: Side) -> None:
    """`expires` of beat's entries: without it a worker that was away runs every round that it missed."""
    often = {"CONCEPT_RECONCILE_SECONDS": "0.2", "CONCEPT_SWEEP_SECONDS": "1000"}
    entry = {"task": TaskName.RECONCILE.value, "schedule": 0.2}
    ours, without = side(often), side(often, beat_schedule={"reconcile": entry})
    for bench, stop in [(bench, bench.beat()) for bench in (ours, without)]:
        until(lambda b=bench: b.redis.llen(Queue.HOUSEKEEPING.value) >= 3, "three rounds to be asked for")
        stop()
    newest = json.loads(str(ours.redis.lindex(Queue.HOUSEKEEPING.value, 0)))["headers"]["expires"]
    missed = without.redis.llen(Queue.HOUSEKEEPING.value)
    until(lambda: datetime.now(UTC) > datetime.fromisoformat(newest), "the last round to be too old")
    for bench in (ours, without):
        bench.worker()
    until(lambda: without.begun("reconcile") == missed, "every round to be run")
    until(lambda: not ours.redis.llen(Queue.HOUSEKEEPING.value) and not ours.in_hand, "every round to be dropped")
    assert ours.begun("reconcile") == 0

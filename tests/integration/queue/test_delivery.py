"""Who gets a message, and when it comes again."""

from __future__ import annotations

from tests.integration.queue.conftest import SOON, Side
from tests.waiting import until

SHORT = {"CONCEPT_VISIBILITY_SECONDS": "1"}


def test_a_worker_that_dies_gives_its_message_back(side: Side) -> None:
    """`task_acks_late`: without it the message was acknowledged before the work, and is gone with its worker."""
    ours, without = side(SHORT, broker_transport_options=SOON), side(SHORT, task_acks_late=None)
    workers = [bench.worker() for bench in (ours, without)]
    for bench, worker in zip((ours, without), workers, strict=True):
        bench.send("hold", "step")
        until(lambda b=bench: b.begun("step"), "the step to begin")
        worker.vanish()
    assert (ours.in_hand, without.is_empty) == (1, True)
    ours.release("step")
    workers[0].start()
    until(lambda: ours.ended("step"), "the step to be done by the next worker")
    assert (ours.begun("step"), without.begun("step")) == (2, 1)


def test_a_message_is_taken_when_its_turn_comes(side: Side) -> None:
    """`worker_prefetch_multiplier`: without it a busy worker holds messages that another one could have worked on."""
    ours, without = side(), side(worker_prefetch_multiplier=None)
    for bench in (ours, without):
        for name in ("first", "second", "third", "fourth"):
            bench.send("hold", name)
        bench.worker("--pool", "threads", "--concurrency", "1")
    until(lambda: without.in_hand == 4, "the default to take everything")
    until(lambda: ours.begun("first"), "the first step to begin")
    ours.release("first")
    until(lambda: ours.begun("second"), "the second step to begin")
    assert (ours.waiting, without.waiting, without.begun("second")) == (2, 0, 0)


def test_a_step_that_outlasts_the_visibility_timeout_runs_again_beside_itself(side: Side) -> None:
    """`visibility_timeout`: longer than any step. A worker that is alive and at work says nothing to the broker."""
    ours = side(broker_transport_options=SOON)
    shorter = side(broker_transport_options={**SOON, "visibility_timeout": 1})
    for bench in (ours, shorter):
        bench.send("hold", "step")
        bench.worker("--pool", "threads", "--concurrency", "3")
    until(lambda: ours.begun("step"), "the step to begin")
    until(lambda: shorter.begun("step") == 3, "three executions at once")
    assert (ours.begun("step"), shorter.ended("step")) == (1, 0)


def test_a_lost_message_is_looked_for_every_few_seconds(side: Side) -> None:
    """`unacked_restore_interval` and `unacked_restore_throttle`: by default a worker looks at its start, and then after
    100 s. What is lost in between lies there, whatever the visibility timeout."""
    ours = side(SHORT)
    without = side(SHORT, broker_transport_options={"unacked_restore_interval": None, "unacked_restore_throttle": None})
    for bench in (ours, without):
        bench.worker("--pool", "threads", "--queues", "images").ready()
    for bench in (without, ours):
        bench.send("note", "step")
        bench.take()
    until(lambda: ours.waiting, "the message to be back in its queue")
    assert (without.waiting, without.in_hand) == (0, 1)

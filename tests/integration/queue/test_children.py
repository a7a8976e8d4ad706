"""Prefork children that die, grow or hang: the images queue."""

from __future__ import annotations

from tests.integration.queue.bench import CHILD
from tests.integration.queue.conftest import Side
from tests.waiting import until


def test_a_step_whose_child_died_runs_again(side: Side) -> None:
    """`task_reject_on_worker_lost`, what is left where the retry cannot be sent: without it one dead child is the
    step's failure."""
    ours, without = side(), side(task_reject_on_worker_lost=None)
    ids = {}
    for bench in (ours, without):
        bench.worker(*CHILD)
        ids[bench] = bench.send("die unsendable", "step", 1)
    until(lambda: ours.state(ids[ours]) == "SUCCESS", "the second execution to succeed")
    until(lambda: without.state(ids[without]) == "FAILURE", "the default to give up")
    assert (ours.begun("step"), without.begun("step")) == (2, 1)
    assert without.meta(ids[without])["result"]["exc_type"] == "WorkerLostError"


def test_a_step_that_always_kills_its_child_comes_to_an_end(side: Side) -> None:
    """`task_retry_on_worker_lost`: without it the message goes back and kills again, for ever."""
    ours, without = side(), side(task_retry_on_worker_lost=None)
    for bench in (ours, without):
        bench.worker(*CHILD)
    poison = ours.send("die", "step", 1000)
    without.send("die", "step", 1000)
    until(lambda: ours.state(poison) == "FAILURE", "the tries to be used up")
    until(lambda: without.begun("step") > 6, "twice as many executions and no end")
    assert (ours.begun("step"), ours.is_empty) == (3, True)


def test_a_child_that_has_grown_is_replaced(side: Side) -> None:
    """`worker_max_memory_per_child`: without it what one large image took is kept until the worker ends."""
    ours, without = side(worker_max_memory_per_child=150_000), side(worker_max_memory_per_child=None)
    children = {}
    for bench in (ours, without):
        bench.worker(*CHILD)
        children[bench] = [bench.send("grow", 200), bench.send("grow", 0)]
    until(lambda: all(b.state(last) == "SUCCESS" for b, (_, last) in children.items()), "the steps to end")
    replaced, kept = ([bench.meta(task)["result"] for task in tasks] for bench, tasks in children.items())
    assert replaced[0] != replaced[1]
    assert kept[0] == kept[1]

"""A broker that dies while a step is under way, and comes back with its data."""

from __future__ import annotations

import psutil

from tests.integration.queue.bench import CHILD
from tests.integration.queue.conftest import Outage
from tests.waiting import until


def test_a_step_under_way_survives_its_broker(outage: Outage) -> None:
    """`worker_cancel_long_running_tasks_on_connection_loss` is off: on, the step is killed in the middle of its work.
    `result_backend_always_retry`: without it a step that ends while the broker is away has failed."""
    ours = outage.side()
    cancelling = outage.side(worker_cancel_long_running_tasks_on_connection_loss=True)
    giving_up = outage.side(result_backend_always_retry=None)
    sides = (ours, cancelling, giving_up)
    workers = [bench.worker(*CHILD) for bench in sides]
    tasks = [bench.send("hold", "step") for bench in sides]
    for bench in sides:
        until(lambda b=bench: b.begun("step"), "the step to begin")
    at_work = psutil.Process(cancelling.meta(tasks[1])["result"]["pid"])

    outage.broker.kill()
    until(lambda: not at_work.is_running() or at_work.status() == psutil.STATUS_ZOMBIE, "the step to be killed")
    for bench, worker in zip(sides, workers, strict=True):
        until(lambda w=worker: "Connection to broker lost" in w.logs(), "the worker to notice")
        bench.release("step")
    until(lambda: "Failed operation _store_result" in workers[0].logs(), "our step to fail to store its result")
    until(lambda: "Exception raised outside body" in workers[2].logs(), "the default to give up at once")
    outage.broker.start()

    until(lambda: ours.state(tasks[0]) == "SUCCESS", "our result to be stored after all")
    until(lambda: giving_up.state(tasks[2]) == "FAILURE", "the finished step to be called failed")
    assert [bench.begun("step") for bench in sides] == [1, 1, 1]
    assert [bench.ended("step") for bench in sides] == [1, 0, 1]

"""What is kept beside the messages: results, and the counts that chords live by."""

from __future__ import annotations

import json

import pytest

from tests.integration.queue.conftest import SOON, Side
from tests.waiting import until

SHORT = {"CONCEPT_VISIBILITY_SECONDS": "1"}


def test_a_slow_header_does_not_lose_its_chord(side: Side) -> None:
    """`result_expires` and `result_chord_expires`: what a chord has counted must outlive its slowest header; without
    it the body never runs, and nobody is told."""
    ours, without = side(), side(result_expires=1, result_chord_expires=None)
    for bench in (ours, without):
        bench.worker()
        bench.chord(["quick", "slow"], "body")
        until(lambda b=bench: b.begun("slow"), "the headers to begin")
        bench.release("quick")
    until(lambda: without.ended("quick") and not without.counts, "the count to be forgotten")
    for bench in (ours, without):
        bench.release("slow")
    until(lambda: ours.begun("body"), "the body to run")
    until(lambda: without.ended("slow") and without.is_empty, "the slow header to be done")
    assert (ours.begun("body"), without.begun("body")) == (1, 0)


def test_a_header_that_comes_again_is_counted(side: Side) -> None:
    """`worker_deduplicate_successful_tasks` is off: a worker that dies between a header's result and its count has the
    header done again. With it on the header is skipped as done, and the chord waits for ever."""
    ours = side(SHORT, broker_transport_options=SOON)
    deduplicating = side(SHORT, broker_transport_options=SOON, worker_deduplicate_successful_tasks=True)
    workers = [bench.worker() for bench in (ours, deduplicating)]
    for bench, worker in zip((ours, deduplicating), workers, strict=True):
        bench.doom("slow")
        bench.chord(["quick", "slow"], "body")
        until(lambda b=bench: b.begun("slow"), "the headers to begin")
        bench.release("quick")
        until(lambda b=bench: b.in_hand == 1, "the quick one to be counted")
        bench.release("slow")
        until(lambda w=worker: w.status == "exited", "the worker to die")
        worker.start()
    for bench in (ours, deduplicating):
        until(lambda b=bench: b.is_empty, "every message to be gone")
    until(lambda: ours.begun("body"), "the body to run")
    assert (ours.begun("slow"), ours.begun("body")) == (2, 1)
    assert (deduplicating.begun("slow"), deduplicating.begun("body")) == (1, 0)


@pytest.mark.parametrize("name", ["leak", "leak foreign"])
def test_the_text_of_errors_is_not_kept(name: str, side: Side) -> None:
    """`SealedTask`: Celery stores an error's whole chain, and sends it to Flower; the kind is enough."""
    bench = side()
    worker = bench.worker()
    plain, sealed = bench.send(name), bench.send(f"sealed {name}")
    until(lambda: bench.state(plain) == bench.state(sealed) == "FAILURE", "both to fail")
    assert "TOPSECRET" in json.dumps(bench.meta(plain))
    assert "TOPSECRET" not in json.dumps(bench.meta(sealed))
    until(lambda: "task raised" in worker.logs(), "the line about it")
    assert "KeyError" in worker.logs()
    assert "TOPSECRET" not in worker.logs()


def test_arguments_are_not_kept_beside_results(side: Side) -> None:
    """`result_extended` is off: what a message said is gone with the message."""
    ours, extended = side(), side(result_extended=True)
    kept = []
    for bench in (ours, extended):
        bench.worker()
        task = bench.send("note", "a secret")
        until(lambda b=bench, t=task: b.state(t) == "SUCCESS", "the result")
        kept.append(bench.meta(task).get("args"))
    assert kept == [None, ["a secret"]]

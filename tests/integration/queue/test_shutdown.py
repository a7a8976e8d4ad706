"""Workers that are stopped."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from tests.integration.queue.bench import CHILD, THREADS, Bench
from tests.integration.queue.conftest import Side
from tests.nodes import WorkerProcess
from tests.waiting import until

PROCFILE = Path(__file__).parents[3] / "Procfile"


def environment_of(process: str) -> dict[str, str]:
    """What the Procfile sets for a process."""
    line = next(line for line in PROCFILE.read_text().splitlines() if line.startswith(f"{process}: "))
    return dict(word.split("=") for word in takewhile(lambda word: "=" in word, line.split()[1:]))


REMAPPED = environment_of("images")


def busy(*workers: tuple[Bench, WorkerProcess]) -> None:
    """Each of these has a step in hand, and has said that it is ready."""
    for bench, _ in workers:
        bench.send("hold", "step")
    for bench, worker in workers:
        until(lambda b=bench: b.begun("step"), "the step to begin")
        worker.ready()


def has_ended(worker: WorkerProcess) -> bool:
    """Whether the main process is gone."""
    return worker.status == "exited"


def test_a_stopping_worker_hands_its_step_to_another(side: Side) -> None:
    """`REMAP_SIGTERM`: a step that is not done in time goes back to the queue, and nobody waits for the visibility
    timeout (10 minutes here). Plain SIGTERM waits for the step until the platform kills, and the message is stuck."""
    ours, plain = side({"CONCEPT_SOFT_SHUTDOWN_SECONDS": "0.3"}), side()
    stopping, waiting = ours.worker(*CHILD, **REMAPPED), plain.worker(*CHILD)
    busy((ours, stopping), (plain, waiting))
    for worker in (stopping, waiting):
        worker.kill("SIGTERM")
    until(lambda: has_ended(stopping), "the worker to end by itself")
    until(lambda: "Warm shutdown" in waiting.logs(), "the other to have heard it too")
    waiting.vanish()
    assert (plain.waiting, plain.in_hand) == (0, 1)
    stopping.start()
    until(lambda: ours.begun("step") == 2, "the next worker to have the step")


def test_a_stopping_worker_gives_its_step_time_to_end(side: Side) -> None:
    """`worker_soft_shutdown_timeout`: without it the step is killed at once, and what it paid for is paid again."""
    ours, without = side({"CONCEPT_SOFT_SHUTDOWN_SECONDS": "2"}), side(worker_soft_shutdown_timeout=None)
    workers = [bench.worker(*CHILD, **REMAPPED) for bench in (ours, without)]
    busy((ours, workers[0]), (without, workers[1]))
    for worker in workers:
        worker.kill("SIGTERM")
    until(lambda: "Initiating Soft Shutdown" in workers[0].logs(), "the soft shutdown")
    ours.release("step")
    until(lambda: all(has_ended(worker) for worker in workers), "the workers to end")
    assert (ours.ended("step"), ours.is_empty) == (1, True)
    assert (without.ended("step"), without.waiting) == (0, 1)


def test_an_idle_worker_stops_at_once(side: Side) -> None:
    """`worker_enable_soft_shutdown_on_idle` is off: what waits for its time goes back to the queue without it, and with
    it every idle worker waits out the soft shutdown for nothing."""
    long = {"CONCEPT_SOFT_SHUTDOWN_SECONDS": "60"}
    children, threads, waiting = side(long), side(long), side(long, worker_enable_soft_shutdown_on_idle=True)
    pools = {children: CHILD, threads: THREADS, waiting: CHILD}
    workers = {bench: bench.worker(*pool, **REMAPPED) for bench, pool in pools.items()}
    for bench, worker in workers.items():
        bench.send("note", "later", countdown=100)
        until(lambda b=bench: b.in_hand, "the message to be in hand")
        worker.ready()
        worker.kill("SIGTERM")
    for bench in (children, threads):
        until(lambda b=bench: has_ended(workers[b]), "our worker to end")
        assert (bench.waiting, bench.in_hand) == (1, 0)
    until(lambda: "Initiating Soft Shutdown" in workers[waiting].logs(), "the other to begin its wait")
    assert (waiting.waiting, waiting.in_hand) == (0, 1)


def test_threads_that_cannot_be_killed_end_all_the_same(side: Side) -> None:
    """`GuardedConsumer`: a worker of threads hands its step back and ends. Celery's own waits for the step until the
    platform kills it, and the message may be in its hands until the visibility timeout."""
    short = {"CONCEPT_SOFT_SHUTDOWN_SECONDS": "0.1"}
    ours, plain = side(short), side(short, worker_consumer="celery.worker.consumer:Consumer")
    remapped = environment_of("worker")
    stopping, waiting = (bench.worker(*THREADS, **remapped) for bench in (ours, plain))
    busy((ours, stopping), (plain, waiting))
    for worker in (stopping, waiting):
        worker.kill("SIGTERM")
    until(lambda: has_ended(stopping), "our worker to end by itself")
    assert (ours.waiting, ours.in_hand) == (1, 0)
    until(lambda: "NotImplementedError" in waiting.logs(), "the other to try")
    assert not has_ended(waiting)
    waiting.vanish()
    assert plain.waiting + plain.in_hand == 1
    stopping.start()
    until(lambda: ours.begun("step") == 2, "the next worker to have the step")


def test_threads_that_are_done_in_time_are_not_cut_short(side: Side) -> None:
    """The step ends, its message is gone, and the worker ends when the time to stop is over."""
    bench = side({"CONCEPT_SOFT_SHUTDOWN_SECONDS": "2"})
    worker = bench.worker(*THREADS, **environment_of("worker"))
    busy((bench, worker))
    worker.kill("SIGTERM")
    until(lambda: "Initiating Soft Shutdown" in worker.logs(), "the soft shutdown")
    bench.release("step")
    until(lambda: has_ended(worker), "the worker to end by itself")
    assert (bench.ended("step"), bench.is_empty) == (1, True)

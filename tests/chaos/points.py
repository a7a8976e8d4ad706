"""Inside a worker: notes what it has in hand, and kills it at exact points. Only the suite's own app module uses this.

Chance kills (`CHAOS_POINTS`); or a test asks one step of one task to wait at a point (`hold_file`), and does with the
process what it likes.

Nothing of it is in the product: methods of the product's classes are wrapped here, from outside.
"""

from __future__ import annotations

import functools
import hashlib
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery.app.amqp import AMQP
from celery.backends.redis import RedisBackend
from structlog.contextvars import get_contextvars

from concept_worker.models import StagedName
from concept_worker.services.concept_persistence_service import ConceptPersistenceService
from concept_worker.services.concept_service import ConceptService
from concept_worker.services.image_persistence_service import ImagePersistenceService
from concept_worker.services.image_service import ImageService
from concept_worker.services.task_service import TaskService
from tests.chaos.journal import SETTING, Journal

POINTS = "CHAOS_POINTS"  # "answered=0.1,finished=0.05"
FOLDER = "CHAOS_FOLDER"  # holds `armed` while faults are on, and one file for each kill done
BUDGET = "CHAOS_BUDGET"  # kills at each exact point
FORGETFUL = "forgetful"  # a file there: palettes that wait in staging are not found
DRIVER = "CHAOS_DRIVER"  # process id of the driver: orphans end with it
_ORPHAN_LOOK = 1.0  # seconds
_HOLD_LOOK = 0.02
CHORD = "chord"  # in the place of a step's name, where it may be either header

_here = threading.local()


def journal() -> Journal:
    """This deployment's journal."""
    return Journal(Path(os.environ[SETTING]))


def hold_file(folder: Path, point: str, step: str, task: object) -> Path:
    """Where this file is, whoever comes to that point writes its process id into it, and waits until it is gone."""
    return folder / f"hold-{point}-{step}-{task}"


def reach(point: str, task: object, step: str | None = None) -> None:
    """Wait here as long as a test asks for it; then die, if chance says so."""
    at = step or str(get_contextvars().get("step"))  # threads that upload for a step have its log context too
    held = hold_file(Path(os.environ[FOLDER]), point, at, task)
    if held.exists():
        _wait_at(held)
    _perhaps_die(point, task)


def _wait_at(held: Path) -> None:
    with suppress(FileNotFoundError), held.open("r+") as file:  # never made again: it may be gone by now
        file.write(str(os.getpid()))
    while held.exists():
        threading.Event().wait(_HOLD_LOOK)


def _perhaps_die(point: str, task: object) -> None:
    """Kill this process here, or its parent, if chance says so: at most once for a point of a task."""
    chances = dict(pair.split("=") for pair in os.environ.get(POINTS, "").split(",") if pair)
    folder = Path(os.environ[FOLDER])
    digest = hashlib.sha256(f"{os.environ.get('CHAOS_SEED')}{point}{task}".encode()).digest()
    if digest[0] >= 256 * float(chances.get(point, 0)) or not (folder / "armed").exists():
        return
    if sum(1 for _ in folder.glob(f"kill-{point}-*")) >= int(os.environ[BUDGET]):
        return
    try:
        (folder / f"kill-{point}-{task}").touch(exist_ok=False)
    except FileExistsError:
        return
    victim = os.getppid() if _is_child() and digest[1] < 64 else os.getpid()
    journal().note("killed", victim=victim, point=point, task=task)
    os.kill(victim, signal.SIGKILL)


def _is_child() -> bool:
    import multiprocessing

    import billiard

    name = billiard.current_process().name
    return "PoolWorker" in name and multiprocessing.current_process() is not None


def end_with_driver() -> None:
    """A thread that ends this process when the driver is gone: a child whose parent was killed has nobody else."""
    driver = int(os.environ[DRIVER])

    def look() -> None:
        while not threading.Event().wait(_ORPHAN_LOOK):
            try:
                os.kill(driver, 0)
            except ProcessLookupError:
                os._exit(1)

    threading.Thread(target=look, name="driver watch", daemon=True).start()


def begin(task: object, step: str) -> None:
    """This thread has a step in hand."""
    _here.task, _here.step = str(task), step
    journal().note("begin", task=str(task), step=step)


def end() -> None:
    """It has not any more."""
    if getattr(_here, "task", None) is not None:
        journal().note("end", task=_here.task)
        _here.task = None


def _around(owner: type, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrap(original)))


def _after(owner: type, name: str, then: Callable[..., None]) -> None:
    """Call `then(result, *arguments)` when the method has returned."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            then(result, *args, **kwargs)
            return result

        return wrapped

    _around(owner, name, wrap)


def _paid(endpoint: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            journal().note("call", task=_here.task, endpoint=endpoint)
            try:
                answer = original(*args, **kwargs)
            except Exception:
                journal().note("refused")
                raise
            reach("answered", _here.task)
            return answer

        return wrapped

    return wrap


def _forgetting(original: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return None if (Path(os.environ[FOLDER]) / FORGETFUL).exists() else original(*args, **kwargs)

    return wrapped


def watch_calls() -> None:
    """Note each paid call, and when its answer was recorded."""
    _around(ConceptService, "generate_concept", _paid("image"))
    _around(ConceptService, "refine_concept", _paid("refine"))
    _around(ConceptService, "generate_color_palettes", _paid("palettes"))
    _around(ConceptService, "find_palettes", _forgetting)

    def staged(_: Any, *__: Any, name: StagedName, task_id: object, **___: Any) -> None:
        if name is StagedName.BASE:
            journal().note("recorded")
        reach("staged", task_id)

    def kept(_: Any, __: Any, run: Any, ___: Any, ____: Any, receipt: Any) -> None:
        if receipt is not None:
            journal().note("recorded")
            reach("receipt", run.task_id)

    _after(ImageService, "stage_image", staged)
    _after(TaskService, "keep_receipt", kept)


def watch_steps() -> None:
    """Note each step that begins and ends, and die between its parts."""
    from concept_worker.tasks.base import StepTask
    from concept_worker.tasks.start import StartTask

    def finished(_: Any, __: Any, run: Any, step: str, *___: Any) -> None:
        if step == "generate_palettes":
            journal().note("recorded")
            reach("remembered", run.task_id)
        reach("finished", run.task_id)

    def claimed(row: Any, _: Any, task_id: object, *__: Any) -> None:
        if row is not None:
            begin(task_id, "start")
            reach("claimed", task_id)

    def begun(_: Any, __: Any, run: Any, step: str, *___: Any) -> None:
        begin(run.task_id, step)
        reach("begun", run.task_id)

    _after(TaskService, "begin_step", begun)
    _after(TaskService, "finish_step", finished)
    _after(TaskService, "claim_task_if_pending", claimed)
    _after(ConceptPersistenceService, "store_concept", lambda _, __, run, **___: reach("stored", run.task_id))
    _after(
        ImageService,
        "create_palette_variations",
        lambda _, __, ___, ____, *, task_id, **_____: reach("painted", task_id),
    )
    _after(ImagePersistenceService, "store_image", lambda _, __, ___, *, task_id, **____: reach("uploaded", task_id))
    for owner, name in ((StepTask, "step"), (StartTask, "start")):
        _around(owner, name, _ending)


def _ending(original: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            end()

    return wrapped


def watch_chords() -> None:
    """Die between a header's result and its count, about the body's publication, and after all of it."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            root, step = getattr(request, "root_id", None), str(getattr(request, "task", "")).rpartition(".")[2]
            reach("uncounted", root, step)
            _here.counting = root
            try:
                result = original(self, request, *args, **kwargs)
            finally:
                _here.counting = None
            reach("counted", root, step)
            return result

        return wrapped

    def wrap_publishing(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            root = getattr(_here, "counting", None)
            if root is None:  # a link of a chain
                return original(*args, **kwargs)
            reach("unpublished", root, CHORD)
            result = original(*args, **kwargs)
            reach("published", root, CHORD)
            return result

        return wrapped

    _around(RedisBackend, "on_chord_part_return", wrap)
    _around(AMQP, "_retry_publish", wrap_publishing)

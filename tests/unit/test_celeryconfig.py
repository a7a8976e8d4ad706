"""The queue's settings hang together."""

from __future__ import annotations

from concept_worker.celery import app
from concept_worker.models import TaskType
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.queue_app import configuration
from concept_worker.routing import START_OF, TaskName
from concept_worker.settings import Settings


def test_every_task_has_a_name_a_queue_and_a_body() -> None:
    """What routing names is what workers register, and nothing else of ours."""
    app.loader.import_default_modules()
    registered = {name for name in app.tasks if name.startswith("concept_worker.")}
    assert registered == {name.value for name in TaskName} == set(configuration().task_routes)


def test_every_task_acknowledges_late() -> None:
    """Whatever a decorator may say."""
    app.loader.import_default_modules()
    assert all(task.acks_late for name, task in app.tasks.items() if name.startswith("concept_worker."))


def test_every_entry_is_a_start() -> None:
    """Each task type that can be asked for has an entry."""
    assert set(START_OF) == set(TaskType)


def test_each_type_of_task_is_known_wherever_types_are_told_apart() -> None:
    """A processor, which says what a message of the original's shape must have."""
    assert set(PROCESSORS) == set(TaskType)
    assert all(processor.required and processor.missing for processor in PROCESSORS.values())


def test_no_wait_outlasts_the_visibility_timeout() -> None:
    """A longer countdown or step would be delivered twice while it lasts; a stopping worker holds what it has."""
    settings = Settings()
    visible = configuration().broker_transport_options["visibility_timeout"]
    assert settings.retry_cap_seconds < visible
    assert settings.lease_seconds < visible
    assert settings.step_seconds < visible
    assert settings.soft_shutdown_seconds < visible


def test_no_run_outlasts_its_results() -> None:
    """A chord whose counts were forgotten would never go on."""
    ours = configuration()
    assert min(ours.result_expires, ours.result_chord_expires) > Settings().deadline_seconds

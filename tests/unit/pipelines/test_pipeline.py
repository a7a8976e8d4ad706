"""What a pipeline's declaration says, and what it refuses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from concept_worker.celery import app
from concept_worker.models import RunReference, StagedName, TaskStatus, TaskType
from concept_worker.pipelines.generation import GenerationTaskProcessor
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.pipeline import Pipeline
from concept_worker.pipelines.registry import PROCESSORS, STEPS, reusable_steps
from concept_worker.pipelines.step import Step, step
from concept_worker.routing import TaskName
from concept_worker.tasks.canvas import canvas_of

FIRST = TaskName.GENERATE_BASE_IMAGE


class Sums:
    """A processor whose steps count."""

    @step(TaskName.GENERATE_BASE_IMAGE, 0, 10)
    def one(self) -> int:
        return 1

    @step(TaskName.STORE_BASE_IMAGE, 10, 20)
    def two(self, number: int) -> int:
        return number + 1

    @step(TaskName.GENERATE_PALETTES, 10, 30, pays=True)
    def word(self, paid: PaidCall) -> str:
        return "x"

    @step(TaskName.CREATE_VARIATIONS, 40, 50)
    def both(self, number: int, text: str) -> str:
        return text * number


def test_arguments_come_from_the_nearest_step_of_their_type() -> None:
    """And a paid call from whoever runs the step."""
    pipeline = Pipeline(Sums.one, (Sums.two, Sums.word), Sums.both)
    paid: Any = object()
    results = {"generate_base_image": 1, "store_base_image": 2, "generate_palettes": "ab"}
    assert pipeline.arguments(Sums.two, results, None) == [1]
    assert pipeline.arguments(Sums.word, results, paid) == [paid]
    assert pipeline.arguments(Sums.both, results, None) == [2, "ab"]
    assert Sums().both(2, "ab") == "abab"


def test_a_new_step_edits_no_neighbour() -> None:
    """What takes a number gets the new step's."""
    results = {"generate_base_image": 1, "store_base_image": 2, "generate_palettes": "ab"}
    assert Pipeline(Sums.one, Sums.word, Sums.both).arguments(Sums.both, results, None) == [1, "ab"]
    assert Pipeline(Sums.one, Sums.two, Sums.word, Sums.both).arguments(Sums.both, results, None) == [2, "ab"]


def test_all_of_the_stage_before_must_be_done() -> None:
    """Also where no result of it is taken: palettes are not paid for before there is an image."""
    pipeline = Pipeline(Sums.one, (Sums.two, Sums.word), Sums.both)
    assert pipeline.needs(Sums.one) == []
    assert pipeline.needs(Sums.word) == ["generate_base_image"]
    assert pipeline.needs(Sums.both) == ["store_base_image", "generate_palettes"]


def test_what_no_step_returns_is_refused_at_once() -> None:
    """When the module is imported, with the step's name."""
    with pytest.raises(TypeError, match=r"create_variations takes .*str.*, which no step before it returns"):
        Pipeline(Sums.one, Sums.both)


@pytest.mark.parametrize("kind", TaskType)
def test_progress_never_goes_back(kind: TaskType) -> None:
    """Percents of each stage begin after those of the stage before, and end at 100."""
    stages = PROCESSORS[kind].pipeline.stages
    for before, after in pairwise(stages):
        assert max(one.ends for one in before) <= min(one.begins for one in after)
    assert all(one.begins < one.ends for stage in stages for one in stage)
    assert stages[-1][-1].ends == 100


@pytest.mark.parametrize("kind", TaskType)
def test_each_bytes_in_staging_have_one_maker(kind: TaskType) -> None:
    """What is lost is made again by it; a checkpoint that promises bytes says so."""
    steps = PROCESSORS[kind].pipeline.steps
    makers = [one.leaves for one in steps if one.leaves is not None]
    assert len(set(makers)) == len(makers)
    assert StagedName.BASE in makers


def test_a_retry_takes_over_what_does_not_depend_on_old_pictures() -> None:
    """Of a canceled task, whose pictures are deleted, palettes alone."""
    assert reusable_steps(TaskType.GENERATION, TaskStatus.FAILED) == ("generate_base_image", "generate_palettes")
    assert reusable_steps(TaskType.REFINEMENT, TaskStatus.FAILED) == (
        *("download_original", "refine_image"),
        "generate_palettes",
    )
    assert {reusable_steps(kind, TaskStatus.CANCELED) for kind in TaskType} == {("generate_palettes",)}


def test_a_method_has_the_name_of_its_messages() -> None:
    """Row, log and code speak of the same thing."""
    for processor in PROCESSORS.values():
        for one in processor.pipeline.steps:
            assert one.method.__name__ == one.name
            assert getattr(processor, one.name) is one


@pytest.mark.parametrize("kind", TaskType)
def test_the_canvas_has_each_step_once_in_order(kind: TaskType) -> None:
    """The chord's header is the stage of two, its body the step behind it."""
    app.loader.import_default_modules()
    run = RunReference(task_id="7b0f2f0e-2f0e-4c0e-8f0e-2f0e7b0f2f0e", number=1, type=kind)
    assert names_in(canvas_of(run)) == [one.task.value for one in PROCESSORS[kind].pipeline.steps]


def names_in(part: Any) -> list[str]:
    """The tasks of a canvas, header before body."""
    if part.task == "celery.chain":
        return [name for one in part.tasks for name in names_in(one)]
    if part.task == "celery.chord":
        header = getattr(part.tasks, "tasks", part.tasks)
        return [*(name for one in header for name in names_in(one)), *names_in(part.body)]
    return [part.task]


def test_a_step_is_a_bound_method_on_an_instance() -> None:
    """And itself on the class, where its declaration is read."""
    assert isinstance(GenerationTaskProcessor.generate_base_image, Step)
    assert Sums().one() == 1
    assert STEPS[FIRST] is GenerationTaskProcessor.generate_base_image

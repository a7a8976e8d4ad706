"""The pipelines, read off the product: names, percents, order and payment of the steps are its own."""

from __future__ import annotations

from functools import cache

from concept_worker.models import StagedName, TaskStatus, TaskType
from concept_worker.pipelines.registry import PROCESSORS, reusable_steps
from tests.prove.world import StepPlan

_HEADER = ("store_base_image", "generate_palettes")
_PAYS = {"generate_base_image": "image", "refine_image": "image", "generate_palettes": "palettes"}
_KEEPS = {"image": StagedName.BASE.value, "palettes": StagedName.PALETTES.value}
_READS = {"refine_image": "original", "store_base_image": "base", "create_variations": "base"}


@cache
def plan_of(kind: str) -> dict[str, StepPlan]:
    """The steps of one type of task, in their order."""
    pipeline = PROCESSORS[TaskType(kind)].pipeline
    return {
        step.name: StepPlan(
            name=step.name,
            begins=step.begins,
            ends=step.ends,
            needs=tuple(pipeline.needs(step)),
            pays=_PAYS[step.name] if step.pays else "",
            makes=step.leaves.value if step.leaves else "",
            keeps=_KEEPS[_PAYS[step.name]] if step.pays else "",
            reads=_READS.get(step.name, ""),
        )
        for step in pipeline.steps
    }


@cache
def maker_of(kind: str, name: str) -> str:
    """The step that makes what is staged under that name."""
    return PROCESSORS[TaskType(kind)].pipeline.maker(StagedName(name)).name


def reusable(kind: str, status: str) -> tuple[str, ...]:
    """The steps whose checkpoints a retry takes over."""
    return reusable_steps(TaskType(kind), TaskStatus(status))


@cache
def next_of(kind: str, step: str | None) -> tuple[str, ...]:
    """The steps whose messages follow a step's end (None: the start); the header of the chord is two."""
    order = list(plan_of(kind))
    if step in _HEADER:
        return ("create_variations",)
    behind = order[0] if step is None else order[order.index(step) + 1] if step != order[-1] else None
    if behind is None:
        return ()
    return _HEADER if behind == _HEADER[0] else (behind,)


def is_header(step: str) -> bool:
    """Return whether the step is one of the chord's two."""
    return step in _HEADER

"""The order of a pipeline's steps, and where each step's arguments come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from concept_worker.models import StagedName
from concept_worker.pipelines.paid_call import PaidCall
from concept_worker.pipelines.step import Step

AnyStep = Step[Any, ..., Any]


class Pipeline:
    """Steps in their order; those of one stage run side by side.

    An argument of a step is the result of the nearest step before it that returns the argument's type. A `PaidCall` is
    made for the step that asks for one.

    Raises:
        TypeError: no step before returns what a step takes.
    """

    def __init__(self, *stages: AnyStep | Sequence[AnyStep]) -> None:
        self.stages = tuple((stage,) if isinstance(stage, Step) else tuple(stage) for stage in stages)
        self.steps = tuple(step for stage in self.stages for step in stage)
        self._named = {step.name: step for step in self.steps}
        self._sources: dict[str, tuple[str | None, ...]] = {}
        self._before: dict[str, tuple[str, ...]] = {}
        for number, stage in enumerate(self.stages):
            earlier = [step for before in self.stages[:number] for step in before]
            for step in stage:
                self._sources[step.name] = tuple(_source(step, kind, earlier) for kind in step.inputs)
                self._before[step.name] = tuple(one.name for one in self.stages[number - 1]) if number else ()

    def __contains__(self, step: object) -> bool:
        return step in self.steps

    def needs(self, step: AnyStep) -> list[str]:
        """Return the steps that must be done before: those of the stage before it, and those whose results it takes."""
        sources = (source for source in self._sources[step.name] if source is not None)
        return list(dict.fromkeys((*self._before[step.name], *sources)))

    def arguments(self, step: AnyStep, results: Mapping[str, Any], paid: PaidCall | None) -> list[Any]:
        """Load the arguments of a step from the results of others, as their checkpoints keep them."""
        return [
            paid if source is None else self._named[source].load(results[source]) for source in self._sources[step.name]
        ]

    def maker(self, name: StagedName) -> AnyStep:
        """Return the step that puts these bytes into staging."""
        return next(step for step in self.steps if step.leaves is name)


def _source(step: AnyStep, kind: Any, earlier: Sequence[AnyStep]) -> str | None:
    """Return the step whose result is the argument of this type; None for a paid call."""
    if kind is PaidCall:
        return None
    for one in reversed(earlier):
        if one.returns == kind:
            return one.name
    raise TypeError(f"{step.name} takes {kind}, which no step before it returns")

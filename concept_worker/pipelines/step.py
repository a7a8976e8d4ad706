"""A step: a processor's method whose result is kept, with all that is known of it declared at the method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_type_hints, overload

from pydantic import TypeAdapter

from concept_worker.models import StagedName
from concept_worker.routing import Queue, TaskName
from concept_worker.validation import reading

S = TypeVar("S")  # the processor
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(eq=False)
class Step(Generic[S, P, R]):
    """One checkpoint of a pipeline. On a processor's instance it is the bound method."""

    method: Callable[Concatenate[S, P], R]
    task: TaskName  # of the messages that run it
    begins: int  # percent
    ends: int
    queue: Queue = Queue.CONCEPTS
    pays: bool = False  # calls a provider who is paid
    reusable: bool = False  # a retry takes its checkpoint over: it does not depend on where the old task's pictures lie
    outlives_cancel: bool = False  # also the retry of a canceled task, whose pictures are deleted
    leaves: StagedName | None = None  # the bytes that it puts into staging
    instead: Callable[[S], R] | None = None  # done when the provider stays away through every try

    @property
    def name(self) -> str:
        """The name in rows, logs and at the method."""
        return self.task.value.rpartition(".")[2]

    @cached_property
    def inputs(self) -> tuple[Any, ...]:
        """The types of its arguments, in their order."""
        return tuple(kind for name, kind in get_type_hints(self.method).items() if name != "return")

    @cached_property
    def returns(self) -> Any:
        """The type of its result."""
        return get_type_hints(self.method)["return"]

    @cached_property
    def _output(self) -> TypeAdapter[R]:
        return TypeAdapter(self.returns)

    def dump(self, value: R) -> Any:
        """Convert a result to JSON types, for the broker and the checkpoint."""
        return self._output.dump_python(value, mode="json")

    def load(self, value: Any) -> R:
        """Convert a result back from JSON types.

        Raises:
            UnreadableRecord: another version wrote it in a shape that this one does not know.
        """
        with reading(f"the result of {self.name}"):
            return self._output.validate_python(value)

    def when_unavailable(self, method: Callable[[S], R]) -> Callable[[S], R]:
        """Do the decorated method instead when the provider stays away through every try."""
        self.instead = method
        return method

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Step[S, P, R]: ...
    @overload
    def __get__(self, instance: S, owner: type[Any]) -> Callable[P, R]: ...
    def __get__(self, instance: S | None, owner: type[Any]) -> Step[S, P, R] | Callable[P, R]:
        return self if instance is None else partial(self.method, instance)


def step(
    task: TaskName,
    begins: int,
    ends: int,
    *,
    queue: Queue = Queue.CONCEPTS,
    pays: bool = False,
    reusable: bool = False,
    outlives_cancel: bool = False,
    leaves: StagedName | None = None,
) -> Callable[[Callable[Concatenate[S, P], R]], Step[S, P, R]]:
    """Declare a method as the step that these messages run. `begins` and `ends` are percents; the rest is `Step`'s."""

    def declare(method: Callable[Concatenate[S, P], R]) -> Step[S, P, R]:
        return Step(method, task, begins, ends, queue, pays, reusable, outlives_cancel, leaves)

    return declare

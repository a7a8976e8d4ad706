"""The product's SQL functions, asked as the product asks them."""

from __future__ import annotations

from typing import Any

from tests.prove.database import Answer, Database
from tests.prove.plans import plan_of
from tests.prove.world import LEASE, MAX_INTERRUPTIONS, VARIATIONS, Execution, StepPlan, World


class Verbs:
    """Every call leaves the world as it is: its answer has the state behind it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def call(self, world: World, function: str, task: str | None, *arguments: Any) -> Answer:
        """Ask one function of the product; `task` is its first argument where it has one."""
        first = [] if task is None else [f"prove.id({quoted(task)})"]
        text = ", ".join([*first, *(str(one) for one in arguments)])
        return self._database.play(world.state, f"public.{function}({text})")

    def begin(self, world: World, execution: Execution) -> Answer:
        """What `begin_step` answers to this execution, as its version of the worker asks."""
        plan = self.plan(world, execution)
        arguments: list[Any] = [
            execution.run, quoted(execution.name), quoted(execution.owner), plan.begins, LEASE, MAX_INTERRUPTIONS
        ]  # fmt: skip
        if not execution.is_old:
            needs = ",".join(quoted(one) for one in plan.needs)
            arguments += [quoted(world.kind), f"array[{needs}]::text[]", 0.0]
        return self.call(world, "begin_step", execution.task, *arguments)

    def store(self, world: World, now: Execution) -> Answer:
        """What `store_concept` answers."""
        pictures = ",".join(
            f'{{"position":{n},"palette_name":"p","palette_source":"local","colors":[],"image_path":"v"}}'
            for n in range(1, VARIATIONS + 1)
        )
        concept = '{"logo_description":"l","theme_description":"t","image_path":"i"}'
        return self.call(world, "store_concept", now.task, now.run, quoted(concept), quoted(f"[{pictures}]"))

    def finish(self, world: World, now: Execution) -> Answer:
        """What `finish_step` answers; the output names task and execution, so that a second one is told apart."""
        output = quoted(f'"{now.task}{now.owner}"')
        return self.call(
            world, "finish_step", now.task, now.run, quoted(now.name), output, self.plan(world, now).ends, LEASE
        )

    def release(
        self, world: World, one: Execution, *, is_attempt: bool, delay: float, is_unknown: bool = False
    ) -> Answer:
        """What `wait_step` answers."""
        arguments: list[Any] = [
            one.run, quoted(one.name), quoted(one.owner), quoted("why"), boolean(is_attempt), delay, LEASE
        ]  # fmt: skip
        if not one.is_old:
            arguments.append(boolean(is_unknown))
        return self.call(world, "wait_step", one.task, *arguments)

    @staticmethod
    def plan(world: World, execution: Execution) -> StepPlan:
        """Return what the pipeline says of the execution's step."""
        return plan_of(world.kind)[execution.name]


def quoted(text: str) -> str:
    """Return an SQL text."""
    return "'" + text.replace("'", "''") + "'"


def boolean(value: bool) -> str:
    """Return an SQL boolean."""
    return "true" if value else "false"


def ids(tasks: list[str]) -> str:
    """Return an SQL array of task ids."""
    return "array[" + ",".join(f"prove.id({quoted(task)})" for task in tasks) + "]::uuid[]"

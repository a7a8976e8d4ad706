"""The parts of a parsed query string."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """An arrow into JSON: to a key of an object, or to a position in an array."""

    arrow: str
    key: str
    is_position: bool = False


@dataclass(frozen=True)
class Field:
    """A column, and the path into its JSON."""

    column: str
    path: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Item:
    """An entry of `select`."""

    field: Field
    alias: str | None
    cast: str | None


@dataclass(frozen=True)
class Condition:
    """A comparison; `value` is a list for `in`."""

    field: Field
    operator: str
    value: str | list[str]
    negated: bool


@dataclass(frozen=True)
class Group:
    """Conditions joined by `and` or `or`."""

    joint: str
    members: tuple[Condition | Group, ...]
    negated: bool


@dataclass(frozen=True)
class Ordering:
    """An entry of `order`."""

    field: Field
    direction: str
    nulls: str


@dataclass(frozen=True)
class Embed:
    """A related table in `select`, with a query of its own; `is_inner` drops rows that have no related one."""

    table: str
    alias: str | None
    is_inner: bool
    query: Query

    @property
    def key(self) -> str:
        """The name in the answer."""
        return self.alias or self.table


@dataclass
class Query:
    """A parsed query string."""

    select: list[Item] = field(default_factory=list)
    embeds: list[Embed] = field(default_factory=list)
    where: list[Condition | Group] = field(default_factory=list)
    order: list[Ordering] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    columns: list[str] | None = None
    on_conflict: list[str] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """The columns that are read, compared, sorted by or a target of conflicts."""
        fields = [item.field for item in self.select] + [ordering.field for ordering in self.order]
        fields += [name for node in self.where for name in _fields(node)]
        return {found.column for found in fields if found.column != "*"} | set(self.on_conflict)


def _fields(node: Condition | Group) -> list[Field]:
    if isinstance(node, Condition):
        return [node.field]
    return [found for member in node.members for found in _fields(member)]

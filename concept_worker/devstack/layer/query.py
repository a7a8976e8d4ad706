"""The parser of a REST request's query string into columns, conditions and orderings; it knows no SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from concept_worker.devstack.layer.errors import RestError, unsupported

SINGLE_VALUE = {
    "eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "match": "~", "imatch": "~*",
    "like": "~~", "ilike": "~~*", "cs": "@>", "cd": "<@", "ov": "&&", "sl": "<<", "sr": ">>", "nxl": "&>",
    "nxr": "&<", "adj": "-|-", "isdistinct": "is distinct from",
}  # fmt: skip
IS_VALUES = ("null", "true", "false", "unknown")
MAX_DEPTH = 100  # of groups within groups, and of arrows in a row
_RESERVED = ("select", "order", "limit", "offset", "columns", "on_conflict")
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\w $]+(?:-(?!>)[\w $]+)*)')
# A key of ASCII digits alone is a position, unless it is quoted.
_POSITION = re.compile(r"(->>?)(-?[0-9]+)(?=->|::|[.,]|\Z)")
_ARROW = re.compile(r'(->>?)("(?:[^"\\]|\\.)*"|[^"(),.:>-]+(?:-(?!>)[^"(),.:>-]+)*)')
_IS = re.compile("|".join(IS_VALUES), re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


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


@dataclass
class Query:
    """A parsed query string."""

    select: list[Item] = field(default_factory=list)
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


def read_query(pairs: list[tuple[str, str]]) -> Query:
    """Parse a query from name-value pairs.

    Raises:
        RestError: PGRST100 for a query that PostgREST cannot parse either, 501 for one that only the layer does not
            support.
    """
    first = dict(reversed(pairs))
    for name, text in pairs:
        if "\0" in name or (name in _RESERVED and "\0" in text):
            raise _unparsable(f"{name}={text}")
    query = Query(
        select=[_item(text) for text in _split(first.get("select") or "*")],
        order=[_ordering(text) for text in _split(first["order"])] if "order" in first else [],
        limit=_count(first.get("limit", "")),
        offset=_count(first.get("offset", "")) or 0,
        columns=[_name(text) for text in _split(first["columns"])] if "columns" in first else None,
        on_conflict=[_name(text) for text in _split(first["on_conflict"])] if "on_conflict" in first else [],
    )
    if query.limit is not None and (query.limit < 0 or (query.limit == 0 and query.offset > 0)):
        raise RestError(416, "PGRST103", "Requested range not satisfiable", details="The limit leaves no range.")
    query.where = [_filter(name, text) for name, text in pairs if name not in _RESERVED]
    return query


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None  # PostgREST ignores text that is no number


def _name(text: str) -> str:
    scanner = _Scanner(text)
    found = scanner.field()
    scanner.finish()
    return found.column


def _filter(name: str, text: str) -> Condition | Group:
    if name in ("or", "and", "not.or", "not.and"):
        scanner = _Scanner(name + text)
        group = scanner.node()
    else:
        scanner = _Scanner(name)
        target = scanner.field()
        scanner.finish()
        scanner = _Scanner(text)
        group = scanner.condition(target, nested=False)
    scanner.finish()
    return group


def _item(text: str) -> Item:
    if "(" in text and not text.startswith('"'):
        raise unsupported(f"embedding or aggregating ({text})")
    scanner = _Scanner(text)
    if text == "*":
        return Item(Field("*"), None, None)
    target, alias = scanner.field(), None
    if not scanner.sees("::") and scanner.skip(":"):
        alias, target = target.column, scanner.field()
    cast = scanner.cast() if scanner.skip("::") else None
    if scanner.rest():
        raise _unparsable(text)
    if alias is None and target.path:
        alias = next((step.key for step in reversed(target.path) if not step.is_position), target.column)
    return Item(target, alias, cast)


def _ordering(text: str) -> Ordering:
    scanner = _Scanner(text)
    target = scanner.field()
    found = re.fullmatch(r"(?:\.(asc|desc))?(?:\.nulls(first|last))?", scanner.rest())
    if not found:
        raise _unparsable(text)
    return Ordering(target, found[1] or "asc", found[2] or "")


def _split(text: str) -> list[str]:
    """Split at commas that stand outside quotes and parentheses."""
    parts, depth, start, quoted = [], 0, 0, False
    for at, char in enumerate(text):
        quoted ^= char == '"'
        depth += 0 if quoted else (char == "(") - (char == ")")
        if char == "," and depth == 0 and not quoted:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]]]


def _unquote(text: str) -> str:
    found = _QUOTED.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else text


def _unparsable(text: str) -> RestError:
    return RestError(400, "PGRST100", f'"failed to parse ({text})"', details="unexpected input")


def _too_deep() -> RestError:
    message = f"a query nested deeper than {MAX_DEPTH} levels is not parsed"
    return RestError(400, "PGRST100", message)


class _Scanner:
    """A scanner of one text in PostgREST's filter language."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def sees(self, token: str) -> bool:
        return self._text.startswith(token, self._at)

    def skip(self, token: str) -> str | None:
        if not self.sees(token):
            return None
        self._at += len(token)
        return token

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if not found:
            raise _unparsable(self._text)
        self._at = found.end()
        return found

    def rest(self) -> str:
        rest, self._at = self._text[self._at :], len(self._text)
        return rest

    def finish(self) -> None:
        if self._at < len(self._text):
            if self._text[self._at] == ".":
                raise unsupported(f"filtering an embedded resource ({self._text})")
            raise _unparsable(self._text)

    def field(self) -> Field:
        column, path = _unquote(self.take(_NAME)[1].strip()), []
        while self.sees("->"):
            path.append(self._step())
        if len(path) > MAX_DEPTH:
            raise _too_deep()
        return Field(column, tuple(path))

    def cast(self) -> str:
        """Read the name of a type, in lower case and with single blanks."""
        return " ".join(self.take(re.compile(r" *[\w$][\w $]*"))[0].lower().split())

    def _step(self) -> Step:
        position = _POSITION.match(self._text, self._at)
        found = self.take(_POSITION if position else _ARROW)
        return Step(found[1], _unquote(found[2]), is_position=position is not None)

    def node(self, depth: int = 1) -> Condition | Group:
        """Read one member of a logic tree: a group or a condition."""
        if depth > MAX_DEPTH:
            raise _too_deep()
        start, negated = self._at, bool(self.skip("not."))
        joint = self.skip("and(") or self.skip("or(")
        if not joint:
            self._at = start
            target = self.field()
            if not self.skip("."):
                raise _unparsable(self._text)
            return self.condition(target, nested=True)
        members = [self.node(depth + 1)]
        while self.skip(","):
            members.append(self.node(depth + 1))
        if not self.skip(")"):
            raise _unparsable(self._text)
        return Group(joint[:-1], tuple(members), negated)

    def condition(self, target: Field, *, nested: bool) -> Condition:
        """Read `[not.]operator.value`; inside a logic tree the value ends at a comma or parenthesis."""
        negated = bool(self.skip("not."))
        operator = self.take(re.compile(r"[a-z]*"))[0]
        if operator in ("fts", "plfts", "phfts", "wfts") or self.sees("(a"):
            raise unsupported(f"the operator of {self._text}")
        if not self.skip(".") or operator not in (*SINGLE_VALUE, "in", "is"):
            raise _unparsable(self._text)
        if operator == "in":
            return Condition(target, operator, self._list(), negated)
        value = self._nested_value() if nested else self.rest()
        if operator == "is" and not _IS.fullmatch(value):
            raise _unparsable(self._text)
        return Condition(target, operator, value, negated)

    def _list(self) -> list[str]:
        if not self.skip("("):
            raise _unparsable(self._text)
        values = [self._element()]
        while self.skip(","):
            values.append(self._element())
        if not self.skip(")"):
            raise _unparsable(self._text)
        return [] if values == [""] else values

    def _element(self) -> str:
        return _unquote(self.take(re.compile(r'"(?:[^"\\]|\\.)*"(?=[,)])|[^,)]*'))[0])

    def _nested_value(self) -> str:
        return _unquote(self.take(re.compile(r'"(?:[^"\\]|\\.)*"(?=[,)])|\{[^{}]*\}|[^,)]*'))[0])

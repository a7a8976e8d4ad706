"""Reads the query string of a REST request into columns, conditions and orderings; knows no SQL."""

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
_RESERVED = ("select", "order", "limit", "offset", "columns", "on_conflict")
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*"|(?:[^\s"(),.:>-]|-(?!>)|(?<!-)>)(?:[^"(),.:>-]|-(?!>)|(?<!-)>)*)')
_ARROW = re.compile(r'(->>?)("(?:[^"\\]|\\.)*"|[^"(),.:>-]+(?:-(?!>)[^"(),.:>-]+)*)')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Field:
    """A column, and the way into its JSON: pairs of arrow and key."""

    column: str
    path: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Item:
    """One entry of `select`."""

    field: Field
    alias: str | None
    cast: str | None


@dataclass(frozen=True)
class Condition:
    """One comparison; `value` is a list for `in`."""

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
    """One entry of `order`."""

    field: Field
    direction: str
    nulls: str


@dataclass
class Query:
    """Everything a query string says."""

    select: list[Item] = field(default_factory=list)
    where: list[Condition | Group] = field(default_factory=list)
    order: list[Ordering] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    columns: list[str] | None = None
    on_conflict: list[str] = field(default_factory=list)


def read_query(pairs: list[tuple[str, str]]) -> Query:
    """The query of these name-value pairs.

    Raises:
        RestError: PGRST100 for what PostgREST could not parse either, 501 for what only the layer does not speak.
    """
    first = dict(reversed(pairs))
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
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else None  # PostgREST overlooks what is no number


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
    if scanner.skip("::") is None and scanner.skip(":"):
        alias, target = target.column, scanner.field()
        scanner.skip("::")
    cast = scanner.rest()
    if (cast and not re.fullmatch(r"[A-Za-z_][\w ]*(\[\])?", cast)) or (text.endswith("::")):
        raise _unparsable(text)
    if alias is None and target.path:
        alias = next((key for _, key in reversed(target.path) if not key.lstrip("-").isdigit()), target.column)
    return Item(target, alias, cast or None)


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


class _Scanner:
    """Walks along one text of PostgREST's filter language."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def skip(self, token: str) -> str | None:
        if not self._text.startswith(token, self._at):
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
        while self._text.startswith("->", self._at):
            found = self.take(_ARROW)
            path.append((found[1], _unquote(found[2])))
        return Field(column, tuple(path))

    def node(self) -> Condition | Group:
        """One member of a logic tree: a group or a condition."""
        start, negated = self._at, bool(self.skip("not."))
        joint = self.skip("and(") or self.skip("or(")
        if not joint:
            self._at = start
            target = self.field()
            if not self.skip("."):
                raise _unparsable(self._text)
            return self.condition(target, nested=True)
        members = [self.node()]
        while self.skip(","):
            members.append(self.node())
        if not self.skip(")"):
            raise _unparsable(self._text)
        return Group(joint[:-1], tuple(members), negated)

    def condition(self, target: Field, *, nested: bool) -> Condition:
        """`[not.]operator.value`; inside a logic tree the value ends at a comma or parenthesis."""
        negated = bool(self.skip("not."))
        operator = self.take(re.compile(r"[a-z]*"))[0]
        if operator in ("fts", "plfts", "phfts", "wfts") or self._text.startswith("(a", self._at):
            raise unsupported(f"the operator of {self._text}")
        if not self.skip(".") or operator not in (*SINGLE_VALUE, "in", "is"):
            raise _unparsable(self._text)
        if operator == "in":
            return Condition(target, operator, self._list(), negated)
        value = self._nested_value() if nested else self.rest()
        if operator == "is" and value.lower() not in IS_VALUES:
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

"""The parser of a REST request's query string into columns, conditions and orderings; it knows no SQL."""

from __future__ import annotations

import re

from concept_worker.devstack.layer.errors import RestError, unsupported
from concept_worker.devstack.layer.parsed import (
    Condition,
    Embed,
    Field,
    Group,
    Item,
    Ordering,
    Query,
    Step,
)

SINGLE_VALUE = {
    "eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "match": "~", "imatch": "~*",
    "like": "~~", "ilike": "~~*", "cs": "@>", "cd": "<@", "ov": "&&", "sl": "<<", "sr": ">>", "nxl": "&>",
    "nxr": "&<", "adj": "-|-", "isdistinct": "is distinct from",
}  # fmt: skip
IS_VALUES = ("null", "true", "false", "unknown")
MAX_DEPTH = 100  # of groups within groups, and of arrows in a row
MAX_EMBEDDED = 6  # tables within each other; their names in SQL stay below PostgreSQL's 63 bytes
_RESERVED = ("select", "order", "limit", "offset", "columns", "on_conflict")
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\w $]+(?:-(?!>)[\w $]+)*)')
# A key of ASCII digits alone is a position, unless it is quoted.
_POSITION = re.compile(r"(->>?)(-?[0-9]+)(?=->|::|[.,]|\Z)")
_ARROW = re.compile(r'(->>?)("(?:[^"\\]|\\.)*"|[^"(),.:>-]+(?:-(?!>)[^"(),.:>-]+)*)')
_IS = re.compile("|".join(IS_VALUES), re.ASCII | re.IGNORECASE)
_EMBEDDED = re.compile(r"(?:(?P<alias>\w+):)?(?P<table>\w+)(?:!(?P<hint>\w+))?\((?P<select>.*)\)", re.ASCII | re.DOTALL)
_OF_RELATED = re.compile(r"(?!not\.|and\.|or\.)\w+\.", re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def read_query(pairs: list[tuple[str, str]], *, depth: int = 0) -> Query:
    """Parse a query from name-value pairs; `depth` counts the tables that it is embedded in.

    Raises:
        RestError: PGRST100 for a query that PostgREST cannot parse either, 501 for one that only the layer does not
            support.
    """
    if depth > MAX_EMBEDDED:
        raise _too_deep(MAX_EMBEDDED)
    first = dict(reversed(pairs))
    for name, text in pairs:
        if "\0" in name or (name in _RESERVED and "\0" in text):
            raise _unparsable(f"{name}={text}")
    texts = _split(first.get("select") or "*")
    embedded = {text: found for text in texts if (found := _EMBEDDED.fullmatch(text))}
    related = _related(pairs, list(embedded.values()))
    query = Query(
        select=[_item(text) for text in texts if text not in embedded],
        embeds=[_embed(found, related, depth) for found in embedded.values()],
        order=[_ordering(text) for text in _split(first["order"])] if "order" in first else [],
        limit=_count(first.get("limit", "")),
        offset=_count(first.get("offset", "")) or 0,
        columns=[_name(text) for text in _split(first["columns"])] if "columns" in first else None,
        on_conflict=[_name(text) for text in _split(first["on_conflict"])] if "on_conflict" in first else [],
    )
    if query.limit is not None and (query.limit < 0 or (query.limit == 0 and query.offset > 0)):
        raise RestError(416, "PGRST103", "Requested range not satisfiable", details="The limit leaves no range.")
    mine = [pair for pair in pairs if pair[0] not in _RESERVED and pair not in related]
    for name, text in mine:
        if any(name in (embed.table, embed.alias) for embed in query.embeds):
            raise unsupported(f"filtering by an embedded resource ({name}={text})")
    query.where = [_filter(name, text) for name, text in mine]
    return query


def _related(pairs: list[tuple[str, str]], embedded: list[re.Match[str]]) -> list[tuple[str, str]]:
    """Return the pairs that belong to an embedded table: their names begin with its name or alias and a dot."""
    names = {name for found in embedded for name in (found["table"], found["alias"]) if name}
    return [pair for pair in pairs if _OF_RELATED.match(pair[0]) and pair[0].partition(".")[0] in names]


def _embed(found: re.Match[str], related: list[tuple[str, str]], depth: int) -> Embed:
    """Read an entry such as `variations:color_variations!inner(id, name)` and the pairs that belong to it."""
    names = (found["table"], found["alias"])
    own = [(name.partition(".")[2], text) for name, text in related if name.partition(".")[0] in names]
    if found["hint"] not in (None, "inner", "left"):
        raise unsupported(f"choosing a relationship ({found[0]})")
    if not found["select"].strip():
        raise unsupported(f"aggregating, or embedding no column ({found[0]})")
    query = read_query([("select", found["select"]), *own], depth=depth + 1)
    return Embed(found["table"], found["alias"], found["hint"] == "inner", query)


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
        raise unsupported(f"spreading or aggregating ({text})")
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
    if "(" in text:
        raise unsupported(f"ordering by an embedded resource ({text})")
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


def _too_deep(limit: int = MAX_DEPTH) -> RestError:
    message = f"a query nested deeper than {limit} levels is not parsed"
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

"""What can be changed in the conditions of an SQL text: each term dropped, negated or turned, each bound moved."""

from __future__ import annotations

from collections.abc import Iterator

from tests.prove.mutants.edits import Edit
from tests.prove.mutants.tokens import OPENS, Token, behind_group, flat, split

_TURNED = {"=": "<>", "<>": "=", "<": ">=", ">": "<=", "<=": ">", ">=": "<"}
_MOVED = {"<": "<=", ">": ">=", "<=": "<", ">=": ">"}
# Words after which another clause begins, and those of them whose clause is a condition.
_BEGINS = frozenset(
    {
        "select",
        "insert",
        "update",
        "delete",
        "from",
        "into",
        "set",
        "values",
        "where",
        "on",
        "conflict",
        "do",
        "returning",
    }
    | {"union", "group", "order", "limit", "for", "case", "when", "then", "else", "end", "if", "elsif", "loop", "begin"}
    | {"declare", "perform", "return", "execute", ",", ";", ":="}
)
_CONDITION = frozenset({"where", "if", "elsif", "when"})
_BRANCH = frozenset({"if", "elsif", "when"})


def conditions(tokens: list[Token]) -> Iterator[Edit]:
    """Every change of every condition."""
    yield from _clauses(tokens, 0, len(tokens), "")


def _clauses(tokens: list[Token], start: int, end: int, opener: str) -> Iterator[Edit]:
    """The clauses of one depth, and those within its groups."""
    begin = start
    for at in [*flat(tokens, start, end), end]:
        if at == end or _is_beginning(tokens, at):
            if begin < at and _is_condition(tokens, begin, at, opener):
                yield from _condition(tokens, begin, at, opener)
            if at < end:
                closes = tokens[at].word == "if" and at > 0 and tokens[at - 1].word == "end"
                opener, begin = "end" if closes else tokens[at].word, at + 1
    for at in flat(tokens, start, end):
        if tokens[at].word in OPENS:
            yield from _clauses(tokens, at + 1, behind_group(tokens, at) - 1, tokens[at].word)


def _is_beginning(tokens: list[Token], at: int) -> bool:
    if tokens[at].word == "from" and at > 0 and tokens[at - 1].word == "distinct":
        return False  # a comparison: is distinct from
    return tokens[at].word in _BEGINS


def _is_condition(tokens: list[Token], start: int, end: int, opener: str) -> bool:
    words = {tokens[at].word for at in flat(tokens, start, end)}
    if opener in _CONDITION or words & {"and", "or"}:
        return True
    return opener in ("(", "select") and bool(words & _TURNED.keys())


def _condition(tokens: list[Token], start: int, end: int, opener: str) -> Iterator[Edit]:
    ways = split(tokens, start, end, "or")
    for way in ways:
        terms = split(tokens, *way, "and")
        if len(ways) > 1:
            yield Edit.of(tokens, *way, "false", "dropped", "or" if way[0] > start else "")
        for term in terms:
            if len(terms) > 1:
                yield Edit.of(tokens, *term, "true", "dropped", "and" if term[0] > start else "")
            elif len(ways) == 1:
                yield from _only_term(tokens, *term, opener)
            yield from _term(tokens, *term)


def _only_term(tokens: list[Token], start: int, end: int, opener: str) -> Iterator[Edit]:
    """The one term of its clause: a row is chosen whatever it is, a branch is taken never, or always."""
    if opener == "where":
        yield Edit.of(tokens, start, end, "true", "dropped", "where")
    elif opener in _BRANCH and tokens[start].word not in OPENS:
        yield Edit.of(tokens, start, end, "false", "never", opener)
        yield Edit.of(tokens, start, end, "true", "always", opener)


def _term(tokens: list[Token], start: int, end: int) -> Iterator[Edit]:
    if tokens[start].word in OPENS and behind_group(tokens, start) == end:
        return  # a group: its own clauses are looked at
    signs = [at for at in flat(tokens, start, end) if tokens[at].word in _TURNED]
    is_any = any(tokens[at].word in ("any", "all") for at in flat(tokens, start, end))
    if len(signs) == 1 and not is_any:
        (sign,) = signs
        yield Edit.within(tokens, start, end, sign, _TURNED[tokens[sign].word], "turned")
        if tokens[sign].word in _MOVED:
            yield Edit.within(tokens, start, end, sign, _MOVED[tokens[sign].word], "moved")
    elif tokens[start].word == "not":
        yield Edit.within(tokens, start, end, start, "", "negated")
    else:
        yield Edit.around(tokens, start, end, "not (", ")", "negated")

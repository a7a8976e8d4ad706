"""The query string, read: what PostgREST can parse, what it cannot, and what the layer does not speak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_worker.devstack.layer.errors import RestError
from concept_worker.devstack.layer.parsed import Condition, Field, Group, Item, Ordering, Step
from concept_worker.devstack.layer.query import read_query


def _where(name: str, text: str) -> Condition | Group:
    return read_query([(name, text)]).where[0]


def test_a_filter() -> None:
    """Column, operator, value; negated when it says so."""
    assert _where("stage", "eq.a.b,c") == Condition(Field("stage"), "eq", "a.b,c", False)
    assert _where("stage", "not.is.null") == Condition(Field("stage"), "is", "null", True)


def test_a_list_keeps_quoted_commas() -> None:
    """Quotes hold commas, brackets and escaped quotes."""
    assert _where("stage", 'in.(a,"b,c","d\\"e\\\\",)') == Condition(
        Field("stage"), "in", ["a", "b,c", 'd"e\\', ""], False
    )
    assert _where("stage", "in.()") == Condition(Field("stage"), "in", [], False)


def test_a_way_into_json() -> None:
    """Arrows lead to keys and positions."""
    assert _where("meta->a->>1", "eq.x") == Condition(
        Field("meta", (Step("->", "a"), Step("->>", "1", is_position=True))), "eq", "x", False
    )


@pytest.mark.parametrize(
    ("key", "read"),
    [("1", True), ("-1", True), ('"1"', False), ("1a", False), ("²", False), ("٣", False), ('"--1"', False)],
)
def test_only_ascii_digits_are_a_position(key: str, read: bool) -> None:
    """Everything else is a key, quoted digits included."""
    found = read_query([("select", f"meta->{key}")]).select[0].field.path[0]
    assert found.is_position is read
    assert found.key == key.strip('"')


@pytest.mark.parametrize("key", ["--1", "-", "-a", "->"])
def test_dashes_do_not_begin_a_key(key: str) -> None:
    """As in PostgREST, a dash wants a digit."""
    with pytest.raises(RestError, match="failed to parse"):
        read_query([("select", f"meta->{key}")])


@pytest.mark.parametrize(
    ("name", "text"),
    [("a", "is.un\u212anown"), ("a\0", "eq.1"), ("select", "a\0b"), ("select", "x\0:a"), ("order", "a\0"),
     ("*", "eq.1"), ("select", "a:*"), ("columns", "a\0"), ("on_conflict", "a\0"), ("select", 'a->"b"text'),
     ("select", "a::text[]")],
)  # fmt: skip
def test_what_is_not_in_the_grammar(name: str, text: str) -> None:
    """Letters that only look like ours, NUL, a name that is none, a type behind nothing."""
    with pytest.raises(RestError) as caught:
        read_query([(name, text)])
    assert caught.value.code == "PGRST100"


@pytest.mark.parametrize(
    ("name", "text"), [("or", "(" + "and(" * 5000 + "a.eq.1" + ")" * 5001), ("select", "a" + "->b" * 5000)]
)
def test_what_is_nested_too_deep(name: str, text: str) -> None:
    """Refused, however deep, instead of using up the stack."""
    with pytest.raises(RestError, match="nested deeper") as caught:
        read_query([(name, text)])
    assert (caught.value.status, caught.value.code) == (400, "PGRST100")


def test_a_tree() -> None:
    """Groups within groups, each negated by itself."""
    found = _where("or", "(a.eq.1,not.and(b.gt.2,c.in.(x,y)))")
    inner = Group(
        "and", (Condition(Field("b"), "gt", "2", False), Condition(Field("c"), "in", ["x", "y"], False)), True
    )
    assert found == Group("or", (Condition(Field("a"), "eq", "1", False), inner), False)


def test_select_order_and_window() -> None:
    """Aliases, casts, directions; limit and offset."""
    query = read_query(
        [("select", "*,p:progress::text"), ("order", "a.desc.nullslast,b"), ("limit", "3"), ("offset", "1")]
    )
    assert query.select == [Item(Field("*"), None, None), Item(Field("progress"), "p", "text")]
    assert query.order == [Ordering(Field("a"), "desc", "last"), Ordering(Field("b"), "asc", "")]
    assert (query.limit, query.offset) == (3, 1)


@pytest.mark.parametrize("text", ["about.x", "eq", "1", "in.a", "is.maybe", "in.(a"])
def test_what_cannot_be_parsed(text: str) -> None:
    """PGRST100, as PostgREST says it."""
    with pytest.raises(RestError) as caught:
        _where("a", text)
    assert (caught.value.status, caught.value.code) == (400, "PGRST100")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a", "fts.x"),
        ("a", "eq(any).{x}"),
        ("t.a", "eq.x"),
        ("select", "count()"),
        ("select", "...t(a)"),
        ("select", "t!key(a)"),
    ],
)
def test_what_is_not_spoken(name: str, text: str) -> None:
    """Refused, not guessed."""
    with pytest.raises(RestError, match="not supported by the embedded layer") as caught:
        read_query([(name, text)])
    assert caught.value.code == "EMB501"


@given(
    st.lists(
        st.tuples(st.sampled_from(["select", "order", "or", "a", "a->b", "limit", "columns"]), st.text()), max_size=4
    )
)
def test_nothing_else_is_raised(pairs: list[tuple[str, str]]) -> None:
    """Whatever is sent is read or refused."""
    refusal: RestError | None = None
    try:
        read_query(pairs)
    except RestError as exc:
        refusal = exc
    assert refusal is None or refusal.code


@given(st.lists(st.text(min_size=1), min_size=1))
def test_quoted_values_survive(values: list[str]) -> None:
    """What supabase-py quotes comes out as it went in."""
    quoted = ",".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
    found = _where("a", f"in.({quoted})")
    assert isinstance(found, Condition)
    assert found.value == values

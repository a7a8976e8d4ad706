"""The query string, read: what PostgREST can parse, what it cannot, and what the layer does not speak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_worker.devstack.layer.errors import RestError
from concept_worker.devstack.layer.query import Condition, Field, Group, Item, Ordering, read_query


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
    assert _where("meta->a->>1", "eq.x") == Condition(Field("meta", (("->", "a"), ("->>", "1"))), "eq", "x", False)


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


@pytest.mark.parametrize(("name", "text"), [("a", "fts.x"), ("a", "eq(any).{x}"), ("t.a", "eq.x"), ("select", "t(*)")])
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

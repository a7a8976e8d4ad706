"""The SQL of a request: values are bound, identifiers are quoted, nothing a client writes becomes SQL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_worker.devstack.layer import statements
from concept_worker.devstack.layer.catalog import Column, Relationship, Table
from concept_worker.devstack.layer.errors import RestError, status_of
from concept_worker.devstack.layer.parsed import Embed
from concept_worker.devstack.layer.query import read_query

TABLE = Table(
    'ta"sks',
    {name: Column("text", "text", None) for name in ("id", 'we"ird', 'x"y', 'b"; drop', 'c"d')},
    ("id",),
)
_EVIL = "x'; drop table tasks; --"


def test_values_are_bound() -> None:
    """A value is never part of the text."""
    query = read_query([("id", f"eq.{_EVIL}"), ('"we\\"ird"', f"in.({_EVIL},b)")])
    sql, values = statements.read(TABLE, query, nobody, count=False)
    assert "drop" not in sql
    assert values == [_EVIL, _EVIL, "b"]


def test_identifiers_are_quoted() -> None:
    """Quotes in names are doubled, in every place a name can be."""
    query = read_query([("select", 'a:"x\\"y"'), ("order", '"b\\"; drop"'), ("on_conflict", '"c\\"d"')])
    sql, _ = statements.read(TABLE, query, nobody, count=True)
    assert 'public"."ta""sks"' in sql
    assert '"b""; drop" asc' in sql
    conflict = statements.insert(
        TABLE, query, "{}", ["id"], many=False, empty=False, returning=True, resolution="merge", defaults=False
    )[0]
    assert 'on conflict ("c""d")' in conflict


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_a_quoted_identifier_is_one_identifier(name: str) -> None:
    """Every quote inside is doubled."""
    inside = statements.quote(name)[1:-1]
    assert inside.replace('""', "").count('"') == 0


def test_keys_of_json_are_bound() -> None:
    """Positions too: a key of dashes and a digit was once taken for one."""
    query = read_query([("select", 'id->"--1"->-1->²'), ("order", 'id->>"x\'"'), ('id->"--1"', "is.NULL")])
    sql, values = statements.read(TABLE, query, nobody, count=False)
    assert values == ["--1", "-1", "²", "--1", "x'"]
    assert "--" not in sql
    assert "is null" in sql


def nobody(name: str, embed: Embed) -> tuple[Table, Relationship]:
    """No table is related to any."""
    raise AssertionError((name, embed))


@pytest.mark.parametrize("name", ["count", "row_to_json", "ctid", 'ta"sks', "nope"])
@pytest.mark.parametrize("place", ["select", "order", "on_conflict", "filter"])
def test_only_columns_are_columns(name: str, place: str) -> None:
    """PostgreSQL takes `relation.name` for a call of a function where there is no such column."""
    quoted = '"' + name.replace('"', '\\"') + '"'
    query = read_query([(quoted, "is.null") if place == "filter" else (place, quoted)])
    with pytest.raises(RestError) as caught:
        statements.insert(
            TABLE, query, "{}", ["id"], many=False, empty=False, returning=True, resolution="merge", defaults=False
        ) if place in ("select", "on_conflict") else statements.read(TABLE, query, nobody, count=False)
    assert caught.value.code == "42703"


def test_an_embedded_tables_request_is_bound_and_quoted() -> None:
    """Its filters, aliases and orders are a request's, too."""
    way = Relationship("key", "child", (("id", 'we"ird'),), is_single=False)
    child = Table("child", {'we"ird': Column("text", "text", None)}, ())
    pairs = [("select", 'a:child("we\\"ird")'), ('a."we\\"ird"', f"eq.{_EVIL}"), ("a.order", '"we\\"ird".desc')]
    sql, values = statements.read(TABLE, read_query(pairs), lambda _name, _embed: (child, way), count=True)
    assert "drop table" not in sql
    assert values == [_EVIL]
    assert '"we""ird" desc' in sql


def test_embedding_ends_somewhere() -> None:
    """Each level is a join, and its name in SQL grows."""
    with pytest.raises(RestError) as caught:
        read_query([("select", "a(" * 9 + "id" + ")" * 9)])
    assert caught.value.code == "PGRST100"


def test_a_nul_is_in_no_identifier() -> None:
    """It would end the statement's text on the wire."""
    with pytest.raises(ValueError, match="NUL"):
        statements.quote("a\0b")


@pytest.mark.parametrize(
    ("name", "type_name"),
    [("TEXT", "text"), ("int", "integer"), (" double  precision ", "double precision"), ("_uuid", "uuid[]")],
)
def test_a_cast_is_a_type_of_the_list(name: str, type_name: str) -> None:
    """However SQL spells it."""
    query = read_query([("select", f"id::{name}")])
    assert f" as {type_name}) as" in statements.read(TABLE, query, nobody, count=False)[0]


@pytest.mark.parametrize("name", ["regclass", "setof text", "text collate c", "record", "x y z", "tasks", "nope"])
def test_a_cast_to_anything_else_is_refused(name: str) -> None:
    """The name of a type is never taken from a request."""
    with pytest.raises(RestError) as caught:
        statements.read(TABLE, read_query([("select", f"id::{name}")]), nobody, count=False)
    assert caught.value.code == "42704"


def test_more_values_than_the_protocol_takes() -> None:
    """Refused before the driver refuses them."""
    with pytest.raises(RestError) as caught:
        statements.read(TABLE, read_query([("id", f"in.({'a,' * 40_000})")]), nobody, count=False)
    assert caught.value.status == 413


@pytest.mark.parametrize("cast", ["text); drop table x", "text--", "a.b", "'x'"])
def test_casts_are_names(cast: str) -> None:
    """What is no type name is not parsed."""
    with pytest.raises(RestError, match="failed to parse"):
        read_query([("select", f"id::{cast}")])


def test_unknown_columns_of_a_body_are_named() -> None:
    """PGRST204 before anything is sent to the database."""
    with pytest.raises(RestError, match=r"Could not find the .+nope.+ column") as caught:
        statements.known_columns(TABLE, ["id", "nope"])
    assert caught.value.code == "PGRST204"


@pytest.mark.parametrize(
    ("sqlstate", "anonymous", "status"),
    [
        ("23505", False, 409), ("23503", False, 409), ("23514", False, 400), ("22P02", False, 400),
        ("42501", True, 401), ("42501", False, 403), ("42P01", False, 404), ("42883", False, 404),
        ("P0001", False, 400), ("PT418", False, 418), ("57014", False, 500), ("53300", False, 503),
        ("08006", False, 503), ("25006", False, 405),
    ],
)  # fmt: skip
def test_status_of_an_sqlstate(sqlstate: str, anonymous: bool, status: int) -> None:
    """PostgREST's table."""
    assert status_of(sqlstate, anonymous=anonymous) == status

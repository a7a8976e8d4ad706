"""The SQL of a request: values are bound, identifiers are quoted, nothing a client writes becomes SQL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_worker.devstack.layer import statements
from concept_worker.devstack.layer.catalog import Column, Table
from concept_worker.devstack.layer.errors import RestError, status_of
from concept_worker.devstack.layer.query import read_query

TABLE = Table('ta"sks', {"id": Column("uuid", "uuid", None), 'we"ird': Column("text", "text", None)}, ("id",))
_EVIL = "x'; drop table tasks; --"


def test_values_are_bound() -> None:
    """A value is never part of the text."""
    sql, values = statements.read(
        TABLE, read_query([("id", f"eq.{_EVIL}"), ('"we\\"ird"', f"in.({_EVIL},b)")]), count=False
    )
    assert "drop" not in sql
    assert values == [_EVIL, _EVIL, "b"]


def test_identifiers_are_quoted() -> None:
    """Quotes in names are doubled, in every place a name can be."""
    query = read_query([("select", 'a:"x\\"y"'), ("order", '"b\\"; drop"'), ("on_conflict", '"c\\"d"')])
    sql, _ = statements.read(TABLE, query, count=True)
    assert 'public"."ta""sks"' in sql
    assert '"b""; drop" asc' in sql
    conflict = statements.insert(
        TABLE, query, "{}", ["id"], many=False, empty=False, returning=True, resolution="merge", defaults=False
    )[0]
    assert 'on conflict ("c""d")' in conflict


@given(st.text(min_size=1))
def test_a_quoted_identifier_is_one_identifier(name: str) -> None:
    """Every quote inside is doubled."""
    inside = statements.quote(name)[1:-1]
    assert inside.replace('""', "").count('"') == 0


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

"""Every REST call that the project and its users make, through supabase-py, sync and async, against any server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from postgrest import APIError

from tests.contract.project import Project, Session, session


def _task(owner: UUID, **fields: Any) -> dict[str, Any]:
    return {"user_id": str(owner), "type": "concept_generation", **fields}


def _insert(api: Session, owner: UUID, **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = api.rows(api.client.table("tasks").insert(_task(owner, **fields)))[0]
    return row


def _code(api: Session, query: Any) -> str:
    with pytest.raises(APIError) as caught:
        api.rows(query)
    return str(caught.value.code)


def test_insert_returns_the_row_with_defaults(api: Session, owner: UUID) -> None:
    """The database's defaults are in the answer."""
    row = _insert(api, owner)
    assert str(UUID(row["id"])) == row["id"]
    assert (row["status"], row["progress"], row["metadata"]) == ("pending", 0, {})
    assert row["created_at"].endswith("+00:00")
    assert "T" in row["created_at"]


def test_insert_minimal_returns_nothing(api: Session, owner: UUID) -> None:
    """`returning="minimal"` gives an empty list."""
    assert api.rows(api.client.table("tasks").insert(_task(owner), returning="minimal")) == []


def test_bulk_insert_is_one_statement(api: Session, owner: UUID) -> None:
    """One bad row and none is stored."""
    assert (
        _code(api, api.client.table("tasks").insert([_task(owner, progress=1), _task(owner, progress=101)])) == "23514"
    )
    assert api.rows(api.client.table("tasks").select("id").eq("user_id", str(owner))) == []


def test_bulk_insert_fills_missing_keys(api: Session, owner: UUID) -> None:
    """A key missing in one row is null, or the default when that is asked for."""
    rows = [_task(owner, stage="a"), _task(owner)]
    assert [row["stage"] for row in api.rows(api.client.table("tasks").insert(rows))] == ["a", None]
    rows = [_task(owner, progress=5), _task(owner)]
    answer = api.rows(api.client.table("tasks").insert(rows, default_to_null=False))
    assert [row["progress"] for row in answer] == [5, 0]


def test_values_come_back_as_they_went(api: Session, owner: UUID) -> None:
    """Reserved characters, unicode, quotes, nulls and nested JSON survive."""
    metadata = {"a,b": ['q"uo', None, True, 1.5, {"é": "☂ 😀"}], "null": None, "big": 9007199254740993}
    row = _insert(api, owner, stage='a,b.(c) "d" \\ é', metadata=metadata)
    found = api.rows(api.client.table("tasks").select("*").eq("stage", row["stage"]).eq("user_id", str(owner)))
    assert found == [row]
    assert found[0]["metadata"] == metadata


def test_select_columns_aliases_casts_and_json(api: Session, owner: UUID) -> None:
    """The select list of PostgREST."""
    _insert(api, owner, metadata={"a": {"b": [1, 2]}})
    query = api.client.table("tasks").select("p:progress, run::text, metadata->a->b->>1, x:metadata->a")
    assert api.rows(query.eq("user_id", str(owner))) == [{"p": 0, "run": "0", "b": "2", "x": {"b": [1, 2]}}]


def test_filters(api: Session, owner: UUID) -> None:
    """Each comparison finds what it should."""
    for progress, stage in ((0, None), (10, "a"), (20, "a,b"), (30, "B")):
        _insert(api, owner, progress=progress, stage=stage)

    def found(filtered: Any) -> list[int]:
        return [row["progress"] for row in api.rows(filtered.eq("user_id", str(owner)).order("progress"))]

    def select() -> Any:
        return api.client.table("tasks").select("progress")

    assert found(select().gt("progress", 10)) == [20, 30]
    assert found(select().gte("progress", 10).lt("progress", 30)) == [10, 20]
    assert found(select().lte("progress", 10)) == [0, 10]
    assert found(select().neq("progress", 10)) == [0, 20, 30]
    assert found(select().is_("stage", None)) == [0]
    assert found(select().not_.is_("stage", None)) == [10, 20, 30]
    assert found(select().in_("stage", ["a,b", "B"])) == [20, 30]
    assert found(select().in_("stage", [])) == []
    assert found(select().not_.in_("stage", ["a,b"])) == [10, 30]
    assert found(select().like("stage", "a%")) == [10, 20]
    assert found(select().ilike("stage", "b*")) == [30]
    assert found(select().or_("progress.eq.0,and(progress.gt.10,stage.eq.B)")) == [0, 30]
    assert found(select().match({"progress": 20, "stage": "a,b"})) == [20]
    assert found(select().contains("metadata", {})) == [0, 10, 20, 30]
    assert found(select().eq("stage", None)) == []


def test_order_limit_offset_and_count(api: Session, owner: UUID) -> None:
    """A page of a larger set, and how large the set is."""
    for progress in (3, 1, 2):
        _insert(api, owner, progress=progress)
    query = api.client.table("tasks").select("progress", count="exact").eq("user_id", str(owner))
    answer = api.do(query.order("progress", desc=True).range(1, 1).execute())
    assert (answer.data, answer.count) == ([{"progress": 2}], 3)
    head = api.client.table("tasks").select("*", count="exact", head=True).eq("user_id", str(owner))
    answer = api.do(head.execute())
    assert (answer.data, answer.count) == ([], 3)


def test_offset_past_the_end_with_count(api: Session, owner: UUID) -> None:
    """Asking beyond the end is an error when the rows are counted."""
    query = api.client.table("tasks").select("*", count="exact").eq("user_id", str(owner))
    assert _code(api, query.range(5, 6)) == "PGRST103"


def test_single_and_maybe_single(api: Session, owner: UUID) -> None:
    """One row is an object; none or several is an error, or None."""
    row = _insert(api, owner)
    table = api.client.table("tasks")
    assert api.rows(table.select("*").eq("id", row["id"]).single()) == row
    assert _code(api, table.select("*").eq("id", str(uuid4())).single()) == "PGRST116"
    assert api.do(table.select("*").eq("id", str(uuid4())).maybe_single().execute()) is None
    _insert(api, owner)
    assert _code(api, table.select("*").eq("user_id", str(owner)).single()) == "PGRST116"
    assert _code(api, table.select("*").eq("user_id", str(owner)).maybe_single()) == "406"


def test_update_and_delete(api: Session, owner: UUID) -> None:
    """Both return the rows they met; none met is an empty list."""
    row = _insert(api, owner)
    table = api.client.table("tasks")
    assert api.rows(table.update({"stage": "x"}).eq("id", row["id"]))[0]["stage"] == "x"
    assert api.rows(table.update({"stage": "y"}).eq("id", str(uuid4()))) == []
    assert api.rows(table.update({"stage": "y"}, returning="minimal").eq("id", row["id"])) == []
    assert api.rows(table.delete().eq("id", row["id"]))[0]["stage"] == "y"
    assert api.rows(table.delete().eq("id", row["id"])) == []


def test_whole_table_changes_are_refused(api: Session) -> None:
    """As hosted projects refuse them."""
    assert _code(api, api.client.table("color_variations").delete()) == "21000"
    assert _code(api, api.client.table("color_variations").update({"position": 1})) == "21000"


def test_upsert(api: Session, owner: UUID) -> None:
    """Merge keeps the id, ignore leaves the row, and both take a conflict column."""
    row = _insert(api, owner, stage="old")
    table = api.client.table("tasks")
    assert api.rows(table.upsert(_task(owner, id=row["id"], stage="new")))[0]["stage"] == "new"
    ignored = table.upsert(_task(owner, id=row["id"], stage="late"), on_conflict="id", ignore_duplicates=True)
    assert api.rows(ignored) == []
    assert api.rows(table.select("stage").eq("id", row["id"])) == [{"stage": "new"}]


def test_compare_and_set_has_one_winner(api: Session, project: Project, owner: UUID) -> None:
    """Eight clients try the same conditional update at once; one gets the row."""
    row = _insert(api, owner)

    def claim(number: int) -> int:
        with session(project) as rival:
            query = rival.client.table("tasks").update({"stage": f"taken by {number}"})
            return len(rival.rows(query.eq("id", row["id"]).is_("stage", None)))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1


def test_rpc(api: Session, owner: UUID) -> None:
    """A set of rows is a list, a scalar is itself, a document is a document."""
    row = _insert(api, owner)
    claim = {"p_task_id": row["id"], "p_user_id": str(owner), "p_lease_seconds": 30, "p_max_runs": 2}
    assert api.rows(api.client.rpc("claim_task", claim))[0]["run"] == 1
    assert api.rows(api.client.rpc("claim_task", claim)) == []
    begin = {"p_task_id": row["id"], "p_run": 1, "p_step": "s", "p_owner": "o", "p_progress": 5, "p_lease_seconds": 30}
    assert api.rows(api.client.rpc("begin_step", {**begin, "p_max_interruptions": 3}))["outcome"] == "go"
    extend = {"p_task_id": row["id"], "p_run": 9, "p_step": "s", "p_owner": "o", "p_lease_seconds": 1}
    assert api.rows(api.client.rpc("extend_step", extend)) is False
    store = {"p_task_id": row["id"], "p_run": 9, "p_concept": {}, "p_variations": []}
    assert api.rows(api.client.rpc("store_concept", store)) is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"nope": 1}, "PGRST204"),
        ({"type": "other"}, "23514"),
        ({"user_id": None}, "23502"),
        ({"user_id": str(UUID(int=1))}, "23503"),
        ({"user_id": "nobody"}, "22P02"),
        ({"progress": "much"}, "22P02"),
    ],
)
def test_insert_errors(api: Session, owner: UUID, fields: dict[str, Any], code: str) -> None:
    """A row that cannot be is refused with its code."""
    assert _code(api, api.client.table("tasks").insert(_task(owner) | fields)) == code


def test_query_errors(api: Session, owner: UUID) -> None:
    """A question that cannot be is refused with its code."""
    row, table = _insert(api, owner), api.client.table("tasks")
    assert _code(api, table.insert(_task(owner, id=row["id"]))) == "23505"
    assert _code(api, table.select("*").eq("id", "x")) == "22P02"
    assert _code(api, table.select("*").eq("nope", "x")) == "42703"
    assert _code(api, table.select("nope")) == "42703"
    assert _code(api, table.select("*").filter("id", "about", "x")) == "PGRST100"
    assert _code(api, api.client.table("nope").select("*")) in ("42P01", "PGRST205")
    assert _code(api, api.client.rpc("nope", {})) == "PGRST202"
    assert _code(api, api.client.rpc("claim_task", {"p_task_id": row["id"]})) == "PGRST202"


def test_users_see_their_own_rows_only(api: Session, as_owner: Session, owner: UUID) -> None:
    """Row level security: own rows are read, others are not there, nothing is written."""
    mine, theirs = _insert(api, owner), _insert(api, api.new_user())
    assert [row["id"] for row in as_owner.rows(as_owner.client.table("tasks").select("id"))] == [mine["id"]]
    assert as_owner.rows(as_owner.client.table("tasks").select("id").eq("id", theirs["id"])) == []
    assert _code(as_owner, as_owner.client.table("tasks").insert(_task(owner))) == "42501"
    assert _code(as_owner, as_owner.client.table("tasks").update({"stage": "x"}).eq("id", mine["id"])) == "42501"
    claim = {"p_task_id": mine["id"], "p_user_id": str(owner), "p_lease_seconds": 1, "p_max_runs": 1}
    assert _code(as_owner, as_owner.client.rpc("claim_task", claim)) == "42501"


def test_users_see_their_own_concepts_only(api: Session, as_owner: Session, owner: UUID) -> None:
    """A concept and its variations are its owner's; what steps remember is nobody's."""
    mine, theirs = (_concept(api, user) for user in (owner, api.new_user()))
    for table, column in (("concepts", "id"), ("color_variations", "concept_id")):
        asked = as_owner.client.table(table).select(column).in_(column, [mine, theirs])
        assert as_owner.rows(asked) == [{column: mine}]
    assert _code(as_owner, as_owner.client.table("task_steps").select("*")) == "42501"


def _concept(api: Session, owner: UUID) -> str:
    words = {"logo_description": "a fox", "theme_description": "warm", "image_path": f"{owner}/a/base.png"}
    concept = api.rows(api.client.table("concepts").insert({"user_id": str(owner), **words}))[0]["id"]
    variation = {"concept_id": concept, "position": 1, "palette_name": "Dawn", "colors": [], "image_path": "a"}
    api.rows(api.client.table("color_variations").insert(variation))
    return str(concept)


@pytest.mark.parametrize("table", ["tasks", "task_steps", "concepts", "color_variations"])
def test_nobody_sees_nothing(as_nobody: Session, table: str) -> None:
    """The anonymous role has no way to the rows."""
    assert _code(as_nobody, as_nobody.client.table(table).select("*")) == "42501"


def test_users_come_and_go(api: Session, owner: UUID) -> None:
    """Deleting a user takes the rows along."""
    row, concept = _insert(api, owner), _concept(api, owner)
    api.do(api.client.auth.admin.delete_user(str(owner)))
    assert api.rows(api.client.table("concepts").select("id").eq("id", concept)) == []
    assert api.rows(api.client.table("tasks").select("id").eq("id", row["id"])) == []

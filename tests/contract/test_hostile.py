"""Nothing that a request says becomes SQL: no syntax error, no other role, no stranger's row, nothing left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concept_worker.devstack import Stack
from concept_worker.devstack.layer.app import make_app
from concept_worker.devstack.layer.callers import Caller, Callers
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.files import Files
from concept_worker.devstack.layer.links import Links
from concept_worker.devstack.layer.parsed import Field
from concept_worker.devstack.layer.statements import Statement
from concept_worker.devstack.layer.statements import quote as quoted_name
from tests.contract.hostile import Hostile, in_one_place, requests, storage_bodies, storage_names

PROFILE = settings(
    max_examples=200,
    deadline=None,  # a database is asked for each example
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SECRET = "ALPHASECRET"
# What PostgreSQL says of a text that is not the statement it should be.
BROKEN = {"42601", "42P01", "42P02", "42703", "42602", "08P01"}
_STATE = """
select json_build_object(
    'user', current_user, 'login', session_user, 'readonly', current_setting('transaction_read_only'),
    'claims', coalesce(current_setting('request.jwt.claims', true), ''),
    'new', coalesce(current_setting('pgrst.inserted', true), ''),
    'settings', (select json_object_agg(name, setting order by name) from pg_settings where source = 'session'),
    'locks', (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
    'channels', (select count(*) from pg_listening_channels()),
    'cursors', (select count(*) from pg_cursors),
    'tables', (select count(*) from pg_class where relnamespace = pg_my_temp_schema()))::text
"""
_ROWS = """
select md5(json_build_array(
    (select json_agg(t order by t.id) from public.tasks t where user_id = $1),
    (select json_agg(c order by c.id) from public.concepts c where user_id = $1),
    (select json_agg(o order by o.id) from storage.objects o),
    (select json_agg(b order by b.id) from storage.buckets b),
    (select count(*) from auth.users))::text)
"""


class Watched(Database):
    """Keeps what PostgreSQL and its driver complain of."""

    complaints: list[str]

    @asynccontextmanager
    async def acting_as(self, caller: Caller, *, readonly: bool = False) -> AsyncIterator[asyncpg.Connection]:
        """The same, with an ear on it."""
        try:
            async with super().acting_as(caller, readonly=readonly) as connection:
                yield connection
        except asyncpg.PostgresError as exc:
            self.complaints.append(exc.sqlstate or "")
            raise
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
            self.complaints.append(repr(exc))
            raise

    async def state(self) -> Any:
        """What the connection that the last request used carries now."""
        async with self._pool.acquire() as connection:
            return json.loads(await connection.fetchval(_STATE))


class Room:
    """The layer's application in this process, over a database with rows of a victim and an attacker."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._runner = asyncio.Runner()
        login = (
            f"postgresql://authenticator:{stack.keys.authenticator_password}@127.0.0.1:{stack.ports.postgres}/postgres"
        )
        self.keys, self.victim, self.attacker = stack.keys, stack.create_user(), stack.create_user()
        self.owner = self.run(asyncpg.connect(stack.environment["DATABASE_URL"], ssl=False))
        self.database: Watched = self.run(Watched.connect(login))
        self.database.complaints = []
        links, files = Links(self.keys.link_key), Files(folder / "objects")
        app = make_app(self.database, files, Callers(self.keys), links, self.keys.signed)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
        for user, words in ((self.victim, SECRET), (self.attacker, "mine")):
            self.run(self._add_rows(user, words))
        self.clean, self.rows = self.run(self.database.state()), self.run(self.owner.fetchval(_ROWS, self.victim))

    async def _add_rows(self, user: UUID, words: str) -> None:
        sql = """insert into public.tasks (id, user_id, type, status, stage, metadata)
            values ($1, $2, 'concept_generation', 'pending', $3, $4::text::jsonb)"""
        await self.owner.execute(sql, uuid4(), user, words, json.dumps({"k": words, "n": {"a": [1, words]}}))

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine."""
        return self._runner.run(coroutine)

    def headers(self, who: str) -> dict[str, str]:
        """The publishable key alone, or with the attacker's token."""
        bearer = {"Authorization": f"Bearer {self.keys.user_token(self.attacker)}"} if who == "user" else {}
        return {"apikey": self.keys.publishable_key, "content-type": "application/json", **bearer}

    def ask(self, who: str, **request: Any) -> httpx.Response:
        """The layer's answer."""
        self.database.complaints.clear()
        headers = {**request.pop("headers", {}), **self.headers(who)}
        return self.run(self.client.request(headers=headers, **request))

    def harm(self, answer: httpx.Response) -> list[str]:
        """What went wrong with the last request, if anything."""
        found = [f"PostgreSQL said {said}" for said in self.database.complaints if said in BROKEN or "Error" in said]
        if SECRET in answer.text:
            found.append("a row of somebody else's")
        if answer.status_code in (500, 503):
            found.append(f"{answer.status_code} {answer.text[:200]}")
        if (state := self.run(self.database.state())) != self.clean:
            found.append(f"the connection became {state}")
        if self.run(self.owner.fetchval(_ROWS, self.victim)) != self.rows:
            found.append("rows were changed")
        return found

    def close(self) -> None:
        """Let go of everything."""
        for closing in (self.client.aclose(), self.database.close(), self.owner.close()):
            self.run(closing)
        self._runner.close()


@pytest.fixture(scope="module")
def room(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A room for the module."""
    opened = Room(stack, tmp_path_factory.mktemp("hostile"))
    yield opened
    opened.close()


@PROFILE
@given(request=requests, who=st.sampled_from(["anon", "user"]))
def test_no_request_to_tables_and_functions_does_harm(room: Room, request: Hostile, who: str) -> None:
    """Whatever stands in any place of the grammar, with the publishable key alone or as one user."""
    answer = room.ask(who, **request.arguments())
    assert room.harm(answer) == []


@PROFILE
@given(parameter=in_one_place, who=st.sampled_from(["anon", "user"]))
def test_no_hostile_word_in_a_good_request_does_harm(room: Room, parameter: tuple[str, str], who: str) -> None:
    """Each place of a column, a key, an alias and a cast, with everything around it well made."""
    assert room.harm(room.ask(who, method="GET", url="/rest/v1/tasks", params=[parameter])) == []


@PROFILE
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    place=st.sampled_from(
        ["object", "object/info", "object/sign", "object/upload/sign", "object/list", "object/copy", "object/move",
         "object/authenticated", "object/public", "bucket"]
    ),
    bucket=st.just("concept-images") | storage_names.map("".join),
    name=storage_names.map("".join),
    body=storage_bodies.map(json.dumps),
    who=st.sampled_from(["anon", "user"]),
)  # fmt: skip
def test_no_request_to_storage_does_harm(
    room: Room, method: str, place: str, bucket: str, name: str, body: str, who: str
) -> None:
    """Names, prefixes, sort columns, buckets, in every request of Storage."""
    path = "/".join(quote(part.encode("utf-8", "replace"), safe="/.") for part in (bucket, name) if part)
    answer = room.ask(who, method=method, url=f"/storage/v1/{place}/{path}".rstrip("/"), content=body)
    assert room.harm(answer) == []


def _attack(expression: str) -> dict[str, Any]:
    """A key of dashes and a digit comments out the rest of its line; the next name begins with a new one."""
    text = f"'x') as x from public.tasks) select 1::bigint, null::bigint, ({expression})::text -- "
    return {"method": "GET", "url": "/rest/v1/tasks", "params": {"select": f'metadata->"--1","a":"\n{text}"'}}


def _old_field(self: Statement, field: Field) -> str:
    expression = f"{self.relation}.{quoted_name(field.column)}"
    for step in field.path:
        expression += step.arrow + (step.key if step.key.lstrip("-").isdigit() else self.bind(step.key))
    return f"({expression})" if field.path else expression


@pytest.mark.parametrize("who", ["anon", "user"])
def test_the_seeded_hole_is_found(room: Room, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """With the hole of old put back, the same look at the answer finds harm; without it, none."""
    become = "select set_config('role', 'service_role', true)"
    # A function that runs a statement of its own reads the table as the role that it finds itself in then.
    read = (
        "select string_agg(word, ' ') from ts_stat($q$select array_to_tsvector("
        "array_agg(stage) filter (where stage is not null)) from public.tasks$q$)"
    )
    attack = _attack(f"({become}) || ({read})")
    assert room.harm(room.ask(who, **attack)) == []
    with monkeypatch.context() as patch:
        patch.setattr(Statement, "_field", _old_field)
        assert room.harm(room.ask(who, **attack))


def test_a_connection_comes_back_clean(room: Room) -> None:
    """Whatever a function of the project's might leave in its session is gone for the next request."""

    async def soil() -> None:
        async with room.database.acting_as(Caller("anon", "{}")) as connection:
            await connection.execute(
                "set role service_role; set search_path = auth; set default_transaction_read_only = on;"
                "select set_config('request.jwt.claims', '{\"sub\": \"x\"}', false), pg_advisory_lock(7);"
                "create temp table tasks (id int); listen anything; declare c cursor with hold for select 1"
            )

    room.run(soil())
    assert room.run(room.database.state()) == room.clean


def test_a_request_that_is_cancelled_leaves_nothing(room: Room) -> None:
    """In the middle of a statement, as when the server stops."""

    async def dawdle() -> None:
        async with room.database.acting_as(Caller("service_role", '{"role": "service_role"}')) as connection:
            await connection.execute("select pg_sleep(60)")

    async def cancel() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await dawdle()

    room.run(cancel())
    assert room.run(room.database.state()) == room.clean

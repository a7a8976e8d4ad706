"""One request put to two servers over the same data, and what differs between their answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from concept_worker.devstack import Stack
from concept_worker.devstack.layer.catalog import Catalog, read_catalog
from concept_worker.devstack.layer.recorder import UNRECORDED

SERVICE, ANON, USER = "service_role", "anon", "user"
ALICE, BOB = UUID(int=0xA11CE), UUID(int=0xB0B)
_HEADERS = ("content-type", "content-range", "preference-applied", "location")
_STATE = """
select json_build_object(
    'tasks', (select json_agg(t order by t.id) from public.tasks t),
    'steps', (select json_agg(s order by s.task_id, s.step) from public.task_steps s),
    'concepts', (select json_agg(c order by c.id) from public.concepts c),
    'variations', (select json_agg(v order by v.concept_id, v.position) from public.color_variations v))::text
"""
# What a server makes up: random ids (ours start with zeros) and the time of day (ours is before 2010).
_RANDOM_ID = re.compile(r"\b(?!00000000-)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_NOW = re.compile(r"20[2-9]\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?\+00(:00)?")


def task_id(number: int) -> str:
    """The id of the task with this number."""
    return str(UUID(int=0x7A5C0000 + number))


def concept_id(number: int) -> str:
    """The id of the concept with this number."""
    return str(UUID(int=0xC0000000 + number))


@dataclass(frozen=True)
class Request:
    """A request below `/rest/v1`."""

    method: str
    path: str
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    role: str = SERVICE

    def __str__(self) -> str:
        headers = " ".join(f"{name}:{value}" for name, value in self.headers.items())
        role = "" if self.role == SERVICE else f" as {self.role}"
        return f"{self.method} {self.path} {self.body or ''} {headers}{role}".strip()


@dataclass(frozen=True)
class Answer:
    """What a client reads of an answer, and the rows afterwards."""

    status: int
    headers: dict[str, str]
    body: Any
    state: Any

    @property
    def code(self) -> str | None:
        """The error code, if this is an error."""
        return self.body.get("code") if isinstance(self.body, dict) and self.status >= 300 else None


def differences(theirs: Answer, ours: Answer) -> list[str]:
    """How two answers differ: status, header, error code, body, rows. Errors are the same when their codes are."""
    found = []
    if theirs.status != ours.status:
        found.append(f"status {theirs.status} against {ours.status}")
    if theirs.code != ours.code:
        found.append(f"error code {theirs.code} against {ours.code}")
    if theirs.status < 300:
        found += [
            f"header {name} {theirs.headers.get(name)!r} against {ours.headers.get(name)!r}"
            for name in _HEADERS
            if theirs.headers.get(name) != ours.headers.get(name)
        ]
        if theirs.body != ours.body:
            found.append(f"body {theirs.body!r} against {ours.body!r}")
    if theirs.state != ours.state:
        found.append(f"rows {theirs.state!r} against {ours.state!r}")
    return found


class Database:
    """The rows under both servers, written and read beside them."""

    def __init__(self, stack: Stack) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(stack.environment["DATABASE_URL"], ssl=False))
        self.catalog: Catalog = self._runner.run(read_catalog(self._connection))
        # These rows need not outlive the test, whoever writes them.
        self.run("set synchronous_commit = off")
        self.run("alter role authenticator set synchronous_commit = off")
        self.run("insert into auth.users (id) values ($1), ($2) on conflict do nothing", ALICE, BOB)

    def run(self, sql: str, *values: Any) -> Any:
        """The first value of the first row, if there is one."""
        return self._runner.run(self._connection.fetchval(sql, *values))

    def reset(self, **tables: list[dict[str, Any]]) -> None:
        """These rows and no others."""
        self.run("with gone as (delete from public.concepts) delete from public.tasks")
        for table, rows in tables.items():
            if not rows:
                continue
            columns = ", ".join(f'"{name}"' for name in rows[0])
            self.run(
                f"insert into public.{table} ({columns}) "
                f"select {columns} from json_populate_recordset(null::public.{table}, $1::text::json)",
                json.dumps(rows),
            )

    def state(self) -> Any:
        """Every row of the project's tables."""
        state = settled(self.run(_STATE))
        # Sorted once more: what a server makes up sorts by chance.
        return {table: sorted(rows or [], key=_text) for table, rows in state.items()}

    def close(self) -> None:
        """Let go of the connection."""
        self._runner.run(self._connection.close())
        self._runner.close()


class Bench:
    """The real PostgREST and our layer, side by side over one database."""

    def __init__(self, stack: Stack, oracle_url: str) -> None:
        self.database = Database(stack)
        self.jwt_secret = stack.keys.jwt_secret
        self.oracle = oracle_url
        self.layer = stack.environment["SUPABASE_URL"] + "/rest/v1"
        self._client = httpx.Client(timeout=30, trust_env=False)
        self._tokens = {
            SERVICE: stack.keys.service_role_jwt,
            ANON: stack.keys.anon_jwt,
            USER: stack.keys.user_token(ALICE),
        }
        self._apikey = stack.keys.service_role_jwt
        self.compared = 0

    def compare(self, request: Request, **tables: list[dict[str, Any]]) -> list[str]:
        """What differs between the answers of both servers, each asked over these rows (or the usual ones)."""
        self.compared += 1
        theirs, ours = (self.ask(server, request, **tables) for server in (self.oracle, self.layer))
        return differences(theirs, ours)

    def ask(self, server: str, request: Request, **tables: list[dict[str, Any]]) -> Answer:
        """One server's answer over these rows (or the usual ones)."""
        self.database.reset(**(tables or usual_rows()))
        token = self._tokens.get(request.role, request.role)
        headers = {"apikey": self._apikey, "Authorization": f"Bearer {token}", UNRECORDED: "1", **request.headers}
        if request.body is not None:
            headers.setdefault("Content-Type", "application/json")
        content = None if request.body is None else request.body.encode()
        response = self._client.request(request.method, server + request.path, content=content, headers=headers)
        kept = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        body = settled(response.text)
        if isinstance(body, list) and "order=" not in request.path:
            body.sort(key=_text)
        return Answer(response.status_code, kept, body, self.database.state())

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
        self.database.close()


def settled(text: str) -> Any:
    """A JSON text with everything that a server makes up replaced; other text as it is."""
    text = _NOW.sub("<now>", _RANDOM_ID.sub("<random>", text))
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    if isinstance(parsed, dict) and "seconds" in parsed:
        parsed["seconds"] = round(parsed["seconds"] / 10)  # what is left of a lease, to ten seconds
    return parsed


def _text(row: Any) -> str:
    return json.dumps(row, sort_keys=True)


def usual_rows() -> dict[str, list[dict[str, Any]]]:
    """Tasks in every state, with steps and a concept, of two users."""
    return {
        "tasks": [_task(number) for number in range(7)],
        "task_steps": [
            _step(1, "generate_base_image", "done", {"key": "x"}),
            _step(1, "store_base_image", "running", None),
            _step(1, "generate_palettes", "waiting", None),
        ],
        "concepts": [_concept(2, ALICE), _concept(5, BOB)],
        "color_variations": [_variation(concept, position) for concept in (2, 5) for position in (2, 1, 3)],
    }


def _task(number: int) -> dict[str, Any]:
    status = ("pending", "processing", "completed", "failed", "canceled", "completed", "pending")[number]
    return {
        "id": task_id(number),
        "user_id": str(BOB if number >= 5 else ALICE),
        "type": ("concept_generation", "concept_refinement")[number % 2],
        "status": status,
        "stage": (None, "generate_palettes", 'q"uo\\te', "a,b", "ünï ☂", "(x)", "")[number],
        "progress": number * 10,
        "run": number % 3 + (status == "processing"),
        "lease_expires_at": f"{2099 if number == 1 else 2001}-01-01T00:00:00Z" if status == "processing" else None,
        "enqueued_at": None,
        "result_id": concept_id(number) if status == "completed" else None,
        "error_message": "It's broken." if status == "failed" else None,
        "metadata": {"k": number, "n": {"a": [1, None, "é"]}, "s": f"v{number}"},
        "created_at": f"2001-0{number % 4 + 1}-01T00:00:00.12{number}+00:00",
        "updated_at": "2001-01-01T00:00:00Z",
        "started_at": None,
        "completed_at": "2001-05-01T00:00:00Z" if status == "completed" else None,
    }


def _step(task: int, name: str, state: str, output: Any) -> dict[str, Any]:
    return {
        "task_id": task_id(task),
        "step": name,
        "state": state,
        "run": 2,
        "owner": "owner-1",
        "lease_expires_at": "2099-01-01T00:00:00Z" if state == "running" else None,
        "tries": 1,
        "output": output,
        "started_at": "2001-01-01T00:00:00Z",
        "finished_at": None,
    }


def _concept(number: int, user: UUID) -> dict[str, Any]:
    return {
        "id": concept_id(number),
        "task_id": task_id(number),
        "user_id": str(user),
        "logo_description": "a fox",
        "theme_description": "autumn",
        "image_path": f"{user}/{task_id(number)}/base.png",
        "image_url": None,
        "is_anonymous": True,
        "created_at": "2001-01-01T00:00:00Z",
    }


def _variation(concept: int, position: int) -> dict[str, Any]:
    return {
        "id": str(UUID(int=0xF0000000 + concept * 100 + position)),
        "concept_id": concept_id(concept),
        "position": position,
        "palette_name": f"palette {position}",
        "palette_source": "local",
        "colors": ["#112233", "#445566"],
        "description": None,
        "image_path": f"x/{position}.png",
        "image_url": None,
        "created_at": "2001-01-01T00:00:00Z",
    }

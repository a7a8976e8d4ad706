"""A Supabase project as a client sees it: the embedded stack's, or any server's that the environment names."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import supabase
from supabase import AsyncClientOptions, ClientOptions

from concept_worker.devstack import Stack


@dataclass(frozen=True)
class Project:
    """Where it is, and the keys that are known."""

    url: str
    secret_key: str
    publishable_key: str | None
    jwt_secret: str | None

    def user_token(self, user_id: UUID) -> str:
        """A signed-in user's token."""
        claims = {"sub": str(user_id), "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 600}
        return jwt.encode(claims, self.jwt_secret or "", algorithm="HS256")


def foreign_project() -> Project | None:
    """The project that `make test-contract` names, if it names one."""
    url, key = os.environ.get("CONCEPT_CONTRACT_URL"), os.environ.get("CONCEPT_CONTRACT_KEY")
    if not url or not key:
        return None
    publishable = os.environ.get("CONCEPT_CONTRACT_PUBLISHABLE_KEY") or None
    return Project(url, key, publishable, os.environ.get("CONCEPT_CONTRACT_JWT_SECRET") or None)


def embedded_project(stack: Stack) -> Project:
    """The project of an embedded stack."""
    return Project(
        stack.environment["SUPABASE_URL"],
        stack.keys.secret_key,
        stack.keys.publishable_key,
        stack.keys.jwt_secret,
    )


class Session:
    """supabase-py, sync or async, behind one way of calling: `do` waits for what needs waiting."""

    def __init__(self, project: Project, *, is_async: bool, key: str | None = None, token: str | None = None) -> None:
        self.project = project
        self._runner = asyncio.Runner() if is_async else None
        key = key or project.secret_key
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http: httpx.Client | httpx.AsyncClient
        if self._runner is None:
            self._http = httpx.Client(timeout=30, trust_env=False)
            options = ClientOptions(httpx_client=self._http, headers=headers)
            self.client: Any = supabase.create_client(project.url, key, options)
        else:
            self._http = httpx.AsyncClient(timeout=30, trust_env=False)
            async_options = AsyncClientOptions(httpx_client=self._http, headers=headers)
            self.client = self._runner.run(supabase.acreate_client(project.url, key, async_options))

    def do(self, result: Any) -> Any:
        """The result, or what it becomes."""
        if self._runner is not None and inspect.isawaitable(result):
            return self._runner.run(_awaited(result))
        return result

    def rows(self, query: Any) -> Any:
        """The data of a query."""
        return self.do(query.execute()).data

    def new_user(self) -> UUID:
        """A user of this test's own."""
        user_id = uuid4()
        self.do(self.client.auth.admin.create_user({"id": str(user_id), "email": f"{user_id}@example.com"}))
        return user_id

    def close(self) -> None:
        """Let go of the connections."""
        if self._runner is None:
            assert isinstance(self._http, httpx.Client)
            self._http.close()
        else:
            assert isinstance(self._http, httpx.AsyncClient)
            self._runner.run(self._http.aclose())
            self._runner.close()


async def _awaited(result: Any) -> Any:
    return await result


@contextmanager
def session(
    project: Project, *, is_async: bool = False, key: str | None = None, token: str | None = None
) -> Iterator[Session]:
    """A session that is closed at the end."""
    opened = Session(project, is_async=is_async, key=key, token=token)
    try:
        yield opened
    finally:
        opened.close()

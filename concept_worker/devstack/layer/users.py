"""Supabase Auth's requests that tests need: the service role creates and deletes users. No sign-in, no passwords."""

from __future__ import annotations

import json
from uuid import UUID

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.layer.bodies import read_object
from concept_worker.devstack.layer.callers import Caller
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.errors import AuthError

_AUTH_ITSELF = Caller("supabase_auth_admin", "{}")
_SHOWN = """returning json_build_object('id', id, 'aud', aud, 'role', role, 'email', email, 'app_metadata',
    raw_app_meta_data, 'user_metadata', raw_user_meta_data, 'is_anonymous', is_anonymous, 'created_at', created_at,
    'updated_at', updated_at, 'identities', '[]'::json)::text"""
_CREATE = f"""
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data)
values (coalesce($1::text::uuid, gen_random_uuid()), $2, $3::text::jsonb, $4::text::jsonb) {_SHOWN}
"""  # noqa: S608 - only constants meet here


class Users:
    """The endpoints below `/auth/v1`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def routes(self) -> list[Route]:
        """The answered paths."""
        return [
            Route("/admin/users", self.create, methods=["POST"]),
            Route("/admin/users/{user_id}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Create a user, with the given id or a random one."""
        _service_role_only(request)
        body = await read_object(request)
        metadata = [json.dumps(body.get(key) or {}) for key in ("user_metadata", "app_metadata")]
        email = body.get("email")
        if not isinstance(email, str | None):
            raise AuthError(400, "validation_failed", "email must be text")
        try:
            async with self._database.acting_as(_AUTH_ITSELF) as connection:
                shown = await connection.fetchval(_CREATE, _uuid(body.get("id")), email, *metadata)
        except asyncpg.UniqueViolationError as exc:
            raise AuthError(422, "email_exists", "A user with this email address or id exists already") from exc
        return Response(shown, media_type="application/json")

    async def delete(self, request: Request) -> Response:
        """Delete a user and, by cascade, the rows that reference it."""
        _service_role_only(request)
        user_id = _uuid(request.path_params["user_id"])
        async with self._database.acting_as(_AUTH_ITSELF) as connection:
            gone = await connection.fetchval("delete from auth.users where id = $1::text::uuid returning 1", user_id)
        if gone is None:
            raise AuthError(404, "user_not_found", "User not found")
        return JSONResponse({})


def _service_role_only(request: Request) -> None:
    if request.state.caller.role != "service_role":
        raise AuthError(403, "not_admin", "User not allowed")


def _uuid(given: object) -> str | None:
    try:
        return None if given is None else str(UUID(str(given)))
    except ValueError as exc:
        raise AuthError(400, "validation_failed", "user id must be a UUID") from exc

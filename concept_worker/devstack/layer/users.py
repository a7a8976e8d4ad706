"""Supabase Auth's requests of an administrator: the service role creates, looks at and deletes users."""

from __future__ import annotations

import asyncio
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
from concept_worker.devstack.layer.passwords import hash_password

AUTH_ITSELF = Caller("supabase_auth_admin", "{}")
SHOWN = """json_build_object('id', id, 'aud', aud, 'role', role, 'email', coalesce(email, ''), 'phone', '',
    'app_metadata', raw_app_meta_data, 'user_metadata', raw_user_meta_data, 'is_anonymous', is_anonymous,
    'email_confirmed_at', case when email is not null then created_at end, 'last_sign_in_at', last_sign_in_at,
    'created_at', created_at, 'updated_at', updated_at, 'identities', '[]'::json)::text"""
_CREATE = f"""
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data, encrypted_password)
values (coalesce($1::text::uuid, gen_random_uuid()), $2, $3::text::jsonb, $4::text::jsonb, $5) returning {SHOWN}
"""  # noqa: S608 - only constants meet here
_FIND = f"select {SHOWN} from auth.users where id = $1::text::uuid"  # noqa: S608 - only constants meet here


class Users:
    """The endpoints below `/auth/v1`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def routes(self) -> list[Route]:
        """The answered paths."""
        return [
            Route("/admin/users", self.create, methods=["POST"]),
            Route("/admin/users/{user_id}", self.show, methods=["GET"]),
            Route("/admin/users/{user_id}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Create a user, with the given id or a random one; with a password, the user can sign in."""
        _service_role_only(request)
        body = await read_object(request)
        metadata = [json.dumps(body.get(key) or {}) for key in ("user_metadata", "app_metadata")]
        email, password = body.get("email"), body.get("password")
        if not isinstance(email, str | None) or not isinstance(password, str | None):
            raise AuthError(400, "validation_failed", "email and password must be text")
        hashed = await asyncio.to_thread(hash_password, password) if password else None
        email = email.strip().lower() if email else None
        try:
            async with self._database.acting_as(AUTH_ITSELF) as connection:
                shown = await connection.fetchval(_CREATE, _uuid(body.get("id")), email, *metadata, hashed)
        except asyncpg.UniqueViolationError as exc:
            raise AuthError(422, "email_exists", "A user with this email address or id exists already") from exc
        return Response(shown, media_type="application/json")

    async def show(self, request: Request) -> Response:
        """Return one user."""
        _service_role_only(request)
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            shown = await connection.fetchval(_FIND, _uuid(request.path_params["user_id"]))
        if shown is None:
            raise AuthError(404, "user_not_found", "User not found")
        return Response(shown, media_type="application/json")

    async def delete(self, request: Request) -> Response:
        """Delete a user and, by cascade, the rows that reference it."""
        _service_role_only(request)
        user_id = _uuid(request.path_params["user_id"])
        async with self._database.acting_as(AUTH_ITSELF) as connection:
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

"""Supabase Auth's requests of a browser: sign up, sign in, refresh, sign out, look at and change the own user.

As on a hosted project with "Confirm email" off and anonymous sign-ins on: nobody is sent a message.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from concept_worker.devstack.layer.bodies import read_object
from concept_worker.devstack.layer.callers import Caller
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.errors import AuthError
from concept_worker.devstack.layer.passwords import hash_password, is_password
from concept_worker.devstack.layer.users import AUTH_ITSELF, SHOWN

SECONDS = 3600  # the life of an access token, as on hosted projects
_REUSE = 10  # seconds in which a used refresh token is taken once more, as by Auth: two tabs refresh at once
_SHORTEST = 6  # characters of a password, Auth's default
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost")
_BY_PASSWORD = {"provider": "email", "providers": ["email"]}
_USER = f"select {SHOWN} from auth.users where id = $1::text::uuid"  # noqa: S608 - only constants meet here
_USE = """
update auth.refresh_tokens t set used_at = coalesce(used_at, now()) from auth.sessions s
where t.digest = $1 and s.id = t.session_id
returning s.id::text, s.user_id::text, t.used_at < now() - make_interval(secs => $2)
"""

Sign = Callable[[Mapping[str, Any], int], str]
"""From claims and seconds to an access token."""


class Sessions:
    """The endpoints below `/auth/v1` that a signed-in user, or one who signs in, may use."""

    def __init__(self, database: Database, sign: Sign) -> None:
        self._database, self._sign = database, sign

    @property
    def routes(self) -> list[Route]:
        """The answered paths."""
        return [
            Route("/signup", self.sign_up, methods=["POST"]),
            Route("/token", self.sign_in, methods=["POST"]),
            Route("/user", self.show, methods=["GET"]),
            Route("/user", self.change, methods=["PUT"]),
            Route("/logout", self.sign_out, methods=["POST"]),
        ]

    async def sign_up(self, request: Request) -> Response:
        """Create a user, with email and password or anonymous, and open a session."""
        body = await read_object(request)
        data = json.dumps(body.get("data") or {})
        if not body.get("email") and not body.get("password"):
            _refuse_phone(body)
            return await self._create(None, None, data, {})
        email, hashed = _email(body), await _hashed(body)
        return await self._create(email, hashed, data, _BY_PASSWORD)

    async def sign_in(self, request: Request) -> Response:
        """Open a session by a password, or go on with one by its refresh token."""
        grant = request.query_params.get("grant_type")
        body = await read_object(request)
        if grant == "password":
            _refuse_phone(body)
            return await self._by_password(str(body.get("email", "")), str(body.get("password", "")))
        if grant == "refresh_token":
            return await self._refreshed(str(body.get("refresh_token", "")))
        raise AuthError(400, "validation_failed", f"the grant type {grant} is not supported by the embedded layer")

    async def show(self, request: Request) -> Response:
        """Return the caller's user."""
        return Response(await self._own_user(request), media_type="application/json")

    async def change(self, request: Request) -> Response:
        """Change the caller's email, password or data; an anonymous user with both becomes a permanent one."""
        user_id = json.loads(await self._own_user(request))["id"]
        body = await read_object(request)
        email = _email(body) if body.get("email") else None
        hashed = await _hashed(body) if body.get("password") else None
        sql = f"""
            update auth.users set email = coalesce($2::text, email),
                encrypted_password = coalesce($3, encrypted_password),
                raw_user_meta_data = raw_user_meta_data || $4::text::jsonb,
                is_anonymous = is_anonymous and coalesce($2::text, email) is null, updated_at = now()
            where id = $1::text::uuid returning {SHOWN}
        """  # noqa: S608 - only constants meet here
        values = (user_id, email, hashed, json.dumps(body.get("data") or {}))
        return Response(await self._write(sql, *values), media_type="application/json")

    async def sign_out(self, request: Request) -> Response:
        """End the caller's sessions: all of them, this one (`local`), or the `others`."""
        caller, scope = _signed_in(request), request.query_params.get("scope", "global")
        if scope not in ("global", "local", "others"):
            raise AuthError(400, "validation_failed", f"Unsupported logout scope {scope!r}")
        sql = """
            delete from auth.sessions where user_id = $1::text::uuid
                and case $2 when 'local' then id = $3::text::uuid when 'others' then id is distinct from $3::text::uuid
                    else true end
        """
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            await connection.execute(sql, caller["sub"], scope, caller.get("session_id"))
        return Response(status_code=204)

    async def _create(self, email: str | None, hashed: str | None, data: str, app: Mapping[str, Any]) -> Response:
        sql = """
            insert into auth.users (email, encrypted_password, raw_user_meta_data, raw_app_meta_data, is_anonymous)
            values ($1::text, $2, $3::text::jsonb, $4::text::jsonb, $1::text is null) returning id::text
        """
        return await self._opened(await self._write(sql, email, hashed, data, json.dumps(app)))

    async def _write(self, sql: str, *values: object) -> str:
        """Run a statement that may meet a taken email; return its one value."""
        try:
            async with self._database.acting_as(AUTH_ITSELF) as connection:
                return str(await connection.fetchval(sql, *values))
        except asyncpg.UniqueViolationError as exc:
            raise AuthError(422, "user_already_exists", "User already registered") from exc

    async def _by_password(self, email: str, password: str) -> Response:
        sql = "select id::text, encrypted_password from auth.users where email = $1"
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            found = await connection.fetchrow(sql, email.strip().lower())
        user_id, hashed = found or (None, None)
        if not await asyncio.to_thread(is_password, password, hashed) or user_id is None:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        return await self._opened(user_id)

    async def _refreshed(self, token: str) -> Response:
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            found = await connection.fetchrow(_USE, _digest(token), _REUSE)
        if found is None:
            raise AuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
        session_id, user_id, is_late = found
        if is_late:  # somebody has a copy of it: nobody goes on with this session
            async with self._database.acting_as(AUTH_ITSELF) as connection:
                await connection.execute("delete from auth.sessions where id = $1::text::uuid", session_id)
            raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
        return await self._answer(user_id, session_id)

    async def _opened(self, user_id: str) -> Response:
        sql = """
            with seen as (update auth.users set last_sign_in_at = now() where id = $1::text::uuid)
            insert into auth.sessions (user_id) values ($1::text::uuid) returning id::text
        """
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            session_id = await connection.fetchval(sql, user_id)
        return await self._answer(user_id, session_id)

    async def _answer(self, user_id: str, session_id: str) -> Response:
        """Make a new pair of tokens for a session."""
        refresh = secrets.token_urlsafe(24)
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            await connection.execute(
                "insert into auth.refresh_tokens (digest, session_id) values ($1, $2::text::uuid)",
                _digest(refresh),
                session_id,
            )
            user = json.loads(await connection.fetchval(_USER, user_id))
        claims = {name: user[name] for name in ("email", "phone", "app_metadata", "user_metadata", "is_anonymous")}
        access = self._sign({"sub": user_id, "session_id": session_id, **claims}, SECONDS)
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "bearer",
                "expires_in": SECONDS,
                "expires_at": int(time.time()) + SECONDS,
                "refresh_token": refresh,
                "user": user,
            }
        )

    async def _own_user(self, request: Request) -> str:
        """Return the caller's user as JSON text.

        Raises:
            AuthError: no user is signed in, the user is gone, or the session was ended.
        """
        claims = _signed_in(request)
        session_id = claims.get("session_id")  # a token without one was made by `concept-worker token` or by a test
        async with self._database.acting_as(AUTH_ITSELF) as connection:
            user = await connection.fetchval(_USER, claims["sub"])
            sql = "select from auth.sessions where id = $1::text::uuid"
            is_over = session_id is not None and await connection.fetchrow(sql, session_id) is None
        if user is None:
            raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
        if is_over:
            raise AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        return str(user)


def _signed_in(request: Request) -> dict[str, Any]:
    caller: Caller = request.state.caller
    claims: dict[str, Any] = json.loads(caller.claims)
    try:
        UUID(str(claims.get("sub")))
    except ValueError:
        raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim") from None
    return claims


def _refuse_phone(body: Mapping[str, Any]) -> None:
    if body.get("phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")


def _email(body: Mapping[str, Any]) -> str:
    email = body.get("email")
    if not isinstance(email, str) or not _EMAIL.fullmatch(email.strip()) or len(email) > 255:
        raise AuthError(400, "validation_failed", "Unable to validate email address: invalid format")
    return email.strip().lower()


async def _hashed(body: Mapping[str, Any]) -> str:
    password = body.get("password")
    if not isinstance(password, str) or not password:
        raise AuthError(400, "validation_failed", "Signup requires a valid password")
    if len(password) < _SHORTEST:
        message = f"Password should be at least {_SHORTEST} characters."
        raise AuthError(422, "weak_password", message, {"weak_password": {"reasons": ["length"]}})
    return await asyncio.to_thread(hash_password, password)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

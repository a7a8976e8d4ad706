"""The application: PostgREST, Storage and Auth under one address, each with its own words for errors."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from concept_worker.devstack.layer.buckets import Buckets
from concept_worker.devstack.layer.callers import Caller, Callers
from concept_worker.devstack.layer.database import Database
from concept_worker.devstack.layer.errors import AuthError, RestError, StorageError, status_of, unsupported
from concept_worker.devstack.layer.files import Files
from concept_worker.devstack.layer.front import Front
from concept_worker.devstack.layer.links import Links
from concept_worker.devstack.layer.rest import Rest
from concept_worker.devstack.layer.sessions import Sessions, Sign
from concept_worker.devstack.layer.storage import Storage
from concept_worker.devstack.layer.users import Users

Dialect = Callable[[RestError], Response]
_ANONYMOUS = Caller("anon", '{"role": "anon"}')
_LOCAL_PAGE = r"https?://(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?"
_DATED = "2024-01-01"  # the version of Auth's interface that today's clients name
_OPEN = ("/object/public/", "/object/sign/", "/object/upload/sign/")  # a link or a public bucket needs no key
_UNREADABLE = (ValueError, RecursionError, ClientDisconnect)  # raised by parsers of an unreadable request
_UNREACHABLE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of an exchange
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
)


class _Identify:
    """A filter that puts the caller on the request before an endpoint sees it."""

    def __init__(self, app: ASGIApp, callers: Callers, dialect: Dialect) -> None:
        self._app, self._callers, self._dialect = app, callers, dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            request.state.caller = self._identify(request)
        except RestError as error:
            await self._dialect(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _identify(self, request: Request) -> Caller:
        local = request.scope["path"].removeprefix("/storage/v1")  # not from `url`, which is built from the header Host
        is_open = local.startswith(_OPEN) and "apikey" not in request.headers
        return _ANONYMOUS if is_open else self._callers.identify(request.headers)


def make_app(database: Database, files: Files, callers: Callers, links: Links, sign: Sign) -> ASGIApp:
    """Build the application: all supported requests, at the paths of a Supabase project."""
    auth = Users(database).routes + Sessions(database, sign).routes
    storage = Storage(database, files, links).routes + Buckets(database, files).routes
    neighbours = Starlette(
        routes=[
            Mount("/rest/v1", _room(Rest(database).routes, _in_rest_words, callers)),
            Mount("/storage/v1", _room(storage, _in_storage_words, callers)),
            Mount("/auth/v1", _room(auth, _in_auth_words, callers)),
            Route("/{path:path}", _refuse_unknown_path),
        ]
    )
    # A page of this machine may ask, as a page of any origin may on a hosted project. Others read nothing here.
    return CORSMiddleware(
        Front(neighbours),
        allow_origin_regex=_LOCAL_PAGE,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Content-Range", "Location", "Preference-Applied", "X-Supabase-Api-Version"],
        max_age=3600,
    )


def _room(routes: list[Route], dialect: Dialect, callers: Callers) -> ASGIApp:
    room = Starlette(routes=[*routes], exception_handlers=_handlers(dialect))
    room.router.redirect_slashes = False
    return _Identify(room, callers, dialect)


def _handlers(dialect: Dialect) -> dict[object, Callable[[Request, Exception], Response]]:
    def translate(request: Request, error: Exception) -> Response:
        return dialect(_as_rest_error(request, error))

    def own_words(_request: Request, error: Exception) -> Response:
        assert isinstance(error, StorageError)
        return JSONResponse(error.body, error.status)

    named = (RestError, asyncpg.PostgresError, HTTPException, *_UNREADABLE, TimeoutError, *_UNREACHABLE)
    return {StorageError: own_words, AuthError: _answer_in_auth, Exception: translate} | dict.fromkeys(named, translate)


def _as_rest_error(request: Request, error: Exception) -> RestError:
    """Translate any error into PostgREST's codes."""
    if isinstance(error, RestError):
        return error
    if isinstance(error, HTTPException):
        return unsupported(f"{request.method} {request.scope['path']}")
    if isinstance(error, TimeoutError):  # an OSError too, so it comes before `_UNREACHABLE`
        return RestError(504, "PGRST003", "Timed out acquiring connection from connection pool.")
    if isinstance(error, _UNREADABLE):  # asyncpg's error for a value it cannot send is a ValueError and InterfaceError
        return RestError(400, "PGRST102", "Empty or invalid json")
    if isinstance(error, _UNREACHABLE):
        return RestError(503, "PGRST001", "Database connection lost. Retrying the connection.", details=str(error))
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or "XX000"
        status = status_of(state, anonymous=request.state.caller.is_anonymous)
        return RestError(status, state, error.message, error.detail, error.hint)
    return RestError(500, "EMB500", f"The embedded layer failed: {type(error).__name__}")


def _in_rest_words(error: RestError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return JSONResponse(error.body, error.status, headers | error.headers, media_type="application/json; charset=utf-8")


def _in_storage_words(error: RestError) -> Response:
    found = {
        "42501": StorageError("403", "Unauthorized", "new row violates row-level security policy"),
        "23505": StorageError("409", "Duplicate", "The resource already exists"),
        "23503": StorageError("404", "Bucket not found", "Bucket not found"),
        "PGRST102": StorageError("400", "InvalidRequest", "The body is not what this request takes"),
        "EMB413": StorageError("413", "Payload too large", "The object exceeded the maximum allowed size"),
        "401": StorageError("403", "Unauthorized", error.message),
        "PGRST301": StorageError("403", "Unauthorized", error.message),
    }.get(error.code)
    found = found or StorageError(str(error.status), error.code, error.message, status=error.status)
    return JSONResponse(found.body, found.status)


def _in_auth_words(error: RestError) -> Response:
    found = AuthError(error.status, error.code, error.message)
    if error.status == 501:  # supabase-js shows no message of a server error of Auth
        found = AuthError(400, "not_supported", error.message)
    if error.code == "PGRST301":
        found = AuthError(403, "bad_jwt", f"invalid JWT: {error.message}")
    return JSONResponse(found.body, found.status)


def _answer_in_auth(request: Request, error: Exception) -> Response:
    """Answer with an error of Auth, in the form of the version that the client names."""
    assert isinstance(error, AuthError)
    if request.headers.get("x-supabase-api-version", "") < _DATED:
        return JSONResponse(error.body, error.status)
    return JSONResponse(error.dated_body, error.status, {"X-Supabase-Api-Version": _DATED})


async def _refuse_unknown_path(request: Request) -> Response:
    return _in_rest_words(unsupported(f"{request.method} {request.scope['path']}"))

"""Sign-up, sign-in, refresh and sign-out at the level of HTTP: what a session is, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.layer.passwords import hash_password, is_password
from concept_worker.devstack.layer.recorder import UNRECORDED
from tests.chaos.database import fetch

PASSWORD = "a long word"


@pytest.fixture
def auth(stack: Stack) -> Iterator[httpx.Client]:
    """A page without a user."""
    headers = {"apikey": stack.keys.publishable_key, UNRECORDED: "1"}
    with httpx.Client(base_url=f"{stack.environment['SUPABASE_URL']}/auth/v1", headers=headers) as client:
        yield client


def signed_up(auth: httpx.Client) -> dict[str, Any]:
    """A new user's session."""
    answer = auth.post("/signup", json={"email": f"{uuid4().hex}@example.com", "password": PASSWORD})
    return dict(answer.raise_for_status().json())


def bearer(session: dict[str, Any]) -> dict[str, str]:
    """The header of a signed-in user."""
    return {"Authorization": f"Bearer {session['access_token']}"}


def refresh(auth: httpx.Client, session: dict[str, Any]) -> httpx.Response:
    """The session's next pair of tokens."""
    body = {"refresh_token": session["refresh_token"]}
    return auth.post("/token", params={"grant_type": "refresh_token"}, json=body)


def test_a_refresh_token_is_taken_once(auth: httpx.Client, stack: Stack) -> None:
    """Within ten seconds once more, for two tabs; later somebody has a copy, and the session ends for everybody."""
    first = signed_up(auth)
    second = refresh(auth, first).raise_for_status().json()
    assert refresh(auth, first).status_code == 200
    later(stack, "update auth.refresh_tokens set used_at = used_at - interval '11 seconds'")
    refused = refresh(auth, first)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "refresh_token_already_used")
    assert refresh(auth, second).json()["error_code"] == "refresh_token_not_found"
    assert auth.get("/user", headers=bearer(second)).json()["error_code"] == "session_not_found"


def later(stack: Stack, statement: str) -> None:
    """Change the database as time does."""

    async def change() -> None:
        connection = await asyncpg.connect(stack.environment["DATABASE_URL"], ssl=False)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(change())


@pytest.mark.parametrize(
    ("scope", "left"), [("local", [False, True]), ("others", [True, False]), ("global", [False] * 2)]
)
def test_who_is_signed_out(auth: httpx.Client, scope: str, left: list[bool]) -> None:
    """This session, the others, or all."""
    one = signed_up(auth)
    body = {"email": one["user"]["email"], "password": PASSWORD}
    other = auth.post("/token", params={"grant_type": "password"}, json=body).raise_for_status().json()
    assert auth.post("/logout", params={"scope": scope}, headers=bearer(one)).status_code == 204
    assert [refresh(auth, session).status_code == 200 for session in (one, other)] == left


def test_nothing_that_signs_in_is_kept_in_clear(auth: httpx.Client, stack: Stack) -> None:
    """Neither a password nor a refresh token."""
    session = signed_up(auth)
    tables = ("auth.users", "auth.sessions", "auth.refresh_tokens")
    kept = [str(fetch(stack.environment["DATABASE_URL"], f"select * from {table}")) for table in tables]
    assert session["user"]["id"] in kept[0]
    assert not any(word in text for word in (PASSWORD, session["refresh_token"]) for text in kept)


@pytest.mark.parametrize("email", ["unknown@example.com", "", "x' or 1=1 --"])
def test_an_unknown_email_and_a_wrong_password_are_told_alike(auth: httpx.Client, email: str) -> None:
    """Nobody learns who has an account."""
    known = signed_up(auth)["user"]["email"]
    answers = [
        auth.post("/token", params={"grant_type": "password"}, json={"email": name, "password": "another word"})
        for name in (known, email)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/signup", {"email": 5, "password": PASSWORD}, "validation_failed"),
        ("POST", "/signup", {"email": "a@example.com"}, "validation_failed"),
        ("POST", "/signup", {"email": "a@example.com", "password": ["x"]}, "validation_failed"),
        ("POST", "/signup", {"phone": "+49"}, "phone_provider_disabled"),
        ("POST", "/token?grant_type=pkce", {}, "validation_failed"),
        ("POST", "/token?grant_type=refresh_token", {"refresh_token": None}, "refresh_token_not_found"),
        ("POST", "/logout", {}, "bad_jwt"),
        ("GET", "/user", None, "bad_jwt"),
        ("PUT", "/user", {"data": {}}, "bad_jwt"),
        ("POST", "/otp", {}, "not_supported"),
        ("GET", "/admin/users/00000000-0000-0000-0000-000000000000", None, "not_admin"),
    ],
)
def test_what_is_refused(auth: httpx.Client, method: str, path: str, body: Any, code: str) -> None:
    """With Auth's code, below 500, where supabase-js shows the message; in the form of the version that is named."""
    old = auth.request(method, path, json=body)
    new = auth.request(method, path, json=body, headers={"X-Supabase-Api-Version": "2024-01-01"})
    assert 400 <= old.status_code < 500
    assert (old.json()["error_code"], old.json()["code"]) == (code, old.status_code)
    if new.headers.get("X-Supabase-Api-Version"):
        assert new.json() == {"code": code, "message": old.json()["msg"]}


def test_a_taken_email_stays_whose_it_is(auth: httpx.Client) -> None:
    """Also by a change of one's own."""
    one, other = signed_up(auth), signed_up(auth)
    refused = auth.put("/user", json={"email": one["user"]["email"].upper()}, headers=bearer(other))
    assert (refused.status_code, refused.json()["error_code"]) == (422, "user_already_exists")


def test_an_administrators_user_signs_in(auth: httpx.Client, stack: Stack) -> None:
    """And is shown by the service role."""
    body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
    key = {"apikey": stack.keys.secret_key}
    made = auth.post("/admin/users", json=body, headers=key).raise_for_status().json()
    session = auth.post("/token", params={"grant_type": "password"}, json=body).raise_for_status().json()
    assert session["user"]["id"] == made["id"]
    assert auth.get(f"/admin/users/{made['id']}", headers=key).json()["email"] == body["email"]


def test_a_password_is_compared_by_its_hash() -> None:
    """Another salt each time."""
    one, two = hash_password("word"), hash_password("word")
    assert one != two
    assert [is_password("word", one), is_password("Word", one), is_password("", None)] == [True, False, False]

"""Keys and tokens: which open what, and what a bad one gets; raw HTTP, as browsers and curl send it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import httpx
import jwt
import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.layer.recorder import UNRECORDED
from tests.contract.exchange import ALICE, Bench, Request


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    """The layer's address, no key."""
    with httpx.Client(base_url=stack.environment["SUPABASE_URL"], headers={UNRECORDED: "1"}) as client:
        yield client


def _headers(apikey: str | None, bearer: str | None = None) -> dict[str, str]:
    found = {} if apikey is None else {"apikey": apikey}
    return found if bearer is None else {**found, "Authorization": f"Bearer {bearer}"}


def _signed(secret: str, **claims: object) -> str:
    return jwt.encode({"role": "authenticated", "sub": str(ALICE), **claims}, secret, algorithm="HS256")


def test_each_key_has_its_role(stack: Stack, http: httpx.Client) -> None:
    """Secret and service-role keys read everything; publishable and anonymous keys read nothing."""
    keys = stack.keys
    for key, status in (
        (keys.secret_key, 200),
        (keys.service_role_jwt, 200),
        (keys.publishable_key, 401),
        (keys.anon_jwt, 401),
    ):
        for headers in (_headers(key), _headers(key, key)):
            assert http.get("/rest/v1/tasks?limit=1", headers=headers).status_code == status


def test_a_users_token_beside_any_key(stack: Stack, http: httpx.Client, user_id: UUID) -> None:
    """The token decides the role, whichever key it comes with."""
    for key in (stack.keys.publishable_key, stack.keys.anon_jwt, stack.keys.secret_key):
        answer = http.get("/rest/v1/tasks", headers=_headers(key, stack.user_token(user_id)))
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ["/rest/v1/tasks", "/auth/v1/admin/users/x"])
def test_missing_and_unknown_keys(stack: Stack, http: httpx.Client, path: str) -> None:
    """No key, a wrong key, and a right key only as Bearer are refused, in JSON."""
    method = "GET" if "rest" in path else "DELETE"
    for headers in (_headers(None), _headers("sb_secret_wrong"), _headers(None, stack.keys.secret_key),
                    _headers(stack.keys.publishable_key, stack.keys.secret_key)):  # fmt: skip
        answer = http.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()


def test_storage_refuses_in_its_own_words(http: httpx.Client) -> None:
    """Without a key, Storage speaks as Storage does."""
    answer = http.get("/storage/v1/bucket")
    assert (answer.status_code, answer.json()["statusCode"]) == (400, "403")


def test_only_the_service_role_makes_users(stack: Stack, http: httpx.Client) -> None:
    """The publishable key does not."""
    answer = http.post("/auth/v1/admin/users", headers=_headers(stack.keys.publishable_key), json={})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "not_admin")


def test_users_are_unique_and_deleted_once(stack: Stack, http: httpx.Client, user_id: UUID) -> None:
    """The same id twice, an id that is none, and a user who is gone have their errors."""
    headers = _headers(stack.keys.secret_key)
    again = http.post("/auth/v1/admin/users", headers=headers, json={"id": str(user_id)})
    assert (again.status_code, again.json()["error_code"]) == (422, "email_exists")
    assert http.post("/auth/v1/admin/users", headers=headers, json={"id": "x"}).status_code == 400
    assert http.delete(f"/auth/v1/admin/users/{user_id}", headers=headers).status_code == 200
    assert http.delete(f"/auth/v1/admin/users/{user_id}", headers=headers).status_code == 404


def test_what_is_not_spoken_is_said(stack: Stack, http: httpx.Client) -> None:
    """Paths of other services get a sentence, not a guess."""
    headers = _headers(stack.keys.secret_key)
    for path in ("/functions/v1/x", "/realtime/v1/x", "/storage/v1/render/image/a/b", "/rest/v1/"):
        answer = http.get(path, headers=headers)
        assert answer.status_code == 501
        assert "not supported by the embedded layer" in answer.text


@pytest.mark.oracle
def test_bad_tokens_get_the_same_code_from_both(bench: Bench) -> None:
    """Expired, not yet valid, forged, malformed and role-less tokens; and a role that the database does not have."""
    secret = bench.jwt_secret
    tokens = [
        _signed(secret, exp=int(time.time()) - 3600),
        _signed(secret, exp=int(time.time()) - 5),  # within the leeway
        _signed(secret, nbf=int(time.time()) + 3600),
        _signed(secret, iat=int(time.time()) + 3600),
        _signed("another secret, and long enough too"),
        _signed(secret, role="nobody-knows-me"),
        _signed(secret, role="postgres"),
        _signed(secret, aud="another"),
        jwt.encode({"sub": "x"}, secret, algorithm="HS256"),
        jwt.encode({"role": "service_role"}, "", algorithm="none"),
        "not.a.token",
        "nothing",
    ]
    for token in tokens:
        request = Request("GET", "/tasks?select=id", role=token)
        assert not (found := bench.compare(request)), f"{token}: {found}"


def test_a_link_is_no_key_and_no_other_link(stack: Stack, http: httpx.Client, user_id: UUID) -> None:
    """One object, one purpose: not as Bearer, not for the other direction, and no token of a user's opens an object."""
    service, name = _headers(stack.keys.secret_key), f"concept-images/{user_id}/t/a.png"
    up = http.post(f"/storage/v1/object/upload/sign/{name}", headers=service).json()["token"]
    png = {"content-type": "image/png"}
    stored = http.put(f"/storage/v1/object/upload/sign/{name}", params={"token": up}, content=b"x", headers=png)
    assert stored.status_code == 200
    down = http.post(f"/storage/v1/object/sign/{name}", headers=service, json={"expiresIn": 60}).json()["signedURL"]
    down = down.rpartition("token=")[2]
    user = stack.user_token(user_id)
    for token in (up, down):
        bearer = _headers(stack.keys.publishable_key, token)
        assert http.get("/rest/v1/tasks", headers=bearer).status_code == 401
        assert http.post("/auth/v1/admin/users", headers=bearer, json={}).status_code == 403
    for token in (up, user, stack.keys.service_role_jwt, stack.keys.secret_key, ""):
        assert http.get(f"/storage/v1/object/sign/{name}", params={"token": token}).status_code == 400
    for token in (down, user, stack.keys.service_role_jwt):
        answer = http.put(f"/storage/v1/object/upload/sign/{name}", params={"token": token}, content=b"y", headers=png)
        assert answer.status_code == 400
    assert http.get(f"/storage/v1/object/sign/{name}", params={"token": down}).content == b"x"

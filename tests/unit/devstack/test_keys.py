"""Keys: made once, kept closed, and each for one role."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from concept_worker.devstack.keys import Keys, load_keys
from concept_worker.devstack.layer.callers import Callers
from concept_worker.devstack.layer.errors import RestError, StorageError
from concept_worker.devstack.layer.links import DOWNLOAD, UPLOAD, Links


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Fresh keys."""
    return load_keys(tmp_path / "keys.json")


def test_made_once_and_closed(tmp_path: Path, keys: Keys) -> None:
    """The file is the owner's alone, and read again it gives the same."""
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert load_keys(tmp_path / "keys.json") == keys


def test_shapes(keys: Keys) -> None:
    """Opaque keys look as hosted ones do; the legacy ones are tokens with a role."""
    assert keys.secret_key.startswith("sb_secret_")
    assert keys.publishable_key.startswith("sb_publishable_")
    for token, role in ((keys.service_role_jwt, "service_role"), (keys.anon_jwt, "anon")):
        assert jwt.decode(token, keys.jwt_secret, algorithms=["HS256"])["role"] == role


def test_callers(keys: Keys) -> None:
    """Key alone, key as Bearer, and a user's token beside a key."""
    callers, user = Callers(keys), uuid4()
    assert callers.identify({"apikey": keys.secret_key}).role == "service_role"
    assert callers.identify({"apikey": keys.anon_jwt, "authorization": f"Bearer {keys.anon_jwt}"}).is_anonymous
    token = keys.user_token(user, is_anonymous=True)
    caller = callers.identify({"apikey": keys.publishable_key, "authorization": f"Bearer {token}"})
    assert caller.role == "authenticated"
    assert json.loads(caller.claims)["sub"] == str(user)
    assert json.loads(caller.claims)["is_anonymous"] is True


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "401"),
        ({"apikey": "wrong"}, "401"),
        ({"apikey": "{secret_key}", "authorization": "Basic abc"}, "401"),
        ({"apikey": "{secret_key}", "authorization": "Bearer {publishable_key}"}, "401"),
        ({"apikey": "{secret_key}", "authorization": "Bearer a.b.c"}, "PGRST301"),
        ({"apikey": "{secret_key}", "authorization": "a.b.c"}, "401"),
        ({"apikey": "{secret_key}", "authorization": "Bearer "}, "401"),
    ],
)
def test_refused_callers(keys: Keys, headers: dict[str, str], code: str) -> None:
    """Everything else is 401."""
    filled = {name: text.format(**vars(keys)) for name, text in headers.items()}
    with pytest.raises(RestError) as caught:
        Callers(keys).identify(filled)
    assert (caught.value.status, caught.value.code) == (401, code)


def test_links(keys: Keys) -> None:
    """A link is for one path and one purpose."""
    links = Links(keys.link_key)
    token = links.sign("bucket/a.png", 60, purpose=UPLOAD, upsert=True)
    assert links.check(token, "bucket/a.png", purpose=UPLOAD)["upsert"] is True
    for path, purpose in (("bucket/b.png", UPLOAD), ("bucket/a.png", DOWNLOAD)):
        with pytest.raises(StorageError, match="signature"):
            links.check(token, path, purpose=purpose)


def test_a_link_is_no_key_and_a_key_no_link(keys: Keys) -> None:
    """Links are signed by a key of their own, in both directions; and every stack has that key."""
    links, path = Links(keys.link_key), "bucket/a.png"
    assert keys.link_key != keys.jwt_secret
    token = links.sign(path, 60, purpose=DOWNLOAD, role="service_role")
    with pytest.raises(RestError) as refused:
        Callers(keys).identify({"apikey": keys.publishable_key, "authorization": f"Bearer {token}"})
    assert refused.value.code == "PGRST301"
    claims = {"url": path, "purpose": DOWNLOAD, "exp": int(time.time()) + 60}
    for forged in (
        jwt.encode(claims, keys.jwt_secret, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, keys.link_key, algorithm="HS512"),
        jwt.encode({"url": path, "purpose": DOWNLOAD}, keys.link_key, algorithm="HS256"),
        keys.user_token(uuid4()),
        keys.service_role_jwt,
    ):
        with pytest.raises(StorageError):
            links.check(forged, path, purpose=DOWNLOAD)


def test_a_nested_header_is_a_bad_token(keys: Keys) -> None:
    """A header is parsed before its signature is checked."""
    header = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 20_000).decode().rstrip("=")
    with pytest.raises(RestError, match="JWSError"):
        Callers(keys).identify({"apikey": keys.publishable_key, "authorization": f"Bearer {header}.e30.x"})
    with pytest.raises(StorageError):
        Links(keys.link_key).check(f"{header}.e30.x", "a/b", purpose=DOWNLOAD)

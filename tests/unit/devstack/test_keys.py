"""Keys: made once, kept closed, and each for one role."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from concept_worker.devstack.keys import Keys, load_keys
from concept_worker.devstack.layer.callers import Callers
from concept_worker.devstack.layer.errors import RestError, StorageError
from concept_worker.devstack.layer.links import Links


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
    links = Links(keys.jwt_secret)
    token = links.sign("bucket/a.png", 60, purpose="upload")
    assert links.check(token, "bucket/a.png", purpose="upload")["url"] == "bucket/a.png"
    for path, claims in (("bucket/b.png", {"purpose": "upload"}), ("bucket/a.png", {"purpose": "other"})):
        with pytest.raises(StorageError, match="signature"):
            links.check(token, path, **claims)

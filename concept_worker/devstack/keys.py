"""The random keys of a stack, kept in its data directory: opaque keys, legacy JWT keys, passwords."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt

from concept_worker.ownership import read_own, replace_own

_TEN_YEARS = 10 * 365 * 86_400  # seconds; the lifetime of a legacy key


@dataclass(frozen=True)
class Keys:
    """All secrets of one stack."""

    jwt_secret: str
    secret_key: str  # sb_secret_…, the service role
    publishable_key: str  # sb_publishable_…, the anonymous role
    service_role_jwt: str  # the legacy keys
    anon_jwt: str
    owner_password: str  # of the database's owner
    authenticator_password: str  # of the layer's login role
    broker_password: str

    @property
    def link_key(self) -> str:
        """The key of signed links: derived from the JWT secret, so that every stack has one, and used for no token."""
        return hmac.digest(self.jwt_secret.encode(), b"concept_worker: links to objects", "sha256").hex()

    def user_token(self, user_id: UUID, *, seconds: int = 3600, is_anonymous: bool = False) -> str:
        """Make a signed-in user's token, valid for `seconds`."""
        return self.signed({"sub": str(user_id), "is_anonymous": is_anonymous}, seconds)

    def signed(self, claims: Mapping[str, Any], seconds: int) -> str:
        """Make a token of a signed-in user with these claims, valid for `seconds`."""
        return sign_user_token(self.jwt_secret, claims, seconds)


def sign_user_token(secret: str, claims: Mapping[str, Any], seconds: int) -> str:
    """Make a token of a signed-in user, as Auth does, valid for `seconds`."""
    now = int(time.time())
    known = {"role": "authenticated", "aud": "authenticated", "iat": now, "exp": now + seconds}
    return jwt.encode({**known, **claims}, secret, algorithm="HS256")


def load_keys(path: Path) -> Keys:
    """Load the keys from the file at `path`; the first time make them and write the file, readable by the owner only.

    Raises:
        UntrustedPath: another user owns the file or may write it.
    """
    known = read_own(path)
    if known is not None:
        return Keys(**json.loads(known))
    keys = _random_keys()
    replace_own(path, json.dumps(asdict(keys)))
    return keys


def _random_keys() -> Keys:
    secret = secrets.token_urlsafe(48)
    return Keys(
        jwt_secret=secret,
        secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
        publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
        service_role_jwt=_legacy_key("service_role", secret),
        anon_jwt=_legacy_key("anon", secret),
        owner_password=secrets.token_hex(24),
        authenticator_password=secrets.token_hex(24),
        broker_password=secrets.token_hex(24),
    )


def _legacy_key(role: str, secret: str) -> str:
    now = int(time.time())
    claims = {"iss": "supabase-embedded", "role": role, "iat": now, "exp": now + _TEN_YEARS}
    return jwt.encode(claims, secret, algorithm="HS256")

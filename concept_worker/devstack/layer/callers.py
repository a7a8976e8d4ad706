"""The caller of a request: API keys and user tokens become a database role and its claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from concept_worker.devstack.keys import Keys
from concept_worker.devstack.layer.errors import RestError

_LEEWAY = 30  # seconds of clock difference that PostgREST forgives


@dataclass(frozen=True)
class Caller:
    """A caller: a database role, and the claims that its policies may read, as JSON."""

    role: str
    claims: str

    @property
    def is_anonymous(self) -> bool:
        """True when no user is signed in."""
        return self.role == "anon"

    @property
    def subject(self) -> str | None:
        """The id of the signed-in user; None without one."""
        found = json.loads(self.claims).get("sub")
        return found if isinstance(found, str) and found else None

    def named(self, subject: object) -> Caller:
        """Return the same role, on behalf of a user."""
        return Caller(self.role, json.dumps({"sub": subject} if isinstance(subject, str) else {}))


class Callers:
    """A map from the headers of a request to a `Caller`, as the hosted gateway and PostgREST do together."""

    def __init__(self, keys: Keys) -> None:
        self._secret = keys.jwt_secret
        self._opaque = {keys.secret_key: _caller("service_role"), keys.publishable_key: _caller("anon")}
        self._keys = self._opaque | {token: self._signed(token) for token in (keys.service_role_jwt, keys.anon_jwt)}

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Identify the caller of a request.

        Raises:
            RestError: 401 when the key is missing or not ours, or the token is broken, forged or expired.
        """
        key = headers.get("apikey", "")
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        if not key:
            hint = "No `apikey` request header or url param was found."
            raise RestError(401, "401", "No API key found in request", hint=hint)
        if key not in self._keys:
            raise RestError(401, "401", "Invalid API key", hint="Double check your API key.")
        if not scheme or token == key:
            return self._keys[key]
        if scheme.lower() != "bearer" or not token or token in self._opaque:
            raise RestError(401, "401", "Invalid API key", hint="An opaque key as Bearer must equal the `apikey`.")
        return self._signed(token)

    def _signed(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=["HS256"], leeway=_LEEWAY, options={"verify_aud": False}
            )
        except jwt.ExpiredSignatureError as exc:
            raise RestError(401, "PGRST301", "JWT expired") from exc
        except (jwt.InvalidTokenError, RecursionError) as exc:  # a header is parsed before its signature is checked
            raise RestError(401, "PGRST301", f"JWSError {exc}") from exc
        return Caller(str(claims.get("role", "anon")), json.dumps(claims))


def _caller(role: str) -> Caller:
    return Caller(role, json.dumps({"role": role}))

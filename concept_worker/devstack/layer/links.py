"""Signed links: who holds one may read or write one object until it expires."""

from __future__ import annotations

import time
from typing import Any

import jwt

from concept_worker.devstack.layer.errors import StorageError


class Links:
    """Signs and checks the tokens of links with the stack's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, path: str, seconds: int, **claims: Any) -> str:
        """A token for the object `bucket/name`, valid for `seconds`."""
        now = int(time.time())
        return jwt.encode({"url": path, **claims, "iat": now, "exp": now + seconds}, self._secret, algorithm="HS256")

    def check(self, token: str, path: str, **claims: Any) -> dict[str, Any]:
        """The claims of a token made for this path.

        Raises:
            StorageError: InvalidJWT when it expired or is malformed, InvalidSignature when it is forged or not for
                this path.
        """
        try:
            found: dict[str, Any] = jwt.decode(token, self._secret, algorithms=["HS256"])
        except jwt.InvalidSignatureError as exc:
            raise StorageError("400", "InvalidSignature", "signature verification failed") from exc
        except jwt.InvalidTokenError as exc:
            raise StorageError("400", "InvalidJWT", str(exc)) from exc
        if found.get("url") != path or any(found.get(k) != v for k, v in claims.items()):
            raise StorageError("400", "InvalidSignature", "The url do not match the signature")
        return found

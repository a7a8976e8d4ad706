"""Signed links: the holder of a link may read or write one object until the link expires, and nothing else."""

from __future__ import annotations

import time
from typing import Any

import jwt

from concept_worker.devstack.layer.errors import StorageError

DOWNLOAD, UPLOAD = "download", "upload"
_MUST_HAVE = ["exp", "url", "purpose"]


class Links:
    """A signer and checker of the tokens of links, with a key that signs nothing else."""

    def __init__(self, key: str) -> None:
        self._key = key

    def sign(self, path: str, seconds: int, *, purpose: str, **claims: Any) -> str:
        """Sign a token for one purpose and the object `bucket/name`, valid for `seconds`."""
        now = int(time.time())
        known = {"url": path, "purpose": purpose, "iat": now, "exp": now + seconds}
        return jwt.encode(claims | known, self._key, algorithm="HS256")

    def check(self, token: str, path: str, *, purpose: str) -> dict[str, Any]:
        """Check that a token was made for this path and this purpose; return its claims.

        Raises:
            StorageError: InvalidJWT when the token expired or is malformed, InvalidSignature when it is forged or
                not for this path or purpose.
        """
        try:
            found: dict[str, Any] = jwt.decode(token, self._key, algorithms=["HS256"], options={"require": _MUST_HAVE})
        except (jwt.InvalidSignatureError, jwt.MissingRequiredClaimError) as exc:
            raise StorageError("400", "InvalidSignature", "signature verification failed") from exc
        except (jwt.InvalidTokenError, RecursionError) as exc:  # a header is parsed before its signature is checked
            raise StorageError("400", "InvalidJWT", str(exc)) from exc
        if found["url"] != path or found["purpose"] != purpose:
            raise StorageError("400", "InvalidSignature", "The url do not match the signature")
        return found

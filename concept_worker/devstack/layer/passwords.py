"""Passwords of users: hashed with scrypt, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_COST = {"n": 2**14, "r": 8, "p": 1}  # RFC 7914's values for interactive logins: 16 MiB and some hundredths of a second
_NOBODY = "00$00"  # hashed for an unknown user, so that the time of an answer does not tell who is known


def hash_password(password: str) -> str:
    """Return salt and hash of a password as text."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def is_password(password: str, hashed: str | None) -> bool:
    """Tell whether a password is the hashed one; None takes as long and is never right."""
    salt, _, expected = (hashed or _NOBODY).partition("$")
    found = _scrypt(password, bytes.fromhex(salt))
    return hmac.compare_digest(found.hex(), expected) and hashed is not None


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST)

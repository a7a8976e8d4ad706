"""Seals of staged bytes: bytes without our seal come from another program."""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Self

_CONTEXT = b"concept_worker: seal of staged bytes, 1"  # names this use of the secret


class SealedAs(StrEnum):
    """A state of sealed bytes."""

    ARRIVED = "arrived"  # as the provider sent them: paid for, not validated
    CLEAN = "clean"  # validated and encoded again by us


class Sealer:
    """An HMAC-SHA256 over staging key, state and content, with a key derived from a secret."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def derived_from(cls, secret: str) -> Self:
        """Return the sealer that all processes with this secret share."""
        return cls(hmac.digest(secret.encode(), _CONTEXT, "sha256"))

    def seal(self, key: str, content: bytes, state: SealedAs) -> bytes:
        """Return the seal as hexadecimal text."""
        message = f"{key}\n{state.value}\n{hashlib.sha256(content).hexdigest()}"
        return hmac.new(self._key, message.encode(), "sha256").hexdigest().encode()

    def holds(self, seal: bytes, key: str, content: bytes, state: SealedAs) -> bool:
        """Return whether the seal was made for exactly these arguments; compares in constant time."""
        return hmac.compare_digest(seal, self.seal(key, content, state))

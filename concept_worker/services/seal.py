"""Seals of staged bytes: what carries none of ours was put there by somebody else."""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Self

_CONTEXT = b"concept_worker: seal of staged bytes, 1"  # of this use of the secret, and of no other


class SealedAs(StrEnum):
    """State of sealed bytes."""

    ARRIVED = "arrived"  # as the provider sent them: paid for, not yet looked at
    CLEAN = "clean"  # validated and written anew by us


class Sealer:
    """HMAC-SHA256 over a staging key, the state and the content, with a key derived from a secret."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def derived_from(cls, secret: str) -> Self:
        """The sealer of all processes that know the secret."""
        return cls(hmac.digest(secret.encode(), _CONTEXT, "sha256"))

    def seal(self, key: str, content: bytes, state: SealedAs) -> bytes:
        """The seal, as hexadecimal text."""
        said = f"{key}\n{state.value}\n{hashlib.sha256(content).hexdigest()}"
        return hmac.new(self._key, said.encode(), "sha256").hexdigest().encode()

    def holds(self, seal: bytes, key: str, content: bytes, state: SealedAs) -> bool:
        """Whether the seal was made for exactly this; compared in constant time."""
        return hmac.compare_digest(seal, self.seal(key, content, state))

"""Seals of staged bytes: made with a secret, for one key, one state and one content."""

from __future__ import annotations

import pytest

from concept_worker.services.seal import SealedAs, Sealer

SEALER = Sealer.derived_from("sb_secret_one")


def test_whoever_knows_the_secret_finds_the_others_bytes() -> None:
    """All workers of a deployment."""
    seal = Sealer.derived_from("sb_secret_one").seal("task:base", b"bytes", SealedAs.CLEAN)
    assert SEALER.holds(seal, "task:base", b"bytes", SealedAs.CLEAN)


@pytest.mark.parametrize(
    ("sealer", "key", "content", "state"),
    [
        (Sealer.derived_from("sb_secret_two"), "task:base", b"bytes", SealedAs.CLEAN),
        (SEALER, "other:base", b"bytes", SealedAs.CLEAN),
        (SEALER, "task:palettes", b"bytes", SealedAs.CLEAN),
        (SEALER, "task:base", b"other bytes", SealedAs.CLEAN),
        (SEALER, "task:base", b"bytes", SealedAs.ARRIVED),
    ],
)
def test_a_seal_is_for_one_thing(sealer: Sealer, key: str, content: bytes, state: SealedAs) -> None:
    """Not of another secret, task, name, content or state."""
    seal = sealer.seal(key, content, state)
    assert not SEALER.holds(seal, "task:base", b"bytes", SealedAs.CLEAN)


@pytest.mark.parametrize("seal", [b"", b"\xff" * 64, "é".encode()])
def test_nonsense_is_no_seal(seal: bytes) -> None:
    """Nor is it an error."""
    assert not SEALER.holds(seal, "task:base", b"bytes", SealedAs.CLEAN)

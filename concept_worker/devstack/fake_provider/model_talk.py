"""A language model's answers with palettes: good ones, and wrong ones as models make them."""

from __future__ import annotations

import json
from typing import Any

from concept_worker.devstack.fake_provider.faults import FaultKind
from concept_worker.models import PALETTE_ROLES
from concept_worker.palettes.harmony import harmonize
from concept_worker.payloads import PALETTES_MAX

Entry = dict[str, Any]

_ORDINALS = ("first_color", "second_color", "third_color", "fourth_color", "fifth_color")


def propose(theme: str, logo: str, count: int, *, colors_by_role: bool) -> list[Entry]:
    """Make `count` palettes as plain JSON values; colours as an object by role, or as a list in role order."""
    return [
        {
            "name": palette.name,
            "description": palette.description,
            "colors": dict(zip(PALETTE_ROLES, palette.colors, strict=True)) if colors_by_role else [*palette.colors],
        }
        for palette in harmonize(theme, logo, max(1, min(count, PALETTES_MAX)))
    ]


def misspoken(entries: list[Entry], kind: FaultKind | None) -> Any:
    """Return `entries` with the fault in them; unchanged for a fault that is not about palettes."""
    if kind is FaultKind.NONE:
        return []
    if kind is FaultKind.FEWER:
        return entries[: max(1, len(entries) // 2)]
    if kind is FaultKind.MORE:
        return entries + [{**entry, "name": f"More {entry['name']}"} for entry in _lighter(entries)]
    if kind is FaultKind.OBJECTS:
        return [{**entry, "colors": [dict(zip(_ORDINALS, _listed(entry), strict=True))]} for entry in entries]
    if kind is FaultKind.TEXT:
        return f"Here you are:\n```json\n{json.dumps(entries)}\n```\nEnjoy!"
    if kind is FaultKind.JUNK:
        return [None, "nice colours", 7, *entries[:1], {"name": "Mud", "colors": ["brownish", 3]}, [], *entries[1:]]
    return entries


def _listed(entry: Entry) -> list[str]:
    colors = entry["colors"]
    return list(colors.values()) if isinstance(colors, dict) else list(colors)


def _lighter(entries: list[Entry]) -> list[Entry]:
    """Make each channel of the palettes a step lighter (modulo 256), so that every colour differs."""
    return [{**entry, "colors": [_step(color) for color in _listed(entry)]} for entry in entries]


def _step(color: str) -> str:
    return "#" + "".join(f"{(int(color[at : at + 2], 16) + 9) % 256:02x}" for at in (1, 3, 5))

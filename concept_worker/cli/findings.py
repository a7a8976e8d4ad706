"""What a look at the neighbours found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One neighbour, and how it is."""

    what: str
    is_well: bool
    says: str
    warns: bool = False  # it works, and an operator should know something

"""The results of `doctor`'s checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check of a neighbour."""

    what: str
    is_well: bool
    says: str
    warns: bool = False  # it works, but an operator should know `says`

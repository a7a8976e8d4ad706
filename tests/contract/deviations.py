"""The one table of differences that remain, as the documentation gives it."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "embedded-supabase.md"
_ROW = re.compile(r"^\| `([a-z-]+)` \|", re.MULTILINE)


def declared() -> set[str]:
    """The names of the deviations in the documentation."""
    return set(_ROW.findall(DOCUMENT.read_text()))

"""Patterns that read words of users and providers take linear time: one of them held a worker for 71 s."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time

import pytest

from concept_worker import imaging, offline, palettes, redaction, services

UNITS = [
    *("a", "A ", "Ab", "1", " ", "\n", "-", "_", "'", '"', "“", "’", "#", "`", "{", "rgb(", "0x"),
    *("a-", "a.", "“a", 'a"b ', "a b ", "abc'd ", "and ", " with", "called ", "called: ", "letter ", "initials "),
]
SHORT, LONG = 1_000, 4_000  # characters


def patterns() -> dict[str, re.Pattern[str]]:
    """Every pattern that a module of these rooms keeps, by its full name."""
    found = {f"redaction.{name}": value for name, value in vars(redaction).items() if isinstance(value, re.Pattern)}
    for room in (services, offline, palettes, imaging):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                    found[f"{module.name.removeprefix('concept_worker.')}.{name}"] = value
    return found


def cost(pattern: re.Pattern[str], text: str) -> float:
    """CPU seconds that all ways of looking for it in the text take."""
    started = time.process_time()
    pattern.search(text)
    pattern.fullmatch(text)
    pattern.split(text)
    return time.process_time() - started


def grows_too_fast(pattern: re.Pattern[str], unit: str) -> bool:
    """Whether four times the text takes far more than four times as long."""
    short = min(cost(pattern, (unit * SHORT)[:SHORT]) for _ in range(2))
    return min(cost(pattern, (unit * LONG)[:LONG]) for _ in range(2)) > max(9 * short, 0.04)


@pytest.mark.parametrize("pattern", patterns().values(), ids=patterns())
def test_a_pattern_is_linear(pattern: re.Pattern[str]) -> None:
    """In whatever is repeated."""
    assert [unit for unit in UNITS if grows_too_fast(pattern, unit)] == []


def test_a_square_is_seen() -> None:
    """The pattern that split colours once."""
    assert grows_too_fast(re.compile(r"[,;|\n]+|\s+(?=#)"), " ")

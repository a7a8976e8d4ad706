"""The error messages of wrong settings: the environment variable, what its value must be, and never the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

_ALONE = "alone, without quotes, unit or comment"
_KINDS = (
    ("int_", f"must be a whole number, {_ALONE}"),
    ("float_", f"must be a number, {_ALONE}"),
    ("finite_number", f"must be a number, {_ALONE}"),
    ("bool_", "must be true or false"),
    ("greater_than_equal", "must be at least {ge}"),
    ("greater_than", "must be more than {gt}"),
    ("less_than_equal", "must be at most {le}"),
    ("less_than", "must be less than {lt}"),
    ("multiple_of", "must be a multiple of {multiple_of}"),
    ("enum", "must be {expected}"),
    ("value_error", "{error}"),
)


def settings_trouble(error: ValidationError, name_of: Callable[[str], str]) -> str:
    """Say in one sentence which settings are wrong, and what each must be."""
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(dict.fromkeys(f"{name_of(str(each['loc'][0]))} {_words(each)}" for each in found))


def plain_value(value: str) -> str:
    """Return the value without blanks around it, and without the quotes that `docker --env-file` keeps."""
    value = value.strip()
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if is_quoted else value


def _words(detail: Mapping[str, Any]) -> str:
    for kind, words in _KINDS:
        if detail["type"].startswith(kind):
            return words.format(**detail.get("ctx", {}))
    return "cannot be read"

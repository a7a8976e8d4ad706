"""Which models refuse what they do not know, and which ignore it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings

import concept_worker
from concept_worker.errors import InvalidRequest, UnreadableRecord
from concept_worker.payloads import GenerationPayload
from concept_worker.validation import FromPeople, Traveling, payload_from, reading, stored_payload

BRIEF = {"logo_description": "a fox", "theme_description": "warm"}
# Read and written by one process: neither people's words nor anything that travels between versions.
ELSEWHERE = ("concept_worker.devstack", "concept_worker.offline", "concept_worker.cli")


def ours(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every model of the package below `kind`."""
    for one in kind.__subclasses__():
        if one.__module__.startswith("concept_worker") and not one.__module__.startswith(ELSEWHERE):
            yield one
        yield from ours(one)


def test_each_model_says_where_its_values_come_from() -> None:
    """People's input is what `forbid`s; it is a short list."""
    for module in pkgutil.walk_packages(concept_worker.__path__, "concept_worker."):
        if not module.name.startswith(ELSEWHERE) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    models = {one for one in ours(BaseModel) if one.__module__ != "concept_worker.validation"}
    models -= {one for one in models if issubclass(one, BaseSettings)}
    strange = {one.__module__ for one in models if not issubclass(one, FromPeople | Traveling)}
    assert {name for name in strange if not name.startswith("concept_worker.services.")} == set()  # vendors' wires
    assert {one.__name__ for one in models if issubclass(one, FromPeople)} == {
        *("Brief", "Wish"),
        *("GenerationPayload", "RefinementPayload"),
    }
    assert {one.model_config["extra"] for one in models if issubclass(one, Traveling)} == {"ignore"}


def test_people_hear_what_is_wrong_and_old_rows_are_read() -> None:
    """The same fields, asked for now and stored by a newer version."""
    fields: dict[str, Any] = BRIEF | {"colour_count": 3}
    with pytest.raises(InvalidRequest, match="colour_count: unknown field, leave it out"):
        payload_from(GenerationPayload, fields)
    assert stored_payload(GenerationPayload, fields) == payload_from(GenerationPayload, BRIEF)
    with pytest.raises(InvalidRequest, match="theme_description: required, but missing"):
        stored_payload(GenerationPayload, {"logo_description": "a fox"})


def test_what_cannot_be_read_is_our_error() -> None:
    """With the record and its first wrong fields, without a value, and nothing of pydantic's behind it."""
    with (
        pytest.raises(UnreadableRecord, match="the receipt cannot be read by this version") as caught,
        reading("the receipt"),
    ):
        GenerationPayload.model_validate({"logo_description": "TOPSECRET" * 200, "theme_description": "x"})
    assert "TOPSECRET" not in str(caught.value)
    assert not isinstance(caught.value.__cause__, ValidationError)

"""The two base classes of models, by the source of their values, and the errors of values that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from concept_worker.errors import InvalidRequest, UnreadableRecord
from concept_worker.redaction import without_text

_NAMED = 3  # wrong fields that a sentence names


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class FromPeople(_Frozen):
    """A base for input of people and their programs: an unknown field counts as misspelt and is refused by name."""

    model_config = ConfigDict(extra="forbid")


class Traveling(_Frozen):
    """A base for messages, rows, references and checkpoints between our own processes.

    Older and newer versions exchange them during a deploy, so unknown fields are ignored. Add optional fields only.
    """

    model_config = ConfigDict(extra="ignore")


PayloadT = TypeVar("PayloadT", bound=FromPeople)
P = ParamSpec("P")
T = TypeVar("T")


def payload_from(model: type[PayloadT], fields: Mapping[str, Any]) -> PayloadT:
    """Validate a request's fields as `model`.

    Raises:
        InvalidRequest: names every wrong field and the mend; never the value, which may be private.
    """
    try:
        return model.model_validate(dict(fields))
    except ValidationError as exc:
        raise InvalidRequest(describe_validation(exc)) from None


def stored_payload(model: type[PayloadT], fields: Mapping[str, Any]) -> PayloadT:
    """Validate the inputs of a row, which a newer version may have accepted: unknown fields are ignored.

    Raises:
        InvalidRequest: as in `payload_from`.
    """
    try:
        return model.model_validate(dict(fields), extra="ignore")
    except ValidationError as exc:
        raise InvalidRequest(describe_validation(exc)) from None


def unknown_fields_refused(model: type[FromPeople]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a method refuse misspelt fields of `model` with our message; type checkers see the method's own signature.

    Raises:
        InvalidRequest: raised by the method; names every wrong field.
    """

    def decorate(method: Callable[P, T]) -> Callable[P, T]:
        beside = signature(method).parameters.keys() - model.model_fields.keys()

        @wraps(method)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            fields = {name: value for name, value in kwargs.items() if name not in beside}
            if fields.keys() - model.model_fields.keys():
                payload_from(model, fields)
            return method(*args, **kwargs)

        return checked

    return decorate


@contextmanager
def reading(record: str) -> Iterator[None]:
    """Translate a validation error of a stored record; `record` names the record (`"the receipt of …"`).

    Raises:
        UnreadableRecord: the record does not fit its model; names the first wrong fields, never a value.
    """
    try:
        yield
    except ValidationError as exc:
        fields = "; ".join(_wrong_fields(exc)[:_NAMED])
        sentence = f"{record} cannot be read by this version of concept_worker ({fields}); update it, then try again"
        raise without_text(UnreadableRecord(sentence), exc) from None


def describe_validation(exc: ValidationError) -> str:
    """Describe a pydantic error in one sentence: fields and mends, no values."""
    return "Invalid request: " + "; ".join(_wrong_fields(exc))


def _wrong_fields(exc: ValidationError) -> list[str]:
    parts = []
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in error["loc"])
        mend = _mend(error["type"], error["msg"])
        parts.append(f"{where}: {mend}" if where else mend)
    return parts


def _mend(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown field, leave it out"
    if kind == "missing":
        return "required, but missing"
    return message[:1].lower() + message[1:]

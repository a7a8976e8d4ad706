"""No chain of errors holds what is private: what other people's errors say stays where they were raised."""

from __future__ import annotations

import socket
import traceback

import httpx
import pytest
from postgrest import APIError
from pydantic import ValidationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from concept_worker.errors import ConceptWorkerError, InvalidRequest, ProviderRefused, StageCrashed
from concept_worker.models import BegunStep, ConceptRow, FinishedStep, TaskRow
from concept_worker.payloads import GenerationPayload
from concept_worker.pipelines.stage import stage
from concept_worker.services.http.channel import Outgoing, ProviderChannel, provider_client
from concept_worker.services.redis.errors import redis_translated
from concept_worker.services.supabase.client import translated
from concept_worker.validation import payload_from

SECRET = "TOPSECRET"


def told(error: BaseException) -> str:
    """All that Python's own traceback says, the source lines of this file left out."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(line for line in lines if "SECRET}" not in line)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError(f"cannot reach https://user:{SECRET}@host"),
        httpx.RemoteProtocolError(f"illegal header {SECRET}"),
        APIError(
            {"message": "duplicate", "code": "23505", "details": f"Key (user_id)=({SECRET}) exists", "hint": SECRET}
        ),
        ValueError(f"Invalid path {SECRET}/%2e%2e/x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_supabases_errors(error: Exception) -> None:
    """Rows, ids, paths, addresses."""
    with pytest.raises(ConceptWorkerError) as caught, translated():
        raise error
    assert SECRET not in told(caught.value)
    assert type(error).__name__ in told(caught.value)


@pytest.mark.parametrize("error", [RedisConnectionError, ResponseError])
def test_redis_errors(error: type[Exception]) -> None:
    """Its addresses have passwords, its scripts have arguments."""
    with pytest.raises(ConceptWorkerError) as caught, redis_translated():
        raise error(f"redis://:{SECRET}@host")
    assert SECRET not in told(caught.value)


def test_a_stage_that_crashes() -> None:
    """The place is told, the text is not."""

    @stage("Storing base image failed")
    def broken() -> None:
        raise KeyError(f"{SECRET}")

    with pytest.raises(StageCrashed) as caught:
        broken()
    assert SECRET not in told(caught.value)
    assert "in broken" in told(caught.value)


@pytest.mark.parametrize("key", [f"{SECRET}\nsecond", f"{SECRET}\x00"])
def test_a_key_that_is_no_header(key: str) -> None:
    """Where the client is made by hand, past the settings; headers are looked at once a connection stands."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = provider_client(f"http://127.0.0.1:{server.getsockname()[1]}", {"x-api-key": key})
        with pytest.raises(ProviderRefused) as caught:
            ProviderChannel(client, provider="test").send(Outgoing("ask", "GET", "/"), seconds=5, max_bytes=1)
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize("model", [TaskRow, ConceptRow, BegunStep, FinishedStep])
def test_a_row_that_cannot_be_read(model: type) -> None:
    """In the middle of a run: it has the user's id and words."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate({"id": SECRET, "user_id": SECRET, "task": {"user_id": SECRET}, "current": SECRET})  # type: ignore[attr-defined]
    assert SECRET not in told(caught.value)


def test_a_request_that_is_refused() -> None:
    """Fields and mends."""
    fields = {"logo_description": f"{SECRET}\x00", "theme_description": SECRET * 100, "num_palettes": SECRET}
    with pytest.raises(InvalidRequest) as caught:
        payload_from(GenerationPayload, fields)
    assert SECRET not in told(caught.value)

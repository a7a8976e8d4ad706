"""Runware's own SDK against the fake: it does not know, so what the adapter speaks to the fake is the vendor's wire."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from uuid import uuid4

import httpx
import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.imaging.codec import decode_image

sdk = pytest.importorskip("runware")

TASK = {
    "taskType": "imageInference",
    "model": "bfl:5@1",
    "positivePrompt": "a fox",
    "width": 256,
    "height": 256,
    "seed": 5,
    "outputType": "URL",
    "outputFormat": "PNG",
    "includeCost": True,
}


def run(fake: Any, task: dict[str, Any]) -> list[dict[str, Any]]:
    """What the SDK answers to a task, ordered and polled for; without retries of its own."""

    async def ask() -> list[dict[str, Any]]:
        settings = {"transport": "rest", "http_base_url": fake.runware_url, "max_retries": 0}
        async with sdk.Runware(api_key=fake.api_key, **settings) as client:
            answer: list[dict[str, Any]] = await client.run(task)
            return answer

    return asyncio.run(ask())


def test_a_picture(fake: Any) -> None:
    """Ordered, polled for, and behind a link."""
    (picture,) = run(fake, TASK)
    assert picture["cost"] == 0.03
    assert decode_image(httpx.get(picture["imageURL"], trust_env=False).content).size == (256, 256)
    assert [call.endpoint for call in fake.calls if call.wire == "runware"] == ["image", "poll"]


def test_a_picture_made_of_another(fake: Any) -> None:
    """The original goes along as a data URI."""
    (drawn,) = run(fake, TASK)
    original = base64.b64encode(httpx.get(drawn["imageURL"], trust_env=False).content).decode()
    (changed,) = run(fake, {**TASK, "inputs": {"referenceImages": [f"data:image/png;base64,{original}"]}})
    assert changed["imageURL"] != drawn["imageURL"]
    assert fake.paid("refine") == 1


def test_an_id_that_is_taken(fake: Any) -> None:
    """The SDK sees a conflict, and nothing is paid for it."""
    task = {**TASK, "taskUUID": str(uuid4())}
    run(fake, task)
    with pytest.raises(sdk.RunwareError) as caught:
        run(fake, task)
    assert (caught.value.code, caught.value.task_uuid) == ("validation", task["taskUUID"])
    assert fake.paid() == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind=FaultKind.STATUS, status=401, endpoint="image"), "auth"),
        (Fault(kind=FaultKind.QUOTA, endpoint="image"), "quota"),
        (Fault(kind=FaultKind.CONTENT, endpoint="image"), "safety"),
        (Fault(kind=FaultKind.RATE_LIMITED, endpoint="image"), "rateLimit"),
        (Fault(kind=FaultKind.STATUS, status=503, endpoint="image"), "serverError"),
        (Fault(kind=FaultKind.DISCONNECT, endpoint="image"), None),
    ],
)
def test_errors(fake: Any, fault: Fault, code: str | None) -> None:
    """The SDK knows each of them by its own name."""
    fake.faults.add(fault)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a lost connection is the transport's own error
        run(fake, TASK)
    assert getattr(caught.value, "code", None) == code


def test_a_job_that_failed(fake: Any) -> None:
    """Accepted, then declined by the house behind the vendor."""
    fake.faults.add(Fault(kind=FaultKind.CONTENT, endpoint="job"))
    with pytest.raises(sdk.RunwareError) as caught:
        run(fake, TASK)
    assert caught.value.code == "safety"


def test_our_requests_use_the_sdks_fields(fake: Any, build: Any, image: Any, refined: Any) -> None:
    """No field of ours is unknown to the SDK's own type of our default model."""
    from runware.types.task_map import BflFlux2ProParams, models

    generator = build("runware")
    refined(generator, image(generator))
    orders = [call.body for call in fake.calls if call.endpoint in ("image", "refine")]
    assert [models[order["model"]].task_type for order in orders] == ["imageInference"] * 2
    for order in orders:
        assert set(order) | {"inputs"} <= set(BflFlux2ProParams.__annotations__)

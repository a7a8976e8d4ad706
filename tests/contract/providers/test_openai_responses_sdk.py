"""OpenAI's own client against the fake of its responses in background mode, which it takes for its vendor."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, Fault, FaultKind
from concept_worker.imaging.codec import decode_image

openai = pytest.importorskip("openai")

K = FaultKind
MODEL = "gpt-5.4-mini"
TOOL = {"type": "image_generation", "model": "gpt-image-2.5-flare", "size": "256x256"}
FAILED = {"status": "failed", "output": [], "error": {"code": "image_content_policy_violation", "message": "No."}}


class TestTheSDK:
    """openai, pointed at the fake, without retries of its own."""

    @pytest.fixture
    def open_ai(self, fake: FakeProvider) -> Iterator[Any]:
        """The client."""
        with openai.OpenAI(api_key=fake.api_key, base_url=fake.openai_url, max_retries=0) as client:
            yield client

    @pytest.fixture
    def create(self, open_ai: Any) -> Callable[..., Any]:
        """`create(input=…)` orders in background."""

        def order(**fields: Any) -> Any:
            asked = {"model": MODEL, "input": "a fox", "tools": [TOOL], "background": True}
            return open_ai.responses.create(**(asked | fields))

        return order

    def test_orders_waits_and_reads(self, open_ai: Any, create: Any, slowly: Any, fake: FakeProvider) -> None:
        """A response from its order to its picture."""
        slowly(3600)
        response = create()
        assert (response.status, response.output, response.background) == ("queued", [], True)
        slowly(0)
        done = open_ai.responses.retrieve(response.id)
        (item,) = done.output
        assert (done.status, item.type, item.status) == ("completed", "image_generation_call", "completed")
        assert decode_image(base64.b64decode(item.result)).size == (256, 256)
        assert fake.paid() == 1

    def test_sends_what_is_to_be_changed(self, open_ai: Any, create: Any, fake: FakeProvider) -> None:
        """A picture inside the input."""
        drawn = open_ai.responses.retrieve(create().id).output[0].result
        address = f"data:image/png;base64,{drawn}"
        parts = [{"type": "input_text", "text": "bluer"}, {"type": "input_image", "image_url": address}]
        changed = open_ai.responses.retrieve(create(input=[{"role": "user", "content": parts}]).id)
        assert changed.output[0].result != drawn
        assert [call.endpoint for call in fake.calls] == ["image", "poll", "refine", "poll"]

    def test_cancels(self, open_ai: Any, create: Any, slowly: Any) -> None:
        """By its id alone."""
        slowly(3600)
        response = create()
        assert open_ai.responses.cancel(response.id).status == "cancelled"
        assert open_ai.responses.retrieve(response.id).status == "cancelled"

    def test_reads_a_failure(self, open_ai: Any, create: Any, fake: FakeProvider) -> None:
        """The code is where it looks for it."""
        fake.faults.add(Fault(kind=K.CANNED, endpoint="job", body=FAILED))
        assert open_ai.responses.retrieve(create().id).error.code == "image_content_policy_violation"

    def test_hears_of_an_unknown_response(self, open_ai: Any) -> None:
        """By its usual error."""
        with pytest.raises(openai.NotFoundError):
            open_ai.responses.retrieve("resp_gone")

    @pytest.mark.parametrize("wrong", [{"store": False}, {"tools": [TOOL | {"response_format": "url"}]}, {"n": 1}])
    def test_is_refused_what_the_fake_does_not_take(self, create: Any, wrong: dict[str, Any]) -> None:
        """What is not kept cannot be collected; fields of the images wire alone are unknown."""
        extra = {"extra_body": wrong} if "n" in wrong else wrong
        with pytest.raises(openai.BadRequestError):
            create(**extra)

    def test_knows_every_field_of_ours(self, build: Any, image: Any, refined: Any, fake: FakeProvider) -> None:
        """Of the request and of its tool."""
        from openai.types.responses.response_create_params import ResponseCreateParamsBase
        from openai.types.responses.tool_param import ImageGeneration

        generator = build(
            "openai-responses", openai_quality="high", openai_background="opaque", openai_output_format="png"
        )
        refined(generator, image(generator))
        ordering = [call for call in fake.calls if call.endpoint in ("image", "refine")]
        assert len(ordering) == 2
        for call in ordering:
            assert set(call.body) - {"prompt"} <= set(get_type_hints(ResponseCreateParamsBase))
            assert set(call.body["tools"][0]) <= set(get_type_hints(ImageGeneration))

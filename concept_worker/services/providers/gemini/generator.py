"""Draw logos with a Gemini image model: one request, one answer with the picture in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from pydantic import ValidationError

from concept_worker.errors import BadProviderAnswer, ContentDeclined
from concept_worker.imaging.codec import ImageLimits
from concept_worker.models import Receipt
from concept_worker.payloads import Brief, Wish
from concept_worker.redaction import without_text
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.http.channel import Outgoing, ProviderChannel, Reply, provider_client
from concept_worker.services.http.deadline import Clock
from concept_worker.services.http.images import NOT_AN_IMAGE, checked_image, decoded_base64, image_limits, json_budget
from concept_worker.services.http.origins import origin_of
from concept_worker.services.http.troubles import CONTENT, is_success, refusal
from concept_worker.services.providers.briefs import NEGATIVE, logo_brief, refinement_brief
from concept_worker.services.providers.gemini import wire
from concept_worker.settings import Settings, header_value

PROVIDER = "gemini"
UNUSABLE = "The image provider's answer is not what was asked for."


@dataclass(frozen=True)
class GeminiOptions:
    """A choice of the model that draws, and of the seconds that a picture may take."""

    model: str
    seconds: float = 300.0
    limits: ImageLimits = field(default_factory=ImageLimits)


class GeminiGenerator(ConceptGenerator):
    """A `ConceptGenerator`; thread-safe. Palettes are made by colour harmony.

    The wire takes neither an id nor an idempotency key of the caller, so a lost answer may have been charged.
    """

    def __init__(
        self,
        *,
        client: httpx.Client,
        options: GeminiOptions,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel = ProviderChannel(client, provider=PROVIDER, clock=clock)
        self._options = options
        self._now = now

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        return self._picture("generate image", f"{logo_brief(brief)}\nAvoid: {NEGATIVE}.")

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        prompt = refinement_brief(wish)
        return self._picture("refine image", prompt, original)

    def close(self) -> None:
        self._channel.close()

    def _picture(self, call: str, prompt: str, original: bytes | None = None) -> Picture:
        body = json.dumps(wire.request_fields(prompt, original), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        path = f"/models/{self._options.model}:generateContent"
        reply = self._send(Outgoing(call, "POST", path, body, headers))
        answer = _parsed(reply)
        if answer.picture:
            content = checked_image(decoded_base64(answer.picture), self._options.limits)
            origin = origin_of(PROVIDER, self._options.model, reply=reply, usage=answer.usageMetadata)
            return Picture(content, origin)
        raise ContentDeclined(CONTENT) if answer.is_declined else BadProviderAnswer(NOT_AN_IMAGE)

    def _send(self, outgoing: Outgoing) -> Reply:
        limits, seconds = self._options.limits, self._options.seconds
        reply = self._channel.send(outgoing, seconds=seconds, max_bytes=2 * json_budget(limits))  # with sketches
        if not is_success(reply.status):
            body = reply.json_or_none()
            raise refusal(PROVIDER, reply.status, reply.headers, body, self._now(), repeats_are_free=False)
        return reply


def gemini_generator(settings: Settings) -> GeminiGenerator:
    """Return the generator for `settings`, with the only client of this process.

    Raises:
        ValueError: the key is missing, or a header cannot carry it.
    """
    key = header_value(settings.gemini_api_key, "GEMINI_API_KEY")
    if not key:
        raise ValueError(f"GEMINI_API_KEY is not set; CONCEPT_PROVIDER names {PROVIDER}")
    return GeminiGenerator(
        client=provider_client(settings.gemini_base_url, {"x-goog-api-key": key}),
        options=GeminiOptions(
            model=settings.gemini_image_model,
            seconds=settings.image_timeout_seconds,
            limits=image_limits(settings),
        ),
    )


def _parsed(reply: Reply) -> wire.ContentAnswer:
    """Parse the answer by its content.

    Raises:
        BadProviderAnswer: it is no JSON, or has another shape.
    """
    try:
        return wire.ContentAnswer.model_validate(reply.json())
    except ValidationError as exc:
        raise without_text(BadProviderAnswer(UNUSABLE), exc) from None

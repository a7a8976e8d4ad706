"""Draw logos and propose palettes over the OpenAI-compatible wire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from concept_worker.errors import BadProviderAnswer, ContentDeclined
from concept_worker.imaging.codec import ImageLimits
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt
from concept_worker.palettes.harmony import harmonize
from concept_worker.palettes.repair import repair_palettes
from concept_worker.payloads import Brief, Wish
from concept_worker.redaction import without_text
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.http.channel import Outgoing, ProviderChannel, Reply, provider_client
from concept_worker.services.http.deadline import Clock
from concept_worker.services.http.download import GuardedDownloader, guarded_downloader
from concept_worker.services.http.forms import multipart
from concept_worker.services.http.images import (
    NOT_AN_IMAGE,
    checked_image,
    decoded_base64,
    download_result,
    image_limits,
    json_budget,
)
from concept_worker.services.http.origins import origin_of
from concept_worker.services.http.troubles import CONTENT, is_success, refusal
from concept_worker.services.providers.briefs import NEGATIVE, PALETTE_TASK, logo_brief, refinement_brief
from concept_worker.services.providers.openai_images import wire
from concept_worker.services.providers.openai_images.profile import Profile, profile_of, size_trouble
from concept_worker.services.providers.openai_images.requests import json_request, keyed_request
from concept_worker.settings import Provider, Settings, header_value

log = get_logger(__name__)

PROVIDER = "openai"
UNUSABLE = "The image provider's answer is not what was asked for."
NO_PALETTES = "The image provider gave no usable palettes."

_JSON_BYTES = 2_000_000  # an answer without an image

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class OpenAIOptions:
    """A choice of the models that draw and write, the side of a picture in pixels, and the seconds per call."""

    image_model: str
    text_model: str
    size: int = 1024
    profile: Profile = field(default_factory=lambda: Profile("openai-compatible"))
    image_seconds: float = 120.0
    palette_seconds: float = 40.0
    limits: ImageLimits = field(default_factory=ImageLimits)


class OpenAIGenerator(ConceptGenerator):
    """A `ConceptGenerator`; thread-safe. `client` calls the provider, `downloader` follows the links in its answers.

    The wire has no seed, so the seed goes into the idempotency key: a repeated request of the same task carries the
    same key. A server that supports such keys then returns its first answer again.
    """

    def __init__(
        self,
        *,
        client: httpx.Client,
        downloader: GuardedDownloader,
        options: OpenAIOptions,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel = ProviderChannel(client, provider=PROVIDER, clock=clock)
        self._downloader = downloader
        self._options = options
        self._now = now

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        prompt = f"{logo_brief(brief)}\nAvoid: {NEGATIVE}."
        fields = {"model": self._options.image_model, "prompt": prompt, "n": 1, **self._picture_fields}
        return self._picture(json_request("generate image", wire.IMAGES, fields, seed))

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        prompt = refinement_brief(wish)
        fields = {"model": self._options.image_model, "prompt": prompt, "n": "1", **self._picture_fields}
        content_type, body = multipart(fields, original)
        return self._picture(keyed_request("refine image", wire.EDITS, content_type, body, seed))

    @property
    def proposes_palettes(self) -> bool:
        """True when there is a text model."""
        return bool(self._options.text_model)

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        wishes = {"theme": brief.theme_description, "logo": brief.logo_description}
        fields = {
            "model": self._options.text_model,
            "messages": [
                {"role": "system", "content": PALETTE_TASK.format(count=count)},
                # JSON keeps the users' text inside quotes.
                {"role": "user", "content": json.dumps(wishes, ensure_ascii=False)},
            ],
            "response_format": wire.palette_format(),
        }
        outgoing = json_request("generate palettes", wire.CHAT, fields, None)
        reply = self._send(outgoing, self._options.palette_seconds, _JSON_BYTES)
        text = _answer_text(_parsed(reply, wire.ChatAnswer))
        spares = partial(harmonize, brief.theme_description, brief.logo_description, count)
        palettes = repair_palettes(text, count=count, spares=spares)
        log.info("palettes read", provider=PROVIDER, wanted=count, usable=len(palettes))
        if not palettes:
            raise BadProviderAnswer(NO_PALETTES)
        return palettes

    def close(self) -> None:
        self._channel.close()
        self._downloader.close()

    @property
    def _picture_fields(self) -> dict[str, str]:
        """Fields of a picture that differ by vendor, always in the same order."""
        size = {"size": f"{self._options.size}x{self._options.size}"} if self._options.profile.sends_size else {}
        return {**size, **self._options.profile.fields}

    def collect(self, receipt: Receipt) -> Picture:
        content = download_result(self._downloader, receipt.url)
        return Picture(checked_image(content, self._options.limits), origin_of(PROVIDER, receipt.model))

    def _picture(self, outgoing: Outgoing) -> Picture | Receipt:
        reply = self._send(outgoing, self._options.image_seconds, json_budget(self._options.limits))
        answer = _parsed(reply, wire.ImagesAnswer)
        item = answer.data[0] if answer.data else wire.ImageItem()
        if item.is_declined:
            raise ContentDeclined(CONTENT)
        if item.url and not item.b64_json and not item.url.startswith("data:"):
            return Receipt(provider=PROVIDER, url=item.url, model=self._options.image_model)
        if not item.b64_json and not item.url:
            raise BadProviderAnswer(NOT_AN_IMAGE)
        content = checked_image(decoded_base64(item.b64_json or item.url or ""), self._options.limits)
        return Picture(
            content,
            origin_of(PROVIDER, self._options.image_model, reply=reply, usage=answer.usage, cost=answer.cost_usd),
        )

    def _send(self, outgoing: Outgoing, seconds: float, max_bytes: int) -> Reply:
        reply = self._channel.send(outgoing, seconds=seconds, max_bytes=max_bytes)
        if not is_success(reply.status):
            raise refusal(
                PROVIDER, reply.status, reply.headers, reply.json_or_none(), self._now(), repeats_are_free=False
            )
        return reply


def openai_generator(settings: Settings) -> OpenAIGenerator:
    """Return the generator for `settings`, with the only client of this process.

    Raises:
        ValueError: the key is missing, or a header cannot carry it, or the model draws no picture of this size.
    """
    key = header_value(settings.openai_api_key, "OPENAI_API_KEY")
    profile = profile_of(settings)
    trouble = _vendors_trouble(settings, profile, key)
    if trouble:
        raise ValueError(trouble)
    return OpenAIGenerator(
        client=provider_client(settings.openai_base_url, profile.headers(key)),
        downloader=guarded_downloader(settings, provider_hosts=profile.link_hosts),
        options=OpenAIOptions(
            image_model=settings.openai_image_model,
            text_model=settings.openai_text_model,
            size=settings.image_size,
            profile=profile,
            image_seconds=settings.image_timeout_seconds,
            palette_seconds=settings.palette_timeout_seconds,
            limits=image_limits(settings),
        ),
    )


def _vendors_trouble(settings: Settings, profile: Profile, key: str) -> str | None:
    """Describe why the vendor of the base address would refuse every picture; None for no reason or other servers."""
    if not key and profile.wants_key:
        return f"OPENAI_API_KEY is not set, and {profile.vendor} wants one"
    if profile.vendor in ("openai", "azure") and profile.sends_size and Provider.OPENAI in settings.picture_providers:
        return size_trouble(settings.openai_image_model, settings.image_size)
    return None


def _parsed(reply: Reply, model: type[A]) -> A:
    """Parse the answer by its content, because some servers label JSON as text.

    Raises:
        BadProviderAnswer: it is no JSON, or has another shape.
    """
    try:
        return model.model_validate(reply.json())
    except ValidationError as exc:
        raise without_text(BadProviderAnswer(UNUSABLE), exc) from None


def _answer_text(answer: wire.ChatAnswer) -> str:
    """Return the model's text, which may be cut.

    Raises:
        ContentDeclined: the model or a filter declined.
        BadProviderAnswer: there is no text.
    """
    if not answer.choices:
        raise BadProviderAnswer(NO_PALETTES)
    choice = answer.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise ContentDeclined(CONTENT)
    return choice.message.text

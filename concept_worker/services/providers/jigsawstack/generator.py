"""Draw logos and propose palettes with JigsawStack."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from concept_worker.errors import BadProviderAnswer, ConceptWorkerError, PermanentError
from concept_worker.imaging.codec import ImageLimits
from concept_worker.logging import get_logger
from concept_worker.models import PALETTE_ROLES, Palette, Receipt
from concept_worker.palettes.harmony import harmonize
from concept_worker.palettes.repair import repair_palettes
from concept_worker.payloads import Brief, Wish
from concept_worker.redaction import counts_of, without_text
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.http.channel import Outgoing, ProviderChannel, Reply, provider_client
from concept_worker.services.http.deadline import Clock
from concept_worker.services.http.download import GuardedDownloader, guarded_downloader
from concept_worker.services.http.images import (
    NOT_AN_IMAGE,
    checked_image,
    decoded_base64,
    download_result,
    image_limits,
    json_budget,
)
from concept_worker.services.http.origins import COUNTS, origin_of
from concept_worker.services.http.troubles import is_success, refusal
from concept_worker.services.providers.briefs import NEGATIVE, PALETTE_TASK, logo_brief, refinement_brief
from concept_worker.services.providers.jigsawstack import wire
from concept_worker.settings import Settings, header_value

log = get_logger(__name__)

PROVIDER = "jigsawstack"
UNUSABLE = "The image provider's answer is not what was asked for."
NO_PALETTES = "The image provider gave no usable palettes."

_JSON = {"content-type": "application/json", "accept": "application/json, image/*"}
_JSON_BYTES = 2_000_000  # an answer without an image
_PALETTE_SHAPE = {
    "name": "short name of the palette",
    "description": "one sentence",
    "colors": {role: "#RRGGBB" for role in PALETTE_ROLES},
}


@dataclass(frozen=True)
class DrawingOptions:
    """A set of options: side in pixels, form of the answer, and the seconds that each call may take."""

    size: int = 1024
    return_type: wire.ReturnType = "binary"
    image_seconds: float = 120.0
    palette_seconds: float = 40.0
    store_seconds: float = 30.0
    limits: ImageLimits = field(default_factory=ImageLimits)


class JigsawStackGenerator(ConceptGenerator):
    """A `ConceptGenerator`; thread-safe. `client` calls the provider, `downloader` follows the links in its answers."""

    def __init__(
        self,
        *,
        client: httpx.Client,
        downloader: GuardedDownloader,
        options: DrawingOptions | None = None,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel = ProviderChannel(client, provider=PROVIDER, repeats_are_free=True, clock=clock)
        self._downloader = downloader
        self._options = options or DrawingOptions()
        self._now = now

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        return self._draw("generate image", logo_brief(brief), seed)

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        # The original goes into the provider's file store, so that the provider gets no signed link to our storage.
        key = f"concept-worker-{hashlib.sha256(original).hexdigest()[:32]}-{seed}.png"
        self._store(key, original)
        try:
            refined = self._draw("refine image", refinement_brief(wish), seed, source=key)
        except PermanentError:
            self._forget(key)  # after a transient error the file stays: the retry needs it, under the same key
            raise
        self._forget(key)
        return refined

    @property
    def proposes_palettes(self) -> bool:
        return True

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        values = {"count": str(count), "theme": brief.theme_description, "logo": brief.logo_description}
        request = wire.PromptRequest(
            prompt=f"{PALETTE_TASK} Theme: {{theme}}. The logo shows: {{logo}}.",
            inputs=tuple(wire.PromptInput(key=key) for key in values),
            input_values=values,
            return_prompt=(_PALETTE_SHAPE,),
        )
        outgoing = Outgoing("generate palettes", "POST", wire.PROMPTS, request.body(), _JSON)
        answer = self._answer(self._send(outgoing, self._options.palette_seconds, _JSON_BYTES))
        spares = partial(harmonize, brief.theme_description, brief.logo_description, count)
        palettes = repair_palettes(answer.result, count=count, spares=spares)
        log.info("palettes read", provider=PROVIDER, wanted=count, usable=len(palettes))
        if not palettes:
            raise BadProviderAnswer(NO_PALETTES)
        return palettes

    def close(self) -> None:
        self._channel.close()
        self._downloader.close()

    def collect(self, receipt: Receipt) -> Picture:
        content = download_result(self._downloader, receipt.url)
        return Picture(checked_image(content, self._options.limits), origin_of(PROVIDER, ""))

    def _draw(self, call: str, prompt: str, seed: int, *, source: str | None = None) -> Picture | Receipt:
        request = wire.ImageRequest(
            prompt=prompt[: wire.PROMPT_MAX],
            width=self._options.size,
            height=self._options.size,
            advance_config=wire.AdvanceConfig(negative_prompt=NEGATIVE, guidance=7.5, seed=seed),
            file_store_key=source,
            return_type=self._options.return_type,
        )
        outgoing = Outgoing(call, "POST", wire.IMAGES, request.body(), _JSON)
        reply = self._send(outgoing, self._options.image_seconds, json_budget(self._options.limits))
        return self._picture_or_receipt(reply)

    def _picture_or_receipt(self, reply: Reply) -> Picture | Receipt:
        """Read the image in the form that came, whatever form was requested."""
        if reply.content_type.startswith("image/") or reply.content_type == "application/octet-stream":
            return self._picture(reply.body, reply)
        if reply.content_type != "application/json":
            raise BadProviderAnswer(NOT_AN_IMAGE)
        answer = self._answer(reply)
        if not answer.url:
            raise BadProviderAnswer(NOT_AN_IMAGE)
        if answer.url.startswith(("https://", "http://")):
            return Receipt(provider=PROVIDER, url=answer.url)
        return self._picture(decoded_base64(answer.url), reply, answer.usage)

    def _picture(self, content: bytes, reply: Reply, usage: object = None) -> Picture:
        return Picture(checked_image(content, self._options.limits), origin_of(PROVIDER, "", reply=reply, usage=usage))

    def _store(self, key: str, content: bytes) -> None:
        params = {"key": key, "overwrite": "true", "content_type": "image/png"}
        headers = {"content-type": "image/png", "accept": "application/json"}
        outgoing = Outgoing("store original", "POST", wire.STORE, content, headers, params)
        stored = self._answer(self._send(outgoing, self._options.store_seconds, _JSON_BYTES))
        if stored.key != key:
            raise BadProviderAnswer(UNUSABLE)

    def _forget(self, key: str) -> None:
        """Delete the original. Only log a failure: a file left behind is no reason to lose the picture made from it."""
        try:
            outgoing = Outgoing("forget original", "DELETE", wire.STORED + key)
            self._send(outgoing, self._options.store_seconds, _JSON_BYTES)
        except ConceptWorkerError as exc:
            log.warning("original left in the provider's file store", cause=type(exc).__name__)

    def _send(self, outgoing: Outgoing, seconds: float, max_bytes: int) -> Reply:
        reply = self._channel.send(outgoing, seconds=seconds, max_bytes=max_bytes)
        if not is_success(reply.status):
            raise self._refusal(reply)
        return reply

    def _refusal(self, reply: Reply) -> ConceptWorkerError:
        """Return the error for a refused request. A repeat is free: the provider caches answers by request."""
        headers = {**reply.headers, "x-ratelimit-reset": reply.headers.get(wire.RATE_RESET, "")}
        return refusal(PROVIDER, reply.status, headers, reply.json_or_none(), self._now(), repeats_are_free=True)

    def _answer(self, reply: Reply) -> wire.Answer:
        try:
            answer = wire.Answer.model_validate(reply.json())
        except ValidationError as exc:
            raise without_text(BadProviderAnswer(UNUSABLE), exc) from None
        log_id, usage = reply.short_id(answer.log_id), counts_of(answer.usage, COUNTS)
        if log_id or usage:
            log.info("provider usage", provider=PROVIDER, log_id=log_id, usage=usage)
        if not answer.success:
            raise BadProviderAnswer(UNUSABLE)
        return answer


def jigsawstack_generator(settings: Settings) -> JigsawStackGenerator:
    """Return the generator for `settings`, with the only client of this process.

    Raises:
        ValueError: the key is missing, or a header cannot carry it.
    """
    key = header_value(settings.jigsawstack_api_key, "JIGSAWSTACK_API_KEY")
    if not key and urlsplit(settings.jigsawstack_api_url).hostname == "api.jigsawstack.com":
        raise ValueError("JIGSAWSTACK_API_KEY is not set, and CONCEPT_PROVIDER names jigsawstack")
    return JigsawStackGenerator(
        client=provider_client(settings.jigsawstack_api_url, {wire.API_KEY: key}),
        downloader=guarded_downloader(settings, provider_hosts=wire.LINK_HOSTS),
        options=DrawingOptions(
            size=settings.image_size,
            image_seconds=settings.image_timeout_seconds,
            palette_seconds=settings.palette_timeout_seconds,
            limits=image_limits(settings),
        ),
    )

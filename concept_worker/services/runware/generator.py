"""Draws logos as jobs of Runware. The id of a job is made from the request, so that no order is placed twice."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from concept_worker.errors import (
    BadProviderAnswer,
    ContentDeclined,
    JobEnded,
    PictureGone,
    ProviderUnavailable,
    RateLimited,
    StillDrawing,
)
from concept_worker.imaging.codec import ImageLimits
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt
from concept_worker.services.briefs import NEGATIVE, logo_brief, refinement_brief
from concept_worker.services.download import GuardedDownloader, guarded_downloader
from concept_worker.services.provider_http.channel import Outgoing, ProviderChannel, Reply, provider_client
from concept_worker.services.provider_http.deadline import Clock
from concept_worker.services.provider_http.images import (
    NOT_AN_IMAGE,
    checked_image,
    decoded_base64,
    download_result,
    json_budget,
)
from concept_worker.services.provider_http.jobs import failed
from concept_worker.services.provider_http.troubles import AWAY, CONTENT, is_success, job_trouble, refusal
from concept_worker.services.runware import wire
from concept_worker.settings import Settings, header_value

log = get_logger(__name__)

PROVIDER = "runware"
UNUSABLE = "The image provider's answer is not what was asked for."
DRAWING = "The image provider is drawing."
DRAWING_PERCENT = "The image provider is drawing ({percent} %)."
JOB_GONE = "The image provider does not know the picture any more."

_ORDERS = 8  # jobs of one task that may end without a picture
_PACE = 2.0  # seconds between two looks at a job; the vendor asks for one to two at first
_ANSWERS = frozenset({400, 404, 422})  # statuses beside success under which an answer speaks of the task itself


@dataclass(frozen=True)
class RunwareOptions:
    """Which models draw and change pictures, by the vendor's ids; how the original is given to the latter.

    `size` is the side in pixels; an order may take `order_seconds`, a look at a job `poll_seconds`.
    """

    model: str
    edit_model: str
    input: str = "referenceImages"
    size: int = 1024
    path: str = "/v1"
    order_seconds: float = 60.0
    poll_seconds: float = 20.0
    limits: ImageLimits = field(default_factory=ImageLimits)


class RunwareGenerator:
    """A `ConceptGenerator`; thread-safe. `client` speaks to the provider, `downloader` to the links in its answers.

    An order whose answer is lost is repeated under the same id: the provider says that it has the task, and the first
    job is collected. A job that ended by the provider's fault gives way to the next number of the same task.
    """

    def __init__(
        self,
        *,
        client: httpx.Client,
        downloader: GuardedDownloader,
        options: RunwareOptions,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._channel = ProviderChannel(client, provider=PROVIDER, repeats_are_free=True, clock=clock)
        self._downloader = downloader
        self._options = options
        self._now = now

    def generate_image(self, logo_description: str, theme_description: str, *, seed: int) -> bytes | Receipt:
        prompt = f"{logo_brief(logo_description, theme_description)}\nAvoid: {NEGATIVE}."
        return self._order("generate image", self._options.model, seed, {"positivePrompt": prompt})

    def refine_image(
        self,
        original: bytes,
        refinement_prompt: str,
        *,
        logo_description: str,
        theme_description: str,
        preserve_aspects: tuple[str, ...],
        seed: int,
    ) -> bytes | Receipt:
        prompt = refinement_brief(refinement_prompt, logo_description, theme_description, preserve_aspects)
        picture = f"data:image/png;base64,{base64.b64encode(original).decode()}"
        given = [picture] if self._options.input == "referenceImages" else picture
        fields = {"positivePrompt": prompt, "inputs": {self._options.input: given}}
        return self._order("refine image", self._options.edit_model, seed, fields)

    def generate_palettes(self, theme_description: str, logo_description: str, count: int) -> list[Palette]:
        return []  # by colour harmony: pictures are all that is asked of this provider

    def collect(self, receipt: Receipt) -> bytes:
        item = self._finished(receipt.job)
        if item.is_unsafe:
            raise failed(ContentDeclined(CONTENT))
        log.info("picture drawn", provider=PROVIDER, cost=item.cost if isinstance(item.cost, int | float) else None)
        if item.url:
            return checked_image(download_result(self._downloader, item.url), self._options.limits)
        if item.encoded:
            return checked_image(decoded_base64(item.encoded), self._options.limits)
        raise failed(BadProviderAnswer(NOT_AN_IMAGE))

    def abandon(self, receipt: Receipt) -> None:
        """Do nothing: the wire has no task that cancels another."""

    def close(self) -> None:
        self._channel.close()
        self._downloader.close()

    def _order(self, call: str, model: str, seed: int, fields: wire.Fields) -> Receipt:
        task = wire.picture_task(model, self._options.size, seed, fields)
        for number in range(_ORDERS):
            job = wire.job_id(task, number)
            if self._is_accepted(call, {**task, "taskUUID": job}, job) or self._is_alive(job):
                return Receipt(provider=PROVIDER, job=job)
        raise ProviderUnavailable(AWAY)

    def _is_accepted(self, call: str, task: wire.Fields, job: str) -> bool:
        """Send the task; False when the provider has one of this id already.

        Raises:
            ProviderUnavailable: not accepted, or the answer is lost or cannot be read: sending it again costs nothing.
        """
        reply = self._send(call, task, self._options.order_seconds)
        answer = self._answer(reply)
        if answer.is_conflict:
            log.info("order found again", provider=PROVIDER)
            return False
        if not is_success(reply.status) or answer.errors:
            raise self._refusal(reply)
        if answer.item_of(job) is None:
            raise ProviderUnavailable(UNUSABLE)
        return True

    def _is_alive(self, job: str) -> bool:
        """Whether the job of an earlier try draws, or has drawn, a picture that is still there."""
        try:
            self._finished(job)
        except PictureGone:
            return False
        except StillDrawing:
            return True
        except JobEnded as exc:
            if isinstance(exc.trouble, ProviderUnavailable):
                return False
            raise exc.trouble from exc
        return True

    def _finished(self, job: str) -> wire.Item:
        """The job's end, when it is one with a picture.

        Raises:
            StillDrawing: it has not ended.
            JobEnded: it ended without a picture.
            PictureGone: the provider does not know it any more.
        """
        item = self._item(job)
        if item is None or not (item.is_failed or item.is_done):
            percent = item.percent if item else None
            raise StillDrawing(DRAWING_PERCENT.format(percent=percent) if percent else DRAWING, _PACE)
        if item.is_unknown:
            raise PictureGone(JOB_GONE)
        if item.is_failed:
            raise failed(job_trouble(PROVIDER, item.error))
        return item

    def _item(self, job: str) -> wire.Item | None:
        """What the provider says of the job now; of one that it no longer lists, what it remembers."""
        item = self._asked("collect picture", wire.GET_RESPONSE, job)
        if item is not None and not item.is_unknown:
            return item
        details = self._asked("look up picture", wire.GET_DETAILS, job)
        remembered = wire.parsed(details.response) if details else None
        return (remembered.item_of(job) if remembered else None) or item

    def _asked(self, call: str, kind: str, job: str) -> wire.Item | None:
        reply = self._send(call, {"taskType": kind, "taskUUID": job}, self._options.poll_seconds)
        if is_success(reply.status) or reply.status in _ANSWERS:
            item = self._answer(reply).item_of(job)
            if item is not None or is_success(reply.status):
                return item
        trouble = self._refusal(reply)
        if isinstance(trouble, RateLimited):
            raise StillDrawing(DRAWING, max(trouble.retry_after, _PACE))
        raise trouble

    def _send(self, call: str, task: wire.Fields, seconds: float) -> Reply:
        headers = {"content-type": "application/json", "accept": "application/json"}
        outgoing = Outgoing(call, "POST", self._options.path, wire.encoded([task]), headers)
        return self._channel.send(outgoing, seconds=seconds, max_bytes=json_budget(self._options.limits))

    def _answer(self, reply: Reply) -> wire.Answer:
        """The parsed answer. One that is a gateway's page says nothing of the task, and asking again is free.

        Raises:
            ProviderUnavailable: a success of another shape.
        """
        try:
            answer = wire.parsed(reply.json())
        except BadProviderAnswer:
            answer = None
        if answer is None and is_success(reply.status):
            raise ProviderUnavailable(UNUSABLE)
        return answer or wire.Answer()

    def _refusal(self, reply: Reply) -> Exception:
        """The error for an answer that refuses; one under a success status is judged as a refused request."""
        status = 400 if is_success(reply.status) else reply.status
        return refusal(PROVIDER, status, reply.headers, reply.json_or_none(), self._now(), repeats_are_free=True)


def runware_generator(settings: Settings) -> RunwareGenerator:
    """The generator for `settings`, with the process's one client.

    Raises:
        ValueError: the key is missing, or none that a header may carry.
    """
    key = header_value(settings.runware_api_key, "RUNWARE_API_KEY")
    if not key:
        raise ValueError(
            "RUNWARE_API_KEY is not set; CONCEPT_PROVIDER names runware, which draws for nobody without one"
        )
    address = httpx.URL(settings.runware_base_url)
    return RunwareGenerator(
        client=provider_client(str(address.copy_with(path="/", query=None)), {"authorization": f"Bearer {key}"}),
        downloader=guarded_downloader(settings, provider_hosts=wire.HOSTS),
        options=RunwareOptions(
            model=settings.runware_model,
            edit_model=settings.runware_edit_model or settings.runware_model,
            input=settings.runware_input,
            size=settings.image_size,
            path=address.path.rstrip("/") or "/",
            order_seconds=min(60.0, settings.image_timeout_seconds),
            poll_seconds=min(20.0, settings.image_timeout_seconds),
            limits=ImageLimits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels),
        ),
    )

"""Pictures from a provider that works as a queue of jobs: order, keep the receipt, poll, collect, cancel.

The one request that costs money is the order. Everything after it is free and may be repeated by any worker.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from concept_worker.errors import (
    BadProviderAnswer,
    ConceptWorkerError,
    InvalidImage,
    JobEnded,
    PictureGone,
    ProviderUnavailable,
    StillDrawing,
)
from concept_worker.imaging.codec import ImageLimits
from concept_worker.logging import get_logger
from concept_worker.models import Receipt
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.http.channel import Outgoing, ProviderChannel, Reply
from concept_worker.services.http.deadline import Clock
from concept_worker.services.http.download import GuardedDownloader
from concept_worker.services.http.images import checked_image, decoded_base64, download_result
from concept_worker.services.http.origins import origin_of
from concept_worker.services.http.troubles import refusal
from concept_worker.services.http.waits import retry_after_seconds
from concept_worker.services.providers.briefs import NEGATIVE, logo_brief, refinement_brief

log = get_logger(__name__)

UNUSABLE = "The image provider's answer is not what was asked for."
JOB_GONE = "The image provider does not know the ordered picture any more."
JOB_STOPPED = "The image provider stopped drawing what was ordered."
STOPPED_CHARGED = "The image provider stopped drawing what was ordered; it may have been charged."

_JOB = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_.-]*[A-Za-z0-9_-])*")  # goes into a path that carries our key

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class JobOptions:
    """Seconds that an order and a poll may take, which do not wait for the picture; and bytes of an answer."""

    order_seconds: float = 60.0
    poll_seconds: float = 15.0
    answer_bytes: int = 2_000_000  # without an image, but with a model's log

    @classmethod
    def within(cls, seconds: float) -> Self:
        """The usual ones, or less where a whole picture may take no more than `seconds`."""
        return cls(min(cls.order_seconds, seconds), min(cls.poll_seconds, seconds))


@dataclass(frozen=True)
class Order:
    """A picture to be drawn, or (with `original`, PNG bytes) to be changed."""

    prompt: str
    seed: int
    original: bytes | None = None


@dataclass(frozen=True)
class Drawn:
    """A finished job: the address of its picture, or the picture as a `data:` address, and what it used and cost."""

    link: str
    usage: object = None
    cost: object = None


class JobDesk:
    """One vendor's queue over HTTP; thread-safe. Only the lost answer to an order leaves a bill unknown."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        provider: str,
        options: JobOptions,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.provider = provider
        self._paid = ProviderChannel(client, provider=provider, clock=clock)
        self._free = ProviderChannel(client, provider=provider, repeats_are_free=True, clock=clock)
        self._options = options
        self._now = now

    def order(self, outgoing: Outgoing) -> Reply:
        """The answer to a request that costs money.

        Raises:
            MaybeCharged: it was sent, and its answer is lost.
            ConceptWorkerError: what a refusal means.
        """
        reply = self._paid.send(outgoing, seconds=self._options.order_seconds, max_bytes=self._options.answer_bytes)
        if not is_taken(reply):
            raise self.refusal(reply, is_free=False)
        return reply

    def submit(self, outgoing: Outgoing) -> Reply:
        """The answer, of any status, to an order that carries its job's id: sending it again costs nothing."""
        return self._free.send(outgoing, seconds=self._options.order_seconds, max_bytes=self._options.answer_bytes)

    def ask(self, outgoing: Outgoing) -> Reply:
        """The answer to a request that is free, of any status."""
        return self._free.send(outgoing, seconds=self._options.poll_seconds, max_bytes=self._options.answer_bytes)

    def poll(self, outgoing: Outgoing) -> Reply:
        """The answer about a job.

        Raises:
            PictureGone: the job is not known, or not any more.
            ConceptWorkerError: what a refusal means; the job may be well.
        """
        reply = self.ask(outgoing)
        if is_gone(reply):
            raise PictureGone(JOB_GONE)
        if not is_taken(reply):
            raise self.refusal(reply)
        return reply

    def upload(self, outgoing: Outgoing) -> Reply:
        """The answer to a free request that carries a picture.

        Raises:
            ConceptWorkerError: what a refusal means.
        """
        reply = self.submit(outgoing)
        if not is_taken(reply):
            raise self.refusal(reply)
        return reply

    def refusal(self, reply: Reply, *, is_free: bool = True, status: int | None = None) -> ConceptWorkerError:
        """The error that an answer stands for; `status` takes the place of one that misleads."""
        body, code = reply.json_or_none(), reply.status if status is None else status
        return refusal(self.provider, code, reply.headers, body, self._now(), repeats_are_free=is_free)

    def still_drawing(self, reply: Reply, sentence: str, pace: float) -> NoReturn:
        """Come back after `pace` seconds, or later where the vendor asks for it."""
        raise StillDrawing(sentence, max(pace, retry_after_seconds(reply.headers, self._now())))

    def close(self) -> None:
        """Close the connections, which both channels share."""
        self._paid.close()


class JobVendor(Protocol):
    """A vendor's own words for orders and jobs."""

    def model_of(self, order: Order) -> str:
        """Return the model that draws this order."""
        ...

    def order(self, desk: JobDesk, order: Order) -> str:
        """Order a picture and return the name of its job, by which any worker finds it.

        The original may have to be uploaded first.
        """
        ...

    def finished(self, desk: JobDesk, job: str) -> Drawn:
        """Return what the vendor has of a job that ended well.

        Raises:
            StillDrawing: not ready; says when to ask again.
            JobEnded: the job ended without a picture.
            PictureGone: the provider does not have it any more.
        """
        ...

    def cancelling(self, job: str) -> Outgoing | None:
        """Return the request that cancels a job; None where the vendor has none."""
        ...


class JobGenerator(ConceptGenerator):
    """A `ConceptGenerator` over a vendor's queue."""

    def __init__(self, *, desk: JobDesk, vendor: JobVendor, downloader: GuardedDownloader, limits: ImageLimits) -> None:
        self._desk = desk
        self._vendor = vendor
        self._downloader = downloader
        self._limits = limits

    def draw(self, brief: Brief, *, seed: int) -> Receipt:
        prompt = f"{logo_brief(brief)}\nAvoid: {NEGATIVE}."
        return self._ordered(Order(prompt, seed))

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Receipt:
        prompt = refinement_brief(wish)
        return self._ordered(Order(prompt, seed, original))

    def collect(self, receipt: Receipt) -> Picture:
        if not _JOB.fullmatch(receipt.job):
            raise PictureGone(JOB_GONE)
        drawn = self._vendor.finished(self._desk, receipt.job)
        fetched = None if drawn.link.startswith("data:") else download_result(self._downloader, drawn.link)
        origin = origin_of(self._desk.provider, receipt.model, usage=drawn.usage, cost=drawn.cost)
        try:
            content = checked_image(decoded_base64(drawn.link) if fetched is None else fetched, self._limits)
            return Picture(content, origin)
        except (BadProviderAnswer, InvalidImage) as exc:
            raise JobEnded(str(exc), exc) from exc  # it will not be another picture the next time

    def abandon(self, receipt: Receipt) -> None:
        cancelling = self._vendor.cancelling(receipt.job) if _JOB.fullmatch(receipt.job) else None
        if cancelling is None:
            return
        reply = self._desk.ask(cancelling)
        log.info("job cancelled", provider=receipt.provider, status=reply.status)

    def close(self) -> None:
        self._desk.close()
        self._downloader.close()

    def _ordered(self, order: Order) -> Receipt:
        job = self._vendor.order(self._desk, order)
        return Receipt(provider=self._desk.provider, job=job, model=self._vendor.model_of(order))


def is_taken(reply: Reply) -> bool:
    """Whether an answer says yes: done, created, taken, or not ready yet."""
    return reply.status in (200, 201, 202)


def is_gone(reply: Reply) -> bool:
    """Whether an answer says that there is no such job, or not any more."""
    return reply.status in (404, 410)


def parsed(reply: Reply, model: type[A]) -> A:
    """The answer by its content.

    Raises:
        BadProviderAnswer: it is no JSON, or of another shape.
    """
    try:
        return model.model_validate(reply.json())
    except ValidationError as exc:
        raise BadProviderAnswer(UNUSABLE) from exc


def failed(trouble: ConceptWorkerError) -> JobEnded:
    """The end of a job that gave no picture."""
    return JobEnded(str(trouble), trouble)


def stopped() -> JobEnded:
    """The end of a job that was stopped before it cost anything."""
    return failed(ProviderUnavailable(JOB_STOPPED))

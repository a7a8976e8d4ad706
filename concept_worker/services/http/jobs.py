"""Pictures from a provider that works as a queue of jobs: order, keep the receipt, poll, collect, cancel.

Only the order costs money. Every later request is free, and any worker may repeat it.
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

_JOB = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_.-]*[A-Za-z0-9_-])*")  # part of a path that we request with our key

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class JobOptions:
    """A set of limits: seconds for an order and for a poll, which do not wait for the picture; bytes of an answer."""

    order_seconds: float = 60.0
    poll_seconds: float = 15.0
    answer_bytes: int = 2_000_000  # no image, but a model's log

    @classmethod
    def within(cls, seconds: float) -> Self:
        """Return the usual options, with no timeout above `seconds`."""
        return cls(min(cls.order_seconds, seconds), min(cls.poll_seconds, seconds))


@dataclass(frozen=True)
class Order:
    """A picture to draw, or (with `original`, PNG bytes) to change."""

    prompt: str
    seed: int
    original: bytes | None = None


@dataclass(frozen=True)
class Drawn:
    """A finished job: the picture's address or the picture as a `data:` address, its usage and its cost."""

    link: str
    usage: object = None
    cost: object = None


class JobDesk:
    """A client of one vendor's queue; thread-safe. Only the lost answer to an order leaves an unknown bill."""

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
        """Send a request that costs money and return its answer.

        Raises:
            MaybeCharged: the request was sent, and its answer is lost.
            ConceptWorkerError: the error that a refusal stands for.
        """
        reply = self._paid.send(outgoing, seconds=self._options.order_seconds, max_bytes=self._options.answer_bytes)
        if not is_taken(reply):
            raise self.refusal(reply, is_free=False)
        return reply

    def submit(self, outgoing: Outgoing) -> Reply:
        """Send an order that carries its job's id, so that a repeat costs nothing; return the answer of any status."""
        return self._free.send(outgoing, seconds=self._options.order_seconds, max_bytes=self._options.answer_bytes)

    def ask(self, outgoing: Outgoing) -> Reply:
        """Send a free request and return the answer of any status."""
        return self._free.send(outgoing, seconds=self._options.poll_seconds, max_bytes=self._options.answer_bytes)

    def poll(self, outgoing: Outgoing) -> Reply:
        """Ask about a job and return the answer.

        Raises:
            PictureGone: the provider does not know the job, or no longer.
            ConceptWorkerError: the error that a refusal stands for; the job itself may be fine.
        """
        reply = self.ask(outgoing)
        if is_gone(reply):
            raise PictureGone(JOB_GONE)
        if not is_taken(reply):
            raise self.refusal(reply)
        return reply

    def upload(self, outgoing: Outgoing) -> Reply:
        """Send a free request that carries a picture and return the answer.

        Raises:
            ConceptWorkerError: the error that a refusal stands for.
        """
        reply = self.submit(outgoing)
        if not is_taken(reply):
            raise self.refusal(reply)
        return reply

    def refusal(self, reply: Reply, *, is_free: bool = True, status: int | None = None) -> ConceptWorkerError:
        """Return the error that an answer stands for; `status` replaces a status that misleads."""
        body, code = reply.json_or_none(), reply.status if status is None else status
        return refusal(self.provider, code, reply.headers, body, self._now(), repeats_are_free=is_free)

    def still_drawing(self, reply: Reply, sentence: str, pace: float) -> NoReturn:
        """Raise `StillDrawing`: poll again after `pace` seconds, or later where the vendor asks for it."""
        raise StillDrawing(sentence, max(pace, retry_after_seconds(reply.headers, self._now())))

    def close(self) -> None:
        """Close the connections; both channels share them."""
        self._paid.close()


class JobVendor(Protocol):
    """A vendor's own requests for orders and jobs."""

    def model_of(self, order: Order) -> str:
        """Return the model that draws this order."""
        ...

    def order(self, desk: JobDesk, order: Order) -> str:
        """Order a picture and return the name of its job, by which any worker finds it.

        Some vendors want the original uploaded first.
        """
        ...

    def finished(self, desk: JobDesk, job: str) -> Drawn:
        """Return the result of a job that ended well.

        Raises:
            StillDrawing: the job has not ended; the error says when to poll again.
            JobEnded: the job ended without a picture.
            PictureGone: the provider does not have the picture any more.
        """
        ...

    def cancelling(self, job: str) -> Outgoing | None:
        """Return the request that cancels a job, or None where the vendor has no such request."""
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
        return self._place_order(Order(prompt, seed))

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Receipt:
        prompt = refinement_brief(wish)
        return self._place_order(Order(prompt, seed, original))

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
            raise JobEnded(str(exc), exc) from exc  # a repeated download would give the same picture

    def abandon(self, receipt: Receipt) -> None:
        cancelling = self._vendor.cancelling(receipt.job) if _JOB.fullmatch(receipt.job) else None
        if cancelling is None:
            return
        reply = self._desk.ask(cancelling)
        log.info("job cancelled", provider=receipt.provider, status=reply.status)

    def close(self) -> None:
        self._desk.close()
        self._downloader.close()

    def _place_order(self, order: Order) -> Receipt:
        job = self._vendor.order(self._desk, order)
        return Receipt(provider=self._desk.provider, job=job, model=self._vendor.model_of(order))


def is_taken(reply: Reply) -> bool:
    """Return whether an answer is positive: done, created, accepted, or not ready yet."""
    return reply.status in (200, 201, 202)


def is_gone(reply: Reply) -> bool:
    """Return whether an answer says that the job does not exist, or no longer."""
    return reply.status in (404, 410)


def parsed(reply: Reply, model: type[A]) -> A:
    """Parse the answer by its content.

    Raises:
        BadProviderAnswer: it is no JSON, or has another shape.
    """
    try:
        return model.model_validate(reply.json())
    except ValidationError as exc:
        raise BadProviderAnswer(UNUSABLE) from exc


def failed(trouble: ConceptWorkerError) -> JobEnded:
    """Return the end of a job that gave no picture."""
    return JobEnded(str(trouble), trouble)


def stopped() -> JobEnded:
    """Return the end of a job that was stopped before it cost anything."""
    return failed(ProviderUnavailable(JOB_STOPPED))

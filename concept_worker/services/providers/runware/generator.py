"""Draw logos as jobs of Runware. A job's id is made from the request, so no order is placed twice."""

from __future__ import annotations

import base64
from dataclasses import dataclass

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
from concept_worker.logging import get_logger
from concept_worker.services.http.channel import Outgoing, Reply, provider_client
from concept_worker.services.http.download import guarded_downloader
from concept_worker.services.http.images import NOT_AN_IMAGE, image_limits, json_budget
from concept_worker.services.http.jobs import (
    JOB_GONE,
    UNUSABLE,
    Drawn,
    JobDesk,
    JobGenerator,
    JobOptions,
    Order,
    failed,
)
from concept_worker.services.http.troubles import AWAY, CONTENT, is_success, job_trouble
from concept_worker.services.providers.runware import wire
from concept_worker.settings import Settings, header_value

log = get_logger(__name__)

PROVIDER = "runware"
DRAWING = "The image provider is drawing."
DRAWING_PERCENT = "The image provider is drawing ({percent} %)."

_ORDERS = 8  # jobs of one task that may end without a picture
_PACE = 2.0  # seconds between two polls; the vendor recommends one to two at first
_POLL_SECONDS = 20.0
_ANSWERS = frozenset({400, 404, 422})  # statuses, besides success, of answers about the task itself


@dataclass(frozen=True)
class RunwareQueue:
    """A vendor's queue, in Runware's terms. Models go by the vendor's ids; `size` is the side in pixels.

    An order whose answer is lost is repeated under the same id. The provider then reports that it has the task, and the
    first job is collected. When a job ended by the provider's fault, the task's next number is ordered.
    """

    image_model: str
    edit_model: str
    input: str = "referenceImages"  # how the original is given to the edit model
    size: int = 1024
    path: str = "/v1"

    def model_of(self, order: Order) -> str:
        return self.image_model if order.original is None else self.edit_model

    def order(self, desk: JobDesk, order: Order) -> str:
        task = wire.picture_task(self.model_of(order), self.size, order.seed, self._fields(order))
        call = "order image" if order.original is None else "order refinement"
        for number in range(_ORDERS):
            job = wire.job_id(task, number)
            outgoing = self._request(call, {**task, "taskUUID": job})
            if self._is_accepted(desk, desk.submit(outgoing), job) or self._is_alive(desk, job):
                return job
        raise ProviderUnavailable(AWAY)

    def finished(self, desk: JobDesk, job: str) -> Drawn:
        item = self._ended_item(desk, job)
        if item.is_unsafe:
            raise failed(ContentDeclined(CONTENT))
        if not item.link:
            raise failed(BadProviderAnswer(NOT_AN_IMAGE))
        return Drawn(item.link, cost=item.cost)

    def cancelling(self, job: str) -> None:
        """Return None: the wire has no task that cancels another."""

    def _fields(self, order: Order) -> wire.Fields:
        if order.original is None:
            return {"positivePrompt": order.prompt}
        picture = f"data:image/png;base64,{base64.b64encode(order.original).decode()}"
        given = [picture] if self.input == "referenceImages" else picture
        return {"positivePrompt": order.prompt, "inputs": {self.input: given}}

    def _is_accepted(self, desk: JobDesk, reply: Reply, job: str) -> bool:
        """Read the answer to an order; return False when the provider already has a task of this id.

        Raises:
            ProviderUnavailable: not accepted, or no readable answer; repeating the order costs nothing.
        """
        answer = _answer(reply)
        if answer.is_conflict:
            log.info("order found again", provider=PROVIDER)
            return False
        if not is_success(reply.status) or answer.errors:
            raise _refusal(desk, reply)
        if answer.item_of(job) is None:
            raise ProviderUnavailable(UNUSABLE)
        return True

    def _is_alive(self, desk: JobDesk, job: str) -> bool:
        """Return whether the job of an earlier try is drawing, or has a picture that still exists."""
        try:
            self._ended_item(desk, job)
        except PictureGone:
            return False
        except StillDrawing:
            return True
        except JobEnded as exc:
            if isinstance(exc.trouble, ProviderUnavailable):
                return False
            raise exc.trouble from exc
        return True

    def _ended_item(self, desk: JobDesk, job: str) -> wire.Item:
        """Return the end of a job that has a picture.

        Raises:
            StillDrawing: the job has not ended.
            JobEnded: the job ended without a picture.
            PictureGone: the provider no longer knows the job.
        """
        item = self._item(desk, job)
        if item is None or not (item.is_failed or item.is_done):
            percent = item.percent if item else None
            raise StillDrawing(DRAWING_PERCENT.format(percent=percent) if percent else DRAWING, _PACE)
        if item.is_unknown:
            raise PictureGone(JOB_GONE)
        if item.is_failed:
            raise failed(job_trouble(PROVIDER, item.error))
        return item

    def _item(self, desk: JobDesk, job: str) -> wire.Item | None:
        """Return the provider's current answer about the job; for a job no longer listed, the answer that it keeps."""
        item = self._ask_about(desk, "poll", wire.GET_RESPONSE, job)
        if item is not None and not item.is_unknown:
            return item
        details = self._ask_about(desk, "look up picture", wire.GET_DETAILS, job)
        remembered = wire.parsed(details.response) if details else None
        return (remembered.item_of(job) if remembered else None) or item

    def _ask_about(self, desk: JobDesk, call: str, kind: str, job: str) -> wire.Item | None:
        reply = desk.ask(self._request(call, {"taskType": kind, "taskUUID": job}))
        if is_success(reply.status) or reply.status in _ANSWERS:
            item = _answer(reply).item_of(job)
            if item is not None or is_success(reply.status):
                return item
        trouble = _refusal(desk, reply)
        if isinstance(trouble, RateLimited):
            raise StillDrawing(DRAWING, max(trouble.retry_after, _PACE))
        raise trouble

    def _request(self, call: str, task: wire.Fields) -> Outgoing:
        headers = {"content-type": "application/json", "accept": "application/json"}
        return Outgoing(call, "POST", self.path, wire.encoded([task]), headers)


def runware_generator(settings: Settings) -> JobGenerator:
    """Return the generator for `settings`, with the only client of this process.

    Raises:
        ValueError: the key is missing, or a header cannot carry it.
    """
    key = header_value(settings.runware_api_key, "RUNWARE_API_KEY")
    if not key:
        raise ValueError(
            "RUNWARE_API_KEY is not set; CONCEPT_PROVIDER names runware, which draws for nobody without one"
        )
    address = httpx.URL(settings.runware_base_url)
    client = provider_client(str(address.copy_with(path="/", query=None)), {"authorization": f"Bearer {key}"})
    limits = image_limits(settings)
    options = JobOptions(
        order_seconds=min(JobOptions.order_seconds, settings.image_timeout_seconds),
        poll_seconds=min(_POLL_SECONDS, settings.image_timeout_seconds),
        answer_bytes=json_budget(limits),
    )
    return JobGenerator(
        desk=JobDesk(client, provider=PROVIDER, options=options),
        vendor=RunwareQueue(
            image_model=settings.runware_model,
            edit_model=settings.runware_edit_model or settings.runware_model,
            input=settings.runware_input,
            size=settings.image_size,
            path=address.path.rstrip("/") or "/",
        ),
        downloader=guarded_downloader(settings, provider_hosts=wire.HOSTS),
        limits=limits,
    )


def _answer(reply: Reply) -> wire.Answer:
    """Parse an answer. A gateway's page says nothing about the task, and a repeat is free.

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


def _refusal(desk: JobDesk, reply: Reply) -> Exception:
    """Return the error for an answer that refuses; a refusal with a success status counts as a refused request."""
    return desk.refusal(reply, status=400 if is_success(reply.status) else None)

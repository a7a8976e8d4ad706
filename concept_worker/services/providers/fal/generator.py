"""Draw logos with the apps behind fal's queue; any worker can collect a request."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from concept_worker.errors import BadProviderAnswer, ConceptWorkerError, ContentDeclined, MaybeCharged, PictureGone
from concept_worker.services.http.channel import Outgoing, Reply, provider_client
from concept_worker.services.http.download import guarded_downloader
from concept_worker.services.http.images import NOT_AN_IMAGE, image_limits
from concept_worker.services.http.jobs import (
    JOB_GONE,
    STOPPED_CHARGED,
    UNUSABLE,
    Drawn,
    JobDesk,
    JobGenerator,
    JobOptions,
    Order,
    failed,
    is_gone,
    is_taken,
    parsed,
)
from concept_worker.services.http.model_fields import model_fields
from concept_worker.services.http.troubles import CONTENT
from concept_worker.services.providers.fal import wire
from concept_worker.settings import Settings, header_value

PROVIDER = "fal"
QUEUED = "The image provider has not begun to draw yet."
QUEUED_AT = "The image provider has not begun to draw yet; {position} orders come first."
DRAWING = "The image provider is drawing."

_QUEUED_SECONDS, _DRAWING_SECONDS = 3.0, 2.0  # between two polls


@dataclass(frozen=True)
class FalQueue:
    """A vendor's queue, in fal's terms. `job_seconds`: the vendor drops a job that has not started by then."""

    image_model: str
    edit_model: str
    job_seconds: int

    def model_of(self, order: Order) -> str:
        return self.image_model if order.original is None else self.edit_model

    def order(self, desk: JobDesk, order: Order) -> str:
        app, original = self.model_of(order), None
        if order.original is not None:
            original = f"data:image/png;base64,{base64.b64encode(order.original).decode()}"
        fields = model_fields(wire.FAMILIES, app, order.prompt, seed=order.seed, original=original)
        body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "x-fal-request-timeout": str(self.job_seconds)}
        call = "order image" if original is None else "order refinement"
        answer = desk.order(Outgoing(call, "POST", f"/{app}", body, headers))
        return wire.job_path(app, parsed(answer, wire.Submitted).request_id)

    def finished(self, desk: JobDesk, job: str) -> Drawn:
        reply = desk.poll(Outgoing("poll", "GET", f"/{job}/status"))
        state = parsed(reply, wire.Status)
        match state.status:
            case "IN_QUEUE":
                desk.still_drawing(reply, _queued(state.queue_position), _QUEUED_SECONDS)
            case "IN_PROGRESS":
                desk.still_drawing(reply, DRAWING, _DRAWING_SECONDS)
            case "COMPLETED":
                return Drawn(_picture(desk, state, desk.ask(Outgoing("collect", "GET", f"/{job}"))))
            case _:
                raise BadProviderAnswer(UNUSABLE)

    def cancelling(self, job: str) -> Outgoing:
        return Outgoing("cancel", "PUT", f"/{job}/cancel")


def fal_generator(settings: Settings) -> JobGenerator:
    """Return the generator for `settings`, with the only client of this process.

    Raises:
        ValueError: the key is missing.
    """
    key = header_value(settings.fal_key, "FAL_KEY")
    if not key:
        raise ValueError("FAL_KEY is not set; CONCEPT_PROVIDER names fal")
    client = provider_client(settings.fal_queue_url, {"authorization": f"Key {key}"})
    return JobGenerator(
        desk=JobDesk(client, provider=PROVIDER, options=JobOptions.within(settings.image_timeout_seconds)),
        vendor=FalQueue(
            image_model=settings.fal_image_model, edit_model=settings.fal_edit_model, job_seconds=settings.job_seconds
        ),
        downloader=guarded_downloader(settings, provider_hosts=wire.LINK_HOSTS),
        limits=image_limits(settings),
    )


def _queued(position: int | None) -> str:
    return QUEUED_AT.format(position=position) if position else QUEUED


def _picture(desk: JobDesk, state: wire.Status, reply: Reply) -> str:
    """Return the picture's address from a result. The result has the status of the app's own answer."""
    if is_gone(reply):
        raise PictureGone(JOB_GONE)
    if not is_taken(reply):
        is_of_the_job = state.error or wire.ERROR_TYPE in reply.headers or reply.status == 422
        raise failed(_failure_of(desk, reply)) if is_of_the_job else desk.refusal(reply)
    result = parsed(reply, wire.Result)
    if any(result.has_nsfw_concepts[:1]):
        raise failed(ContentDeclined(CONTENT))  # the picture is black
    if not result.link:
        raise failed(BadProviderAnswer(NOT_AN_IMAGE))
    return result.link


def _failure_of(desk: JobDesk, reply: Reply) -> ConceptWorkerError:
    """Return the reason why a job failed. The vendor does not bill failures with a status of 500 and above."""
    if reply.headers.get(wire.ERROR_TYPE, "") == wire.CANCELLED or reply.status == 499:
        return MaybeCharged(STOPPED_CHARGED)
    return desk.refusal(reply)

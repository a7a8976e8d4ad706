"""Draw logos with Replicate's official models, as predictions that any worker can collect."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from concept_worker.errors import BadProviderAnswer, ConceptWorkerError, MaybeCharged, PictureGone
from concept_worker.logging import get_logger
from concept_worker.services.http.blame import Blame, judge
from concept_worker.services.http.channel import Outgoing, provider_client
from concept_worker.services.http.download import guarded_downloader
from concept_worker.services.http.forms import multipart
from concept_worker.services.http.images import NOT_AN_IMAGE, image_limits
from concept_worker.services.http.jobs import (
    JOB_GONE,
    STOPPED_CHARGED,
    Drawn,
    JobDesk,
    JobGenerator,
    JobOptions,
    Order,
    failed,
    parsed,
    stopped,
)
from concept_worker.services.http.model_fields import model_fields
from concept_worker.services.http.troubles import refusal
from concept_worker.services.providers.replicate import wire
from concept_worker.settings import Settings, header_value

log = get_logger(__name__)

PROVIDER = "replicate"
NOT_BEGUN = "The image provider has not begun to draw yet."
DRAWING = "The image provider is drawing."
DRAWING_AT = "The image provider is drawing, {percent} % are done."
FAILED_CHARGED = "The image provider failed to draw what was ordered; it may have been charged."

_CODE = re.compile(r"\bE\d{4}\b|\(code: ?[A-Z]{1,4}\)")  # from the vendor's list of error codes
_NOT_BEGUN_SECONDS, _DRAWING_SECONDS = 3.0, 2.0  # between two polls


@dataclass(frozen=True)
class ReplicateQueue:
    """A vendor's queue, in Replicate's terms. `job_seconds`: the vendor drops a job after so long."""

    image_model: str
    edit_model: str
    job_seconds: int

    def model_of(self, order: Order) -> str:
        return self.image_model if order.original is None else self.edit_model

    def order(self, desk: JobDesk, order: Order) -> str:
        original = None if order.original is None else self._uploaded(desk, order.original)
        model = self.model_of(order)
        fields = model_fields(wire.FAMILIES, model, order.prompt, seed=order.seed, original=original)
        body = json.dumps({"input": fields}, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "cancel-after": f"{self.job_seconds}s"}
        call = "order image" if original is None else "order refinement"
        answer = desk.order(Outgoing(call, "POST", f"/v1/models/{model}/predictions", body, headers))
        return parsed(answer, wire.Prediction).id

    def finished(self, desk: JobDesk, job: str) -> Drawn:
        reply = desk.poll(Outgoing("poll", "GET", f"/v1/predictions/{job}"))
        prediction = parsed(reply, wire.Prediction)
        match prediction.status:
            case "starting":
                desk.still_drawing(reply, NOT_BEGUN, _NOT_BEGUN_SECONDS)
            case "processing":
                desk.still_drawing(reply, _progress(prediction.percent), _DRAWING_SECONDS)
            case "succeeded":
                return Drawn(_picture(prediction), usage=prediction.metrics)
            case "aborted":
                raise stopped()  # it had not started: not charged
            case "canceled":
                raise failed(MaybeCharged(STOPPED_CHARGED))
            case _:
                raise failed(_failure_of(prediction))

    def cancelling(self, job: str) -> Outgoing:
        return Outgoing("cancel", "POST", f"/v1/predictions/{job}/cancel")

    def _uploaded(self, desk: JobDesk, original: bytes) -> str:
        """Upload the picture and return its address; it may be too large for the order itself."""
        content_type, body = multipart({}, original, name="content")
        reply = desk.upload(Outgoing("upload", "POST", wire.FILES, body, {"content-type": content_type}))
        return parsed(reply, wire.Upload).urls.get


def replicate_generator(settings: Settings) -> JobGenerator:
    """Return the generator for `settings`, with the only client of this process.

    Raises:
        ValueError: the key is missing.
    """
    key = header_value(settings.replicate_api_token, "REPLICATE_API_TOKEN")
    if not key:
        raise ValueError("REPLICATE_API_TOKEN is not set; CONCEPT_PROVIDER names replicate")
    limits = image_limits(settings)
    client = provider_client(settings.replicate_base_url, {"authorization": f"Bearer {key}"})
    return JobGenerator(
        desk=JobDesk(client, provider=PROVIDER, options=JobOptions.within(settings.image_timeout_seconds)),
        vendor=ReplicateQueue(
            image_model=settings.replicate_image_model,
            edit_model=settings.replicate_edit_model,
            job_seconds=settings.job_seconds,
        ),
        downloader=guarded_downloader(settings, provider_hosts=wire.LINK_HOSTS),
        limits=limits,
    )


def _progress(percent: int | None) -> str:
    return DRAWING if percent is None else DRAWING_AT.format(percent=min(percent, 100))


def _picture(prediction: wire.Prediction) -> str:
    if prediction.link:
        return prediction.link
    if prediction.data_removed:
        raise PictureGone(JOB_GONE)
    raise failed(BadProviderAnswer(NOT_AN_IMAGE))


def _failure_of(prediction: wire.Prediction) -> ConceptWorkerError:
    """Return the reason why a job failed, from the vendor's one sentence.

    By default the vendor is to blame, and the job may have been charged.
    """
    text = prediction.error if isinstance(prediction.error, str) else ""
    body = {"detail": text}
    if judge(422, {}, body).blame in (Blame.CONTENT, Blame.PARAMETER):
        return refusal(PROVIDER, 422, {}, body, 0.0, repeats_are_free=False)
    code = _CODE.search(text[:2_000])
    log.warning("job failed", provider=PROVIDER, code=code[0] if code else "", status=prediction.status[:40])
    return MaybeCharged(FAILED_CHARGED)

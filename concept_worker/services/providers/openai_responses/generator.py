"""Draw logos with OpenAI's image tool in background mode: a text model calls the tool, and any worker collects."""

from __future__ import annotations

from dataclasses import dataclass, field

from concept_worker.errors import BadProviderAnswer, ConceptWorkerError, ContentDeclined, MaybeCharged
from concept_worker.imaging.codec import ImageLimits
from concept_worker.logging import get_logger
from concept_worker.models import Palette
from concept_worker.payloads import Brief
from concept_worker.services.http.blame import Blame, judge
from concept_worker.services.http.channel import Outgoing, provider_client
from concept_worker.services.http.download import GuardedDownloader, guarded_downloader
from concept_worker.services.http.images import NOT_AN_IMAGE, image_limits, json_budget
from concept_worker.services.http.jobs import (
    STOPPED_CHARGED,
    UNUSABLE,
    Drawn,
    JobDesk,
    JobGenerator,
    JobOptions,
    Order,
    failed,
    parsed,
)
from concept_worker.services.http.troubles import CONTENT, refusal
from concept_worker.services.providers.openai_images import OpenAIGenerator, openai_generator
from concept_worker.services.providers.openai_images.profile import Profile, profile_of
from concept_worker.services.providers.openai_images.requests import json_request
from concept_worker.services.providers.openai_responses import wire
from concept_worker.settings import Settings, header_value

log = get_logger(__name__)

PROVIDER = "openai-responses"
NOT_BEGUN = "The image provider has not begun to draw yet."
DRAWING = "The image provider is drawing."
FAILED_CHARGED = "The image provider failed to draw what was ordered; it may have been charged."

TASK = (
    "Call the image generation tool exactly once, with the user's message as its prompt, word for word. "
    "When the message has a picture, edit that picture. Ask nothing and write nothing."
)

_NOT_BEGUN_SECONDS, _DRAWING_SECONDS = 3.0, 2.0  # between two polls
_CALL_SECONDS = 60.0  # an order may carry a picture, and the last poll does
# Codes of a failed response, and the status of a request refused with that code; for other codes it is 400.
_STATUS = {"server_error": 500, "rate_limit_exceeded": 429, "vector_store_timeout": 500}


@dataclass(frozen=True)
class ResponsesQueue:
    """A vendor's queue, in OpenAI's terms. `text_model` only calls the tool; `image_model` draws."""

    text_model: str
    image_model: str
    size: int = 1024
    profile: Profile = field(default_factory=lambda: Profile("openai"))

    def model_of(self, _: Order) -> str:
        return self.image_model

    def order(self, desk: JobDesk, order: Order) -> str:
        fields = {
            "model": self.text_model,
            "instructions": TASK,
            "input": order.prompt if order.original is None else wire.message_with_image(order.prompt, order.original),
            "tools": [self._tool],
            "tool_choice": {"type": "image_generation"},
            "max_tool_calls": 1,  # at most one picture is billed
            "background": True,
            "store": True,  # otherwise the vendor keeps the picture for a few minutes only
        }
        call = "order image" if order.original is None else "order refinement"
        answer = desk.order(json_request(call, wire.RESPONSES, fields, order.seed))
        return parsed(answer, wire.BackgroundResponse).id

    def finished(self, desk: JobDesk, job: str) -> Drawn:
        reply = desk.poll(Outgoing("poll", "GET", f"{wire.RESPONSES}/{job}"))
        answer = parsed(reply, wire.BackgroundResponse)
        match answer.status:
            case "queued":
                desk.still_drawing(reply, NOT_BEGUN, _NOT_BEGUN_SECONDS)
            case "in_progress":
                desk.still_drawing(reply, DRAWING, _DRAWING_SECONDS)
            case "completed" | "failed" | "incomplete" | "cancelled":
                return Drawn(_picture(answer), usage=answer.usage)
            case _:  # the receipt stays: a later version may know this status
                raise BadProviderAnswer(UNUSABLE)

    def cancelling(self, job: str) -> Outgoing:
        return Outgoing("cancel", "POST", f"{wire.RESPONSES}/{job}/cancel")

    @property
    def _tool(self) -> dict[str, str]:
        """The tool, with the fields of a picture that the images wire would get, always in the same order."""
        size = {"size": f"{self.size}x{self.size}"} if self.profile.sends_size else {}
        fields = {name: self.profile.fields[name] for name in wire.TOOL_FIELDS if name in self.profile.fields}
        return {"type": "image_generation", "model": self.image_model, **size, **fields}


class OpenAIResponsesGenerator(JobGenerator):
    """A `ConceptGenerator` over background responses. Palettes come over chat completions, as for `OpenAIGenerator`."""

    def __init__(
        self,
        *,
        desk: JobDesk,
        queue: ResponsesQueue,
        palettes: OpenAIGenerator,
        downloader: GuardedDownloader,
        limits: ImageLimits,
    ) -> None:
        super().__init__(desk=desk, vendor=queue, downloader=downloader, limits=limits)
        self._palettes = palettes

    @property
    def proposes_palettes(self) -> bool:
        return self._palettes.proposes_palettes

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        return self._palettes.propose_palettes(brief, count)

    def close(self) -> None:
        super().close()
        self._palettes.close()


def openai_responses_generator(settings: Settings) -> OpenAIResponsesGenerator:
    """Return the generator for `settings`.

    Raises:
        ValueError: there is no text model to call the tool, or a header cannot carry the key.
    """
    if not settings.openai_text_model:
        raise ValueError(
            f"CONCEPT_OPENAI_TEXT_MODEL is empty, and {PROVIDER} draws through a text model; name one, and set "
            "CONCEPT_PALETTE_PROVIDER=offline for palettes by colour harmony"
        )
    profile = profile_of(settings)
    headers = profile.headers(header_value(settings.openai_api_key, "OPENAI_API_KEY"))
    limits = image_limits(settings)
    seconds = min(_CALL_SECONDS, settings.image_timeout_seconds)
    return OpenAIResponsesGenerator(
        desk=JobDesk(
            provider_client(settings.openai_base_url, headers),
            provider=PROVIDER,
            options=JobOptions(seconds, seconds, answer_bytes=json_budget(limits)),
        ),
        queue=ResponsesQueue(
            text_model=settings.openai_text_model,
            image_model=settings.openai_image_model,
            size=settings.image_size,
            profile=profile,
        ),
        palettes=openai_generator(settings),
        downloader=guarded_downloader(settings),
        limits=limits,
    )


def _picture(answer: wire.BackgroundResponse) -> str:
    """Return the picture of an ended response, whatever its status: the picture is paid for."""
    if answer.picture:
        return answer.picture
    raise failed(_failure_of(answer))


def _failure_of(answer: wire.BackgroundResponse) -> ConceptWorkerError:
    """Return the reason why a response ended without a picture."""
    if answer.is_declined:
        return ContentDeclined(CONTENT)
    if answer.trouble is not None:
        return _error_of(answer.trouble)
    if answer.status == "failed":
        return MaybeCharged(FAILED_CHARGED)
    return MaybeCharged(STOPPED_CHARGED) if answer.status == "cancelled" else BadProviderAnswer(NOT_AN_IMAGE)


def _error_of(trouble: object) -> ConceptWorkerError:
    """Return the error of a refused request with this code. A failure by the vendor's fault may have been charged."""
    body = {"error": trouble}
    code = trouble.get("code") if isinstance(trouble, dict) else None
    status = _STATUS.get(str(code or "server_error"), 400)
    if judge(status, {}, body).blame is Blame.OUTAGE:
        log.warning("job failed", provider=PROVIDER, code="server_error")
        return MaybeCharged(FAILED_CHARGED)
    return refusal(PROVIDER, status, {}, body, 0.0, repeats_are_free=False)

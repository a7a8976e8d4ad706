"""The contract of image providers: the paid ones and the offline illustrator keep it alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from concept_worker.errors import BadProviderAnswer
from concept_worker.models import Origin, Palette, Receipt
from concept_worker.payloads import Brief, Wish

UNKNOWN_RECEIPT = (
    "The picture was ordered from an image provider that is no longer set up; the operator must add it again."
)


@dataclass(frozen=True)
class Picture:
    """A picture as its provider sent it (PNG, JPEG or WebP bytes, not yet decoded), and where it comes from."""

    content: bytes
    origin: Origin


class ConceptGenerator(ABC):
    """A source of pictures and palettes; thread-safe.

    Every method raises `ProviderUnavailable` (worth another try; `RateLimited` says how long to wait),
    `ProviderRefused`, `BadProviderAnswer` or `InvalidImage`. Requests depend on their arguments alone, never on the
    attempt, so that a provider which caches identical requests is not paid twice.
    """

    @abstractmethod
    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        """Draw a logo, or order one: the receipt collects it.

        `seed` is a non-negative 31-bit integer made from the task id: the same task asks the same thing again.
        """

    @abstractmethod
    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        """Change the original (PNG bytes) as the wish asks; otherwise as `draw`."""

    @abstractmethod
    def close(self) -> None:
        """Close connections."""

    @property
    def proposes_palettes(self) -> bool:
        """Whether `propose_palettes` may be asked; where not, palettes are made by colour harmony."""
        return False

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        """Propose at most `count` palettes of five colours in the order of `PALETTE_ROLES`; may be fewer, never broken.

        Raises:
            NotImplementedError: `proposes_palettes` is false.
        """
        raise NotImplementedError

    def collect(self, receipt: Receipt) -> Picture:
        """Fetch the picture that the receipt stands for. Costs nothing and may be repeated.

        Raises:
            StillDrawing: not ready; says when to ask again.
            PictureGone: the provider does not have it any more.
            JobEnded: the job ended without a picture; the receipt is of no more use.
            BadProviderAnswer: its link is not one we follow, or this provider gives no receipts.
        """
        raise BadProviderAnswer(UNKNOWN_RECEIPT)

    def abandon(self, receipt: Receipt) -> None:  # noqa: B027 - most providers have nothing to cancel
        """Cancel the order behind the receipt, where the provider can."""

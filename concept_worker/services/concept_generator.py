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

    Every method raises `ProviderUnavailable` (worth a retry; `RateLimited` says how long to wait), `ProviderRefused`,
    `BadProviderAnswer` or `InvalidImage`. A request depends on its arguments alone, never on the attempt: a provider
    that caches identical requests is not paid twice.
    """

    @abstractmethod
    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        """Draw a logo, or order one and return a receipt; `collect` fetches the picture later.

        `seed` is a non-negative 31-bit integer made from the task id: one task always sends the same request.
        """

    @abstractmethod
    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        """Change the original (PNG bytes) as the wish asks; returns the same as `draw`."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    @property
    def proposes_palettes(self) -> bool:
        """True when `propose_palettes` may be called. When false, palettes are made by colour harmony."""
        return False

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        """Propose at most `count` palettes, perhaps fewer: five valid colours each, in the order of `PALETTE_ROLES`.

        Raises:
            NotImplementedError: `proposes_palettes` is false.
        """
        raise NotImplementedError

    def collect(self, receipt: Receipt) -> Picture:
        """Fetch the picture that the receipt stands for. This costs nothing and may be repeated.

        Raises:
            StillDrawing: the picture is not ready; the error says when to poll again.
            PictureGone: the provider does not have the picture any more.
            JobEnded: the job ended without a picture; the receipt is useless from now on.
            BadProviderAnswer: the picture's link is not one we follow, or this provider gives no receipts.
        """
        raise BadProviderAnswer(UNKNOWN_RECEIPT)

    def abandon(self, receipt: Receipt) -> None:  # noqa: B027 - most providers have nothing to cancel
        """Cancel the order behind the receipt, where the provider can."""

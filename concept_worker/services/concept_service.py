"""The business of asking for logos and palettes: seeds, counts, and what to do when a provider gives too little."""

from __future__ import annotations

import hashlib
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from concept_worker.errors import ProviderPaused, RateLimited
from concept_worker.logging import get_logger
from concept_worker.models import Palette, Receipt, StagedName
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.interfaces import Staging
from concept_worker.services.seal import SealedAs
from concept_worker.services.staging import staging_key

log = get_logger(__name__)

_PALETTES = TypeAdapter(tuple[Palette, ...])


class ConceptService:
    """A service for the pictures and palettes of one task. Raises what `ConceptGenerator` raises."""

    def __init__(self, *, generator: ConceptGenerator, staging: Staging) -> None:
        self._generator = generator
        self._staging = staging

    def generate_concept(self, brief: Brief, *, task_id: UUID) -> Picture | Receipt:
        """Draw a logo, or order it. The picture is not validated; one task always sends the same request."""
        return self._generator.draw(brief, seed=seed_of(task_id))

    def refine_concept(self, original: bytes, wish: Wish, *, task_id: UUID) -> Picture | Receipt:
        """Change the original (PNG bytes) as the wish asks; otherwise like `generate_concept`."""
        return self._generator.refine(original, wish, seed=seed_of(task_id))

    def collect(self, receipt: Receipt) -> Picture:
        """Fetch the picture that a receipt stands for, not validated yet. This costs nothing and may be repeated."""
        return self._generator.collect(receipt)

    def abandon(self, receipt: Receipt) -> None:
        """Cancel the order of a task that was canceled or deleted, where the provider can."""
        self._generator.abandon(receipt)

    def generate_color_palettes(self, brief: Brief, num_palettes: int) -> tuple[Palette, ...]:
        """Return exactly `num_palettes` palettes; colour harmony makes the missing ones, which are marked as local.

        A pause of the provider counts as a failed attempt here, because palettes can be made without the provider. For
        a picture, a pause is only a wait.
        """
        if not self._generator.proposes_palettes:
            return self.local_palettes(brief, num_palettes)
        try:
            given = self._generator.propose_palettes(brief, num_palettes)
        except ProviderPaused as exc:
            raise RateLimited(str(exc), exc.retry_after) from exc
        return _complete_locally(given, brief, num_palettes)

    def keep_palettes(self, task_id: UUID, palettes: tuple[Palette, ...]) -> None:
        """Stage palettes that were paid for: the database may be down when their checkpoint is due.

        Raises:
            StoreUnavailable: staging does not answer.
        """
        self._staging.store(staging_key(task_id, StagedName.PALETTES), _PALETTES.dump_json(palettes), SealedAs.ARRIVED)

    def find_palettes(self, task_id: UUID) -> tuple[Palette, ...] | None:
        """Return the task's staged palettes, or None. Bytes without our seal, or of another kind, count as none.

        Raises:
            StoreUnavailable: staging does not answer.
        """
        content = self._staging.find(staging_key(task_id, StagedName.PALETTES))
        if content is None:
            return None
        try:
            return _PALETTES.validate_json(content)
        except ValidationError:
            log.warning("staged palettes unreadable")
            return None

    def local_palettes(self, brief: Brief, num_palettes: int) -> tuple[Palette, ...]:
        """Make `num_palettes` palettes by colour harmony alone, marked as local; used when the provider gives none."""
        return _complete_locally([], brief, num_palettes)


def _complete_locally(given: list[Palette], brief: Brief, count: int) -> tuple[Palette, ...]:
    """Return `count` palettes: the given ones first, then palettes by colour harmony with names not used yet."""
    from concept_worker.palettes.harmony import harmonize  # imported here: most processes never need it

    palettes = list(given[:count])
    if len(palettes) < count:
        log.info("palettes completed locally", given=len(palettes), wanted=count)
        names = {palette.name for palette in palettes}
        local = [
            palette
            for palette in harmonize(brief.theme_description, brief.logo_description, count)
            if palette.name not in names
        ]
        palettes += local[: count - len(palettes)]
    return tuple(palettes)


def seed_of(task_id: UUID) -> int:
    """Derive a non-negative 31-bit integer from the task id, safe for every provider's seed field."""
    return int.from_bytes(hashlib.sha256(task_id.bytes).digest()[:4], "big") & 0x7FFF_FFFF

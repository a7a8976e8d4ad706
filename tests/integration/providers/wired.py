"""A worker whose provider is a fake over HTTP, and what tests ask of the two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from concept_worker.devstack.fake_provider import FakeProvider, Latency
from concept_worker.models import ConceptRow, PaletteSource, TaskRow
from tests.conftest import System
from tests.waiting import until

KEY = "key-that-only-the-fake-provider-knows"
# Words that no log may hold: every request of this room's tests is made of them.
LOGO, THEME, WISH = "a heron called Zanzibarbara", "calm Quixomorning", "a bolder Flimmerbeak"
SPEED = 20.0  # a second of the fake's work or dripping lasts 50 ms
ATTEMPTS = 3
TIMEOUT = 0.5  # seconds for a picture or for palettes; a fake without latency answers in some milliseconds

SETTINGS = {
    "CONCEPT_IMAGE_SIZE": "256",
    "CONCEPT_IMAGE_TIMEOUT_SECONDS": str(TIMEOUT),
    "CONCEPT_PALETTE_TIMEOUT_SECONDS": str(TIMEOUT),
    "CONCEPT_RETRY_ATTEMPTS": str(ATTEMPTS),
    "CONCEPT_RETRY_BASE_SECONDS": "0.02",
    "CONCEPT_CIRCUIT_FAILURES": "1000",  # faults for ever are what these tests order
    "CONCEPT_DOWNLOAD_HOSTS": "127.0.0.1",
    "CONCEPT_DOWNLOAD_ALLOW_HTTP": "true",
    "CONCEPT_DOWNLOAD_ALLOW_PRIVATE": "true",
    "CONCEPT_DOWNLOAD_TIMEOUT_SECONDS": str(TIMEOUT),
}


@dataclass(frozen=True)
class Wired:
    """A worker, and the fake that it takes for its provider."""

    fake: FakeProvider
    system: System
    latency: dict[str, Latency] = field(default_factory=dict)  # by endpoint; as the fake works from now on

    def reset(self) -> None:
        """The fake as new."""
        self.latency.clear()
        self.fake.reset()

    def generate(self, user_id: UUID, *, num_palettes: int = 1) -> TaskRow:
        """The usual generation at its end."""
        return self.ended(
            self.system.client.generate(
                user_id=user_id, logo_description=LOGO, theme_description=THEME, num_palettes=num_palettes
            )
        )

    def refine(self, concept: ConceptRow, *, num_palettes: int = 0) -> TaskRow:
        """The usual refinement of a concept at its end."""
        return self.ended(
            self.system.client.refine(
                user_id=concept.user_id,
                refinement_prompt=WISH,
                original_concept_id=concept.id,
                preserve_aspects=["layout"],
                num_palettes=num_palettes,
            )
        )

    def refine_link(self, user_id: UUID, link: str, *, num_palettes: int = 0) -> TaskRow:
        """A refinement of what lies behind a link, at its end."""
        return self.ended(
            self.system.client.refine(
                user_id=user_id, refinement_prompt=WISH, original_image_url=link, num_palettes=num_palettes
            )
        )

    def ended(self, row: TaskRow) -> TaskRow:
        """The row when it is terminal."""
        until(lambda: self.system.client.get_task(row.id, row.user_id).status.is_terminal, "the row to end")
        return self.system.client.get_task(row.id, row.user_id)

    def concept(self, row: TaskRow) -> ConceptRow:
        """What a completed row made."""
        concept = self.system.client.get_concept(row.id, row.user_id)
        assert concept is not None, row.error_message
        return concept

    def sources(self, row: TaskRow) -> list[PaletteSource]:
        """Who made the palettes of a completed row."""
        return [variation.palette_source for variation in self.concept(row).variations]

    def picture(self, path: str) -> bytes:
        """A stored picture."""
        content = self.system.client.load_image(path, path.partition("/")[0])
        assert content is not None
        return content

    def calls(self, endpoint: str) -> int:
        """How many calls came, paid or not."""
        return len([call for call in self.fake.calls if call.endpoint == endpoint])

    def bill(self) -> dict[str, tuple[int, int]]:
        """Calls and paid calls of each endpoint that was called."""
        endpoints = dict.fromkeys(call.endpoint for call in self.fake.calls)
        return {endpoint: (self.calls(endpoint), self.fake.paid(endpoint)) for endpoint in endpoints}

    def lines(self, row: TaskRow) -> list[dict[str, Any]]:
        """The structured log lines about a row."""
        lines = [json.loads(line) for line in self.system.worker.logs().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("task_id") == str(row.id)]

    def log_after(self, rows: Sequence[TaskRow]) -> str:
        """The worker's whole log, once Celery's last words on these rows, which all completed, are in it."""
        last = [f"store_concept[{row.id}] succeeded" for row in rows]
        until(lambda: all(line in self.system.worker.logs() for line in last), "the last lines")
        return self.system.worker.logs()

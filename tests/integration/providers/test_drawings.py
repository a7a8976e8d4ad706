"""A vector model's answer through a real worker: a clean PNG is stored, and recolored like any other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.imaging.codec import decode_image
from concept_worker.models import TaskStatus
from tests.conftest import StartSystem
from tests.integration.providers.conftest import _wired
from tests.integration.providers.wired import Wired


@pytest.fixture(scope="module")
def drawings_worker(start_system: StartSystem) -> Iterator[Wired]:
    """OpenAI's wire, with a model that answers with drawings."""
    with _wired(start_system, "openai", CONCEPT_ACCEPT_SVG="true") as wired:
        yield wired


def test_a_drawing_is_stored_as_pixels(drawings_worker: Wired, user_id: UUID) -> None:
    """At the size of pictures, paid once, with its variations."""
    drawings_worker.reset()
    drawings_worker.fake.faults.add(Fault(kind=FaultKind.SVG, endpoint="image"))
    row = drawings_worker.generate(user_id, num_palettes=2)
    concept = drawings_worker.concept(row)
    picture = decode_image(drawings_worker.picture(concept.image_path))
    assert (picture.format, picture.size, len(concept.variations)) == ("PNG", (256, 256), 2)
    assert drawings_worker.fake.paid("image") == 1


@pytest.mark.parametrize("wires", ["openai_worker"], indirect=True)
def test_without_the_setting_a_drawing_fails_its_row(wires: Wired, user_id: UUID) -> None:
    """As something that is no image."""
    wires.fake.faults.add(Fault(kind=FaultKind.SVG, endpoint="image"))
    row = wires.generate(user_id)
    assert row.status is TaskStatus.FAILED
    assert "not an image" in str(row.error_message)


class Drawings(BaseHTTPRequestHandler):
    """A server of one drawing."""

    def do_GET(self) -> None:
        """Answer with it."""
        self.send_response(200)
        self.send_header("content-type", "image/svg+xml")
        self.end_headers()
        self.wfile.write(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7v7z"/></svg>')

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_users_original_is_never_a_drawing(drawings_worker: Wired, user_id: UUID) -> None:
    """Drawings are taken from the provider alone."""
    drawings_worker.reset()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Drawings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    row = drawings_worker.refine_link(user_id, f"http://127.0.0.1:{server.server_port}/logo.svg")
    server.shutdown()
    server.server_close()
    assert row.status is TaskStatus.FAILED
    assert "not a PNG, JPEG or WebP" in str(row.error_message)
    assert drawings_worker.fake.paid() == 0

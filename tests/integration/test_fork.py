"""A client that was used before a fork, as behind a server that loads the application first."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from concept_worker.client import ConceptClient
from concept_worker.settings import Settings


class Door(BaseHTTPRequestHandler):
    """Answers with no rows, over connections that last, and notes from which port it is asked."""

    protocol_version = "HTTP/1.1"
    ports: list[int]

    def do_GET(self) -> None:
        """One request."""
        self.ports.append(self.client_address[1])
        self.send_response(200)
        for name, value in (("content-type", "application/json"), ("content-length", "2")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        """Nothing to standard error."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """What listens in Supabase's place: it alone can tell one connection from another."""
    Door.ports = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_connections_of_its_own(server: ThreadingHTTPServer) -> None:
    """On a shared socket parent and child would read each other's rows. The parent keeps its connection."""
    settings = Settings(supabase_url=f"http://127.0.0.1:{server.server_port}", supabase_secret_key="sb_secret_x")
    with ConceptClient.from_settings(settings) as client:
        client.get_tasks(uuid4())
        child = multiprocessing.get_context("fork").Process(target=client.get_tasks, args=(uuid4(),))
        child.start()
        child.join(timeout=60)
        assert child.exitcode == 0
        client.get_tasks(uuid4())
    before, in_child, after = Door.ports
    assert before == after
    assert in_child != before

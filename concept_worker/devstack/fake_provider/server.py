"""The fake on a real socket: in a thread of a test, or in a process of its own."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.control import Control
from concept_worker.devstack.fake_provider.fal import FalWire
from concept_worker.devstack.fake_provider.faults import FaultBook
from concept_worker.devstack.fake_provider.gemini import GeminiWire
from concept_worker.devstack.fake_provider.jigsawstack import JigsawStackWire
from concept_worker.devstack.fake_provider.openai import OpenAIWire
from concept_worker.devstack.fake_provider.openai_responses import ResponsesWire
from concept_worker.devstack.fake_provider.replicate import ReplicateWire
from concept_worker.devstack.fake_provider.runware import RunwareWire
from concept_worker.devstack.fake_provider.studio import FakeProviderOptions, Studio


class FakeProvider:
    """A fake provider as a context manager: it listens while the block runs. All wires are at the same address.

    `url` is the base for JigsawStack and Replicate, `openai_url`, `fal_url` and so on for the others;
    `calls` are the requests so far, `faults` the faults in force.
    """

    def __init__(self, options: FakeProviderOptions | None = None, *, port: int = 0) -> None:
        self._studio = Studio(options or FakeProviderOptions())
        self._socket = socket.create_server(("127.0.0.1", port))
        self._studio.base_url = self.url
        self._server = _Server(_config(self._studio), self._studio)
        self._thread = threading.Thread(target=self.serve, name="fake provider", daemon=True)

    @property
    def url(self) -> str:
        """Base URL for JigsawStack's wire and for `/__calls`, `/__faults`, `/__reset`."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def openai_url(self) -> str:
        """Base URL for the OpenAI-compatible wire, with its version path."""
        return f"{self._studio.base_url}/v1"

    @property
    def gemini_url(self) -> str:
        """Base URL for Gemini's wire, with its version path."""
        return f"{self._studio.base_url}/v1beta"

    @property
    def fal_url(self) -> str:
        """Base URL for fal's queue."""
        return f"{self._studio.base_url}/fal"

    @property
    def runware_url(self) -> str:
        """Base URL for Runware's wire, its only address."""
        return f"{self._studio.base_url}/v1"

    @property
    def api_key(self) -> str:
        """The key that all wires accept."""
        return self._studio.options.api_key

    @property
    def calls(self) -> list[Call]:
        """Copies of all calls since the start or the last reset."""
        return self._studio.calls.snapshot()

    @property
    def faults(self) -> FaultBook:
        """The faults in force; change them at any time."""
        return self._studio.faults

    def paid(self, endpoint: str | None = None) -> int:
        """Return how many calls would have been charged, of one endpoint or of all."""
        return sum(call.paid for call in self.calls if endpoint in (None, call.endpoint))

    def remembered(self) -> int:
        """Return how many answers the cache holds."""
        return self._studio.remembered()

    def stored_files(self) -> list[str]:
        """Return the keys in the file store."""
        return sorted(self._studio.files)

    def reset(self) -> None:
        """Forget calls, faults, cache, files and jobs."""
        self._studio.reset()

    def serve(self) -> None:
        """Serve in this thread until stopped; in the main thread, also by SIGINT or SIGTERM."""
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        # The socket listens already: an early client waits in its backlog.
        self._studio.base_url = self.url
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()


class _Server(uvicorn.Server):
    """A server that aborts its connections before it waits for them; else a hanging answer would delay the end."""

    def __init__(self, config: uvicorn.Config, studio: Studio) -> None:
        super().__init__(config)
        self._studio = studio

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._studio.sockets.abort_all()
        await super().shutdown(sockets)


def _config(studio: Studio) -> uvicorn.Config:
    jigsawstack = JigsawStackWire(studio)
    jobs = (RunwareWire(studio), ReplicateWire(studio), FalWire(studio), ResponsesWire(studio))
    others = (OpenAIWire(studio), GeminiWire(studio), *jobs, Control(studio))

    async def refuse(request: Request, exc: Exception) -> Response:
        return jigsawstack.refuse(exc.status_code if isinstance(exc, HTTPException) else 500)

    app = Starlette(
        routes=[*jigsawstack.routes(), *(route for one in others for route in one.routes())],
        exception_handlers={HTTPException: refuse},
        # Refuse a web page whose host name was made to point to this machine (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False)],
    )
    return uvicorn.Config(
        app,
        http=studio.sockets.protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=0,  # cancel requests that are still at work
    )

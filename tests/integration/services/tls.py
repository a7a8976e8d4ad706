"""A broker that speaks TLS with a certificate of an authority that nobody else knows."""

from __future__ import annotations

import socket
import socketserver
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from concept_worker.devstack.binaries import valkey_server
from concept_worker.devstack.ports import free_port
from tests.waiting import until

_EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)  # noqa: S607 - the machine's own


def make_certificates(folder: Path) -> None:
    """An authority (`ca.pem`), and the server's certificate for this machine (`server.pem`, `server.key`)."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Own CA", "-days", "2")
    _openssl(folder, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (folder / "names").write_text(_EXTENSIONS)
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")


class Server:
    """Valkey with these options; a context manager."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._folder, self._options = folder, [word.replace("{port}", str(self.port)) for word in options]

    def __enter__(self) -> Self:
        words = [str(valkey_server()), "--bind", "127.0.0.1", "--save", "", *self._options]
        self._process = subprocess.Popen(words, cwd=self._folder, stdout=subprocess.DEVNULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def wait(self, **options: object) -> Self:
        """Wait until it answers."""

        def answers() -> bool:
            with Redis(port=self.port, **options) as redis:  # type: ignore[arg-type]  # of the test's choice
                try:
                    return bool(redis.ping())
                except RedisError:
                    return False

        until(answers, "Valkey to answer")
        return self


class TlsFront(socketserver.ThreadingTCPServer):
    """TLS before a plain server, as hosts put a proxy there: the embedded Valkey speaks none."""

    daemon_threads = True

    def __init__(self, folder: Path, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Pipe)
        self.port, self.behind = int(self.server_address[1]), behind
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem", folder / "server.key")
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Pipe(socketserver.BaseRequestHandler):
    server: TlsFront

    def handle(self) -> None:
        """Carry bytes both ways until one side ends."""
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", self.server.behind)) as inside,
        ):
            threading.Thread(target=_carry, args=(inside, outside), daemon=True).start()
            _carry(outside, inside)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_RDWR)

"""The guarded download on real sockets: TLS names, and listeners that nobody may reach."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.errors import DownloadRefused, ProviderUnavailable
from concept_worker.services.http.download import DownloadLimits, GuardedDownloader

NAME = "files.example.test"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbytes"


def certificate(folder: Path) -> Path:
    """A self-signed certificate and key for `NAME`, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Listener:
    """A server on loopback that answers every connection, with TLS if given a context, and counts them."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self.asked_names: list[str | None] = []
        if context:
            context.sni_callback = lambda _, name, __: self.asked_names.append(name)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            try:
                if self._context:
                    connection = self._context.wrap_socket(connection, server_side=True)
                connection.recv(4096)
                connection.sendall(ANSWER)
            except OSError:
                pass
            finally:
                connection.close()

    def close(self) -> None:
        """Stop accepting."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A plain listener."""
    opened = Listener()
    yield opened
    opened.close()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[Listener, ssl.SSLContext]]:
    """A TLS listener for `NAME`, and a context that trusts it."""
    pem = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    opened = Listener(server)
    yield opened, ssl.create_default_context(cafile=str(pem))
    opened.close()


def to_loopback(host: str, port: int) -> list[str]:
    """Every name is this machine."""
    return ["127.0.0.1"]


def test_tls_is_checked_against_the_hosts_name(tls: tuple[Listener, ssl.SSLContext]) -> None:
    """The connection goes to an address, the certificate must still be the name's."""
    listener, trusting = tls
    downloader = GuardedDownloader(
        allowed_hosts=[NAME, "other.example.test"],
        resolver=to_loopback,
        ssl_context=trusting,
        allow_private_hosts=True,
    )
    assert downloader.download(f"https://{NAME}:{listener.port}/a.png") == b"bytes"
    with pytest.raises(ProviderUnavailable):
        downloader.download(f"https://other.example.test:{listener.port}/a.png")
    assert listener.asked_names == [NAME, "other.example.test"]
    downloader.close()


def test_an_unknown_authority_is_not_trusted(tls: tuple[Listener, ssl.SSLContext]) -> None:
    """The usual roots do not know this certificate."""
    downloader = GuardedDownloader(allowed_hosts=[NAME], resolver=to_loopback, allow_private_hosts=True)
    with pytest.raises(ProviderUnavailable):
        downloader.download(f"https://{NAME}:{tls[0].port}/a.png")
    downloader.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "localhost", "0", NAME]
)
def test_nothing_arrives_at_a_private_listener(listener: Listener, host: str) -> None:
    """The real resolver, the real sockets, the host on the list, http allowed: refused before connecting."""
    resolver: dict[str, Any] = {"resolver": to_loopback} if host == NAME else {}
    downloader = GuardedDownloader(allowed_hosts=[host], allow_http=True, **resolver)
    # On port 80 the address is what refuses; on the listener's own port the port would.
    downloader._any_port = True
    with pytest.raises(DownloadRefused):
        downloader.download(f"http://{host}:{listener.port}/a.png")
    downloader.close()
    assert listener.connections == 0


def test_the_switches_for_development_open_it(listener: Listener) -> None:
    """The same listener, with both switches: so it was the gate that kept the others out."""
    downloader = GuardedDownloader(allowed_hosts=["127.0.0.1"], allow_http=True, allow_private_hosts=True)
    assert downloader.download(f"http://127.0.0.1:{listener.port}/a.png") == b"bytes"
    assert listener.connections == 1
    downloader.close()


def test_a_resolver_that_never_answers_is_left() -> None:
    """The deadline holds before there is a connection."""
    release = threading.Event()

    def stuck(host: str, port: int) -> list[str]:
        release.wait()
        return ["127.0.0.1"]

    downloader = GuardedDownloader(allowed_hosts=[NAME], resolver=stuck, limits=DownloadLimits(seconds=0.1))
    with pytest.raises(ProviderUnavailable):
        downloader.download(f"https://{NAME}/a.png")
    release.set()
    downloader.close()


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP, FaultKind.DRIP_HEADERS, FaultKind.CUT])
def test_slow_and_cut_results(fake: Any, build: Any, image: Any, kind: FaultKind) -> None:
    """A result link whose server dawdles: one paid picture, a transient error, and the link again next time."""
    from concept_worker.services.http.channel import provider_client
    from concept_worker.services.providers.jigsawstack.generator import DrawingOptions, JigsawStackGenerator

    generator = JigsawStackGenerator(
        client=provider_client(fake.url, {"x-api-key": fake.api_key}),
        downloader=GuardedDownloader(
            allowed_hosts=["127.0.0.1"],
            limits=DownloadLimits(seconds=0.3),
            allow_http=True,
            allow_private_hosts=True,
        ),
        options=DrawingOptions(size=256, return_type="url"),
    )
    fake.faults.add(Fault(kind=kind, endpoint="result", times=1, seconds=0.02))
    with pytest.raises(ProviderUnavailable):
        image(generator)
    assert image(generator).startswith(b"\x89PNG")
    assert fake.paid() == 1
    generator.close()

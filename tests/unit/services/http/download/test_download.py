"""The guarded download against scripted servers: what is slow, endless or elsewhere is cut."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import httpcore
import pytest
from structlog.testing import capture_logs

from concept_worker.errors import ConceptWorkerError, DownloadRefused, ProviderUnavailable
from concept_worker.services.http.download import DownloadLimits, guarded_downloader
from concept_worker.settings import Settings

HOST = "files.example.com"
PUBLIC = "93.184.215.14"
PIXELS = b"\x89PNG\r\n\x1a\nand so on"


def test_a_listed_public_host_is_downloaded(scripted: Any, answer: Any, downloader: Any) -> None:
    """The body comes from the vetted address, under the host's own name, uncompressed."""
    net = scripted(answer())
    assert downloader(net).download(f"https://{HOST}/a.png?sig=1") == PIXELS
    stream = net.streams[0]
    assert net.connected == [(PUBLIC, 443)]
    assert stream.tls_names == [HOST]
    head = stream.written.decode().lower()
    assert head.startswith("get /a.png?sig=1 http/1.1")
    assert f"host: {HOST}\r\n" in head
    assert "accept-encoding: identity" in head
    assert "cookie" not in head
    assert "authorization" not in head


def test_an_address_needs_no_resolver_but_the_same_gate(scripted: Any, answer: Any, downloader: Any) -> None:
    """A listed public IPv6 address: brackets in the header only."""
    net = scripted(answer())
    url = "https://[2606:4700:4700::1111]/a.png"
    assert downloader(net, "2606:4700:4700::1111").download(url) == PIXELS
    assert net.connected == [("2606:4700:4700::1111", 443)]
    assert net.streams[0].tls_names == ["2606:4700:4700::1111"]
    assert b"host: [2606:4700:4700::1111]\r\n" in net.streams[0].written.lower()


def test_the_environment_proxy_is_not_used(
    scripted: Any, answer: Any, downloader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would resolve names itself, behind the gate's back."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    net = scripted(answer())
    downloader(net).download(f"https://{HOST}/a.png")
    assert net.connected == [(PUBLIC, 443)]


class Liar:
    """A resolver that changes its answer from one question to the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


def test_rebinding_finds_no_second_question(scripted: Any, answer: Any, downloader: Any) -> None:
    """A name that turns private after the check is connected by its checked address, asked for once."""
    net, liar = scripted(answer()), Liar([PUBLIC], ["127.0.0.1"])
    downloader(net, resolver=liar).download(f"https://{HOST}/a.png")
    assert (net.connected, liar.asked) == ([(PUBLIC, 443)], 1)


def test_no_connection_is_kept_for_the_next_download(scripted: Any, answer: Any, downloader: Any) -> None:
    """A kept one would skip the question that has turned out private meanwhile."""
    net, liar = scripted(answer(), answer()), Liar([PUBLIC], ["127.0.0.1"])
    guarded = downloader(net, resolver=liar)
    guarded.download(f"https://{HOST}/a.png")
    with pytest.raises(DownloadRefused):
        guarded.download(f"https://{HOST}/a.png")
    assert len(net.connected) == 1


def test_a_name_with_one_private_address_is_refused(scripted: Any, downloader: Any) -> None:
    """Which of several addresses is used must not be luck."""
    net = scripted()
    with pytest.raises(DownloadRefused):
        downloader(net, resolver=Liar([PUBLIC, "10.0.0.1"])).download(f"https://{HOST}/a.png")
    assert net.connected == []


def test_a_redirect_is_resolved_and_checked_anew(scripted: Any, redirect: Any, downloader: Any) -> None:
    """The second hop to a name that has turned private does not connect."""
    net, liar = scripted(redirect("/b.png")), Liar([PUBLIC], ["127.0.0.1"])
    with pytest.raises(DownloadRefused):
        downloader(net, resolver=liar).download(f"https://{HOST}/a.png")
    assert net.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://files.example.com/a.png",
        "https://localhost/",
        "//127.0.0.1/",
        "file:///etc/passwd",
        "https://[::1]/",
        "https://evil.example.org/a.png",
        "https://files.example.com:8443/",
        "https://user@files.example.com/",
    ],
)
def test_a_redirect_passes_the_same_gate(scripted: Any, redirect: Any, downloader: Any, location: str) -> None:
    """Nothing is reached by a redirect that could not be reached directly."""
    net = scripted(redirect(location))
    with pytest.raises(DownloadRefused):
        downloader(net).download(f"https://{HOST}/a.png")
    assert len(net.connected) == 1


def test_redirects_end(scripted: Any, redirect: Any, downloader: Any) -> None:
    """A circle is left after three hops."""
    net = scripted(*[redirect("/again")] * 9)
    with pytest.raises(DownloadRefused):
        downloader(net).download(f"https://{HOST}/a.png")
    assert len(net.connected) == 4


def test_a_good_redirect_is_followed(scripted: Any, answer: Any, redirect: Any, downloader: Any) -> None:
    """A relative one, to the same host."""
    net = scripted(redirect("/b.png"), answer())
    assert downloader(net).download(f"https://{HOST}/a.png") == PIXELS


def test_an_endless_body_is_cut(scripted: Any, downloader: Any) -> None:
    """More bytes than allowed end the download, whatever was declared."""
    endless = (chunk for chunk in iter(lambda: b"f" * 4096, b""))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked = (head if at == 0 else b"1000\r\n" + chunk + b"\r\n" for at, chunk in enumerate(endless))
    with pytest.raises(DownloadRefused):
        downloader(scripted(chunked), limits=DownloadLimits(max_bytes=100_000)).download(f"https://{HOST}/a.png")


@pytest.mark.parametrize("declared", ["100001", "9" * 20])
def test_a_declared_size_beyond_the_limit_is_not_read(scripted: Any, downloader: Any, declared: str) -> None:
    """Content-Length is only a hint, but a bad hint is enough to refuse."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {declared}\r\n\r\n".encode()
    with pytest.raises(DownloadRefused):
        downloader(scripted([head]), limits=DownloadLimits(max_bytes=100_000)).download(f"https://{HOST}/a.png")


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_slow_server_is_left_at_the_deadline(
    scripted: Any, answer: Any, downloader: Any, clock: Any, where: str
) -> None:
    """Each byte comes in time, all of them do not."""
    crumbs = [bytes([byte]) for byte in b"".join(answer(b"p" * 500))]
    start = [] if where == "headers" else answer(b"p" * 500)[0].split(b"p")[:1]
    net = scripted(start + crumbs[-500:] if start else crumbs, clock=clock, pause=1.0)
    with pytest.raises(ProviderUnavailable):
        downloader(net, clock=clock).download(f"https://{HOST}/a.png")
    assert clock.now <= DownloadLimits().seconds


def test_a_silent_server_is_left_at_the_read_timeout(scripted: Any, downloader: Any) -> None:
    """No byte for longer than a read may take."""
    with pytest.raises(ProviderUnavailable):
        downloader(scripted([b""], pause=11.0)).download(f"https://{HOST}/a.png")


def test_a_cut_body_is_worth_another_try(scripted: Any, downloader: Any) -> None:
    """Fewer bytes than declared."""
    cut = [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"]
    with pytest.raises(ProviderUnavailable):
        downloader(scripted(cut)).download(f"https://{HOST}/a.png")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("403 Forbidden", DownloadRefused),
        ("404 Not Found", DownloadRefused),
        ("206 Partial Content", DownloadRefused),
        ("304 Not Modified", DownloadRefused),
        ("302 Found", DownloadRefused),
        ("408 Request Timeout", ProviderUnavailable),
        ("429 Too Many Requests", ProviderUnavailable),
        ("500 Internal Server Error", ProviderUnavailable),
        ("503 Service Unavailable", ProviderUnavailable),
    ],
)
def test_other_statuses(
    scripted: Any, answer: Any, downloader: Any, status: str, error: type[ConceptWorkerError]
) -> None:
    """A link that is gone is gone; a server that is away may come back."""
    with pytest.raises(error):
        downloader(scripted(answer(b"", status))).download(f"https://{HOST}/a.png")


def test_a_compressed_body_is_refused(scripted: Any, answer: Any, downloader: Any) -> None:
    """Nobody asked for it, and it may be a bomb."""
    net = scripted(answer(b"\x1f\x8b", "200 OK", "content-encoding: gzip"))
    with pytest.raises(DownloadRefused):
        downloader(net).download(f"https://{HOST}/a.png")


def test_a_name_without_an_address_is_worth_another_try(scripted: Any, downloader: Any) -> None:
    """The name servers may be away."""

    def nobody(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(ProviderUnavailable):
        downloader(scripted(), resolver=nobody).download(f"https://{HOST}/a.png")


def test_the_next_vetted_address_is_tried(scripted: Any, answer: Any, downloader: Any) -> None:
    """One unreachable address of two does not fail the download."""

    class HalfReachable(scripted):
        def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
            if host == "1.1.1.1":
                raise httpcore.ConnectError("unreachable")
            return super().connect_tcp(host, port)

    net = HalfReachable(answer())
    assert downloader(net, resolver=Liar(["1.1.1.1", PUBLIC])).download(f"https://{HOST}/a.png") == PIXELS


def test_no_log_line_holds_a_path_or_query(scripted: Any, answer: Any, downloader: Any) -> None:
    """Signed links are secrets, whether the download succeeds, fails or is refused."""
    with capture_logs() as lines:
        downloader(scripted(answer())).download(f"https://{HOST}/private.png?token=secret")
        for net, url in (
            (scripted([b""]), f"https://{HOST}/private.png?token=secret"),
            (scripted(), "https://10.0.0.1/private.png?token=secret"),
        ):
            with pytest.raises(ConceptWorkerError):
                downloader(net).download(url)
    assert len(lines) == 3
    assert "secret" not in str(lines)
    assert "private" not in str(lines)


def test_settings_name_the_hosts() -> None:
    """The Supabase host and the listed ones, https only, nothing private."""
    settings = Settings(_env_file=None, supabase_url="https://abc.supabase.co", download_hosts="a.example, *.b.example")
    built = guarded_downloader(settings)
    for url in ("https://abc.supabase.co/x", "https://a.example/x", "https://c.b.example/x"):
        assert built._check_target(url).port == 443
    for url in ("https://b.example/x", "http://a.example/x", "https://other.supabase.co/x", "https://127.0.0.1/x"):
        with pytest.raises(DownloadRefused):
            built._check_target(url)
    built.close()

"""The guarded download against scripted servers: what is refused never connects, what is slow or endless is cut."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpcore
import pytest
from structlog.testing import capture_logs

from concept_worker.errors import ConceptWorkerError, DownloadRefused, ProviderUnavailable
from concept_worker.services.download import DownloadLimits, GuardedDownloader, guarded_downloader
from concept_worker.settings import Settings

HOST = "files.example.com"
PUBLIC = "93.184.215.14"
NO_TLS = ssl.create_default_context()  # scripted streams speak none; made once because loading roots is slow
PIXELS = b"\x89PNG\r\n\x1a\nand so on"


class FakeClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class ScriptedStream(httpcore.NetworkStream):
    """Gives chunks, each after `pause` seconds of the clock."""

    def __init__(self, chunks: Iterable[bytes], clock: FakeClock, pause: float) -> None:
        self._chunks = iter(chunks)
        self._clock = clock
        self._pause = pause
        self.written = b""
        self.tls_names: list[str | None] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        assert timeout is not None
        if self._pause > timeout:
            raise httpcore.ReadTimeout("scripted")
        self._clock.now += self._pause
        return next(self._chunks, b"")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer

    def close(self) -> None:
        pass

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        self.tls_names.append(server_hostname)
        return self


class ScriptedNet(httpcore.NetworkBackend):
    """Hands out one script a connection, and remembers where each went."""

    def __init__(self, *scripts: Iterable[bytes], clock: FakeClock | None = None, pause: float = 0.0) -> None:
        self._scripts = list(scripts)
        self._clock = clock or FakeClock()
        self._pause = pause
        self.connected: list[tuple[str, int]] = []
        self.streams: list[ScriptedStream] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        self.streams.append(ScriptedStream(self._scripts[len(self.streams)], self._clock, self._pause))
        return self.streams[-1]


def answer(body: bytes = PIXELS, status: str = "200 OK", *headers: str) -> list[bytes]:
    """One HTTP answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def redirect(location: str) -> list[bytes]:
    """An answer that leads elsewhere."""
    return answer(b"", "302 Found", f"location: {location}")


def system_numbers(host: str, port: int) -> list[str]:
    """What the system's resolver makes of a number in any notation, and of localhost; no name leaves the machine."""
    if host in ("localhost", "localhost.localdomain"):
        return ["::1", "127.0.0.1"]
    if host == HOST:
        return [PUBLIC]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(entry[4][0]) for entry in found]


def downloader(net: ScriptedNet, *hosts: str, **changes: Any) -> GuardedDownloader:
    """A downloader of `hosts` over `net`, with the real gate."""
    defaults: dict[str, Any] = {"resolver": system_numbers, "clock": FakeClock(), "backend": net, "ssl_context": NO_TLS}
    return GuardedDownloader(allowed_hosts=hosts or (HOST,), **(defaults | changes))


HOSTILE = [
    # Loopback in its many spellings.
    "https://127.0.0.1/a.png",
    "https://127.1/a.png",
    "https://127.0.1/a.png",
    "https://127.255.255.254/a.png",
    "https://2130706433/a.png",
    "https://0x7f000001/a.png",
    "https://0x7f.0.0.1/a.png",
    "https://0x7f.1/a.png",
    "https://017700000001/a.png",
    "https://0177.0.0.1/a.png",
    "https://00000177.0.0.01/a.png",
    "https://0/a.png",
    "https://0.0.0.0/a.png",
    "https://localhost/a.png",
    "https://LOCALHOST/a.png",
    "https://localhost.localdomain/a.png",
    "https://%31%32%37.0.0.1/a.png",
    "https://①②⑦.⓪.⓪.①/a.png",
    "https://127。0。0。1/a.png",
    # IPv6 forms.
    "https://[::1]/a.png",
    "https://[::]/a.png",
    "https://[0:0:0:0:0:0:0:1]/a.png",
    "https://[::ffff:127.0.0.1]/a.png",
    "https://[::ffff:7f00:1]/a.png",
    "https://[::127.0.0.1]/a.png",
    "https://[fe80::1]/a.png",
    "https://[fe80::1%25lo]/a.png",
    "https://[fc00::1]/a.png",
    "https://[fd00:ec2::254]/a.png",
    "https://[fec0::1]/a.png",
    "https://[ff02::1]/a.png",
    "https://[2001:db8::1]/a.png",
    # Translation and tunnels around IPv4.
    "https://[64:ff9b::7f00:1]/a.png",
    "https://[64:ff9b::a9fe:a9fe]/a.png",
    "https://[64:ff9b:1::a00:1]/a.png",
    "https://[2002:7f00:1::]/a.png",
    "https://[2002:a9fe:a9fe::1]/a.png",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/a.png",
    "https://[2606:4700::5efe:a00:1]/a.png",
    # Metadata services and private networks.
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9fea9fe/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://100.100.100.200/latest/meta-data/",
    "https://192.0.0.192/opc/v2/",
    "https://10.0.0.1/a.png",
    "https://172.16.0.1/a.png",
    "https://192.168.0.1/a.png",
    "https://100.64.0.1/a.png",
    "https://198.18.0.1/a.png",
    "https://224.0.0.1/a.png",
    "https://255.255.255.255/a.png",
    # Other schemes, other ports, plain http, no host.
    "http://files.example.com/a.png",
    "file:///etc/passwd",
    "ftp://files.example.com/a.png",
    "gopher://files.example.com:70/1",
    "dict://files.example.com:11211/stats",
    "data:image/png;base64,iVBORw0KGgo=",
    "https://files.example.com:22/a.png",
    "https://files.example.com:8443/a.png",
    "https://files.example.com:0/a.png",
    "https:///a.png",
    "//files.example.com/a.png",
    # Users, and characters that parsers read differently.
    "https://user@files.example.com/a.png",
    "https://files.example.com@127.0.0.1/a.png",
    "https://files.example.com%40127.0.0.1/a.png",
    "https://files.example.com\\@127.0.0.1/a.png",
    "https://127.0.0.1\\.files.example.com/a.png",
    "https://files.example.com\t/a.png",
    "https://files.example.com/a.png\r\nX-Injected: 1",
    "https://files.example.com:443:80/a.png",
    "https://[::1]files.example.com/a.png",
    "https://[127.0.0.1]/a.png",
]


def host_as_read(url: str) -> str:
    """The host that a common parser sees, so that the list of hosts alone does not decide."""
    try:
        return urlsplit(url).hostname or HOST
    except ValueError:
        return HOST


@pytest.mark.parametrize("url", HOSTILE)
@pytest.mark.parametrize("listed", [False, True], ids=["host not listed", "host listed"])
def test_hostile_urls_never_connect(url: str, listed: bool) -> None:
    """Refused for good and without a connection, even when the host's name is on the list by mistake."""
    net = ScriptedNet()
    hosts = {HOST, host_as_read(url)} if listed else {"other.example.org"}
    with pytest.raises(DownloadRefused) as caught:
        downloader(net, *hosts).download(url)
    assert net.connected == []
    assert url not in str(caught.value)


def test_there_are_at_least_forty_hostile_urls() -> None:
    """The list above does not shrink unnoticed."""
    assert len(set(HOSTILE)) >= 40


def test_a_listed_public_host_is_downloaded() -> None:
    """The body comes from the vetted address, under the host's own name, uncompressed."""
    net = ScriptedNet(answer())
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


def test_the_environment_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve names itself, behind the gate's back."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    net = ScriptedNet(answer())
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


def test_rebinding_finds_no_second_question() -> None:
    """A name that turns private after the check is connected by its checked address, asked for once."""
    net, liar = ScriptedNet(answer()), Liar([PUBLIC], ["127.0.0.1"])
    downloader(net, resolver=liar).download(f"https://{HOST}/a.png")
    assert (net.connected, liar.asked) == ([(PUBLIC, 443)], 1)


def test_a_name_with_one_private_address_is_refused() -> None:
    """Which of several addresses is used must not be luck."""
    net = ScriptedNet()
    with pytest.raises(DownloadRefused):
        downloader(net, resolver=Liar([PUBLIC, "10.0.0.1"])).download(f"https://{HOST}/a.png")
    assert net.connected == []


def test_a_redirect_is_resolved_and_checked_anew() -> None:
    """The second hop to a name that has turned private does not connect."""
    net, liar = ScriptedNet(redirect("/b.png")), Liar([PUBLIC], ["127.0.0.1"])
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
def test_a_redirect_passes_the_same_gate(location: str) -> None:
    """Nothing is reached by a redirect that could not be reached directly."""
    net = ScriptedNet(redirect(location))
    with pytest.raises(DownloadRefused):
        downloader(net).download(f"https://{HOST}/a.png")
    assert len(net.connected) == 1


def test_redirects_end() -> None:
    """A circle is left after three hops."""
    net = ScriptedNet(*[redirect("/again")] * 9)
    with pytest.raises(DownloadRefused):
        downloader(net).download(f"https://{HOST}/a.png")
    assert len(net.connected) == 4


def test_a_good_redirect_is_followed() -> None:
    """A relative one, to the same host."""
    net = ScriptedNet(redirect("/b.png"), answer())
    assert downloader(net).download(f"https://{HOST}/a.png") == PIXELS


def test_an_endless_body_is_cut() -> None:
    """More bytes than allowed end the download, whatever was declared."""
    endless = (chunk for chunk in iter(lambda: b"f" * 4096, b""))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked = (head if at == 0 else b"1000\r\n" + chunk + b"\r\n" for at, chunk in enumerate(endless))
    with pytest.raises(DownloadRefused):
        downloader(ScriptedNet(chunked), limits=DownloadLimits(max_bytes=100_000)).download(f"https://{HOST}/a.png")


@pytest.mark.parametrize("declared", ["100001", "9" * 30])
def test_a_declared_size_beyond_the_limit_is_not_read(declared: str) -> None:
    """Content-Length is only a hint, but a bad hint is enough to refuse."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {declared}\r\n\r\n".encode()
    with pytest.raises((DownloadRefused, ProviderUnavailable)):
        downloader(ScriptedNet([head]), limits=DownloadLimits(max_bytes=100_000)).download(f"https://{HOST}/a.png")


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_slow_server_is_left_at_the_deadline(where: str) -> None:
    """Each byte comes in time, all of them do not."""
    clock = FakeClock()
    crumbs = [bytes([byte]) for byte in b"".join(answer(b"p" * 500))]
    start = [] if where == "headers" else answer(b"p" * 500)[0].split(b"p")[:1]
    net = ScriptedNet(start + crumbs[-500:] if start else crumbs, clock=clock, pause=1.0)
    with pytest.raises(ProviderUnavailable):
        downloader(net, clock=clock).download(f"https://{HOST}/a.png")
    assert clock.now <= DownloadLimits().seconds


def test_a_silent_server_is_left_at_the_read_timeout() -> None:
    """No byte for longer than a read may take."""
    with pytest.raises(ProviderUnavailable):
        downloader(ScriptedNet([b""], pause=11.0)).download(f"https://{HOST}/a.png")


def test_a_cut_body_is_worth_another_try() -> None:
    """Fewer bytes than declared."""
    cut = [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"]
    with pytest.raises(ProviderUnavailable):
        downloader(ScriptedNet(cut)).download(f"https://{HOST}/a.png")


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
def test_other_statuses(status: str, error: type[ConceptWorkerError]) -> None:
    """A link that is gone is gone; a server that is away may come back."""
    with pytest.raises(error):
        downloader(ScriptedNet(answer(b"", status))).download(f"https://{HOST}/a.png")


def test_a_compressed_body_is_refused() -> None:
    """Nobody asked for it, and it may be a bomb."""
    net = ScriptedNet(answer(b"\x1f\x8b", "200 OK", "content-encoding: gzip"))
    with pytest.raises(DownloadRefused):
        downloader(net).download(f"https://{HOST}/a.png")


def test_a_name_without_an_address_is_worth_another_try() -> None:
    """The name servers may be away."""

    def nobody(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(ProviderUnavailable):
        downloader(ScriptedNet(), resolver=nobody).download(f"https://{HOST}/a.png")


def test_the_next_vetted_address_is_tried() -> None:
    """One unreachable address of two does not fail the download."""

    class HalfReachable(ScriptedNet):
        def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
            if host == "1.1.1.1":
                raise httpcore.ConnectError("unreachable")
            return super().connect_tcp(host, port)

    net = HalfReachable(answer())
    assert downloader(net, resolver=Liar(["1.1.1.1", PUBLIC])).download(f"https://{HOST}/a.png") == PIXELS


def test_no_log_line_holds_a_path_or_query() -> None:
    """Signed links are secrets, whether the download succeeds, fails or is refused."""
    with capture_logs() as lines:
        downloader(ScriptedNet(answer())).download(f"https://{HOST}/private.png?token=secret")
        for net, url in (
            (ScriptedNet([b""]), f"https://{HOST}/private.png?token=secret"),
            (ScriptedNet(), "https://10.0.0.1/private.png?token=secret"),
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
        assert built._gate(url).port == 443
    for url in ("https://b.example/x", "http://a.example/x", "https://other.supabase.co/x", "https://127.0.0.1/x"):
        with pytest.raises(DownloadRefused):
            built._gate(url)
    built.close()

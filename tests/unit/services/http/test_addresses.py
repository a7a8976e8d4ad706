"""Which hosts and addresses are public, listed, and written without tricks."""

from __future__ import annotations

import ipaddress

import pytest

from concept_worker.errors import DownloadRefused
from concept_worker.services.http.addresses import HostList, Target, is_public, parse_target, public_addresses


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_public(address: str) -> None:
    """Addresses of the open internet pass."""
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  an address to refuse, not to bind
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:7f00:1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_everything_else_is_not(address: str) -> None:
    """Private, local, shared, reserved, multicast, and every form that wraps another address."""
    assert not is_public(ipaddress.ip_address(address))


def test_one_private_answer_condemns_all() -> None:
    """A name with a public and a private address is refused, whichever comes first."""
    for answers in (["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["1.1.1.1", "nonsense"], []):
        with pytest.raises(DownloadRefused):
            public_addresses(answers)


def test_all_public_answers_keep_their_order() -> None:
    """The resolver's preference is kept."""
    assert public_addresses(["2606:4700::1", "1.1.1.1"]) == ["2606:4700::1", "1.1.1.1"]


@pytest.mark.parametrize(
    ("pattern", "host", "listed"),
    [
        ("files.example.com", "files.example.com", True),
        ("Files.Example.com.", "files.example.com", True),
        ("files.example.com", "evil.files.example.com", False),
        ("files.example.com", "files.example.com.evil.org", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("[::1]", "::1", True),
        ("", "", False),
    ],
)
def test_host_patterns(pattern: str, host: str, listed: bool) -> None:
    """A name is itself, a star is every name below, and no address hides behind a star."""
    assert (host in HostList([pattern])) is listed


def test_a_url_is_taken_apart_once() -> None:
    """Scheme, host, port and path with query come out as they will be used."""
    assert parse_target("HTTPS://Files.Example.com/a/b.png?sig=x%2Fy#part") == Target(
        "https", "files.example.com", 443, "/a/b.png?sig=x%2Fy"
    )
    assert parse_target("http://[2606:4700::1]:8080") == Target("http", "2606:4700::1", 8080, "/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "files.example.com/a.png",
        "//files.example.com/a.png",
        "file:///etc/passwd",
        "ftp://files.example.com/a",
        "gopher://files.example.com/a",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "https://",
        "https:///a.png",
        "https://user@files.example.com/",
        "https://user:word@files.example.com/",
        "https://files.example.com@10.0.0.1/",
        "https://files.example.com\\@10.0.0.1/",
        "https://files.example.com /a",
        "https://files.example.com/a b",
        "https://files.example.com/a\r\nHost: evil",
        "https://files.example.com/\x00",
        "https://files%2eexample%2ecom/",
        "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://fïles.example.com/",
        "https://files.example.com./a",
        "https://files..example.com/",
        "https://files.example.com:99999/",
        "https://files.example.com:http/",
        "https://[::1/",
        "https://[not-an-address]/",
        "https://files.example.com/" + "a" * 9000,
    ],
)
def test_what_parsers_might_read_differently_is_refused(url: str) -> None:
    """Other schemes, users, control and foreign characters, broken hosts and ports."""
    with pytest.raises(DownloadRefused):
        parse_target(url)

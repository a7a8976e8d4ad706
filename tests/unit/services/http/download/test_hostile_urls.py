"""Hostile links: refused for good, and nothing is ever connected."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from concept_worker.errors import DownloadRefused

HOST = "files.example.com"

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
    "http://files.example.com:443/a.png",
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
def test_hostile_urls_never_connect(scripted: Any, downloader: Any, url: str, listed: bool) -> None:
    """Refused for good and without a connection, even when the host's name is on the list by mistake."""
    net = scripted()
    hosts = {HOST, host_as_read(url)} if listed else {"other.example.org"}
    with pytest.raises(DownloadRefused) as caught:
        downloader(net, *hosts).download(url)
    assert net.connected == []
    assert url not in str(caught.value)


def test_there_are_at_least_forty_hostile_urls() -> None:
    """The list above does not shrink unnoticed."""
    assert len(set(HOSTILE)) >= 40

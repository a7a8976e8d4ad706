"""The hosts and addresses that a download may reach: names from a list, and public addresses only."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from concept_worker.errors import DownloadRefused
from concept_worker.redaction import without_text

REFUSED = "This image link is not one we download from."

MAX_URL = 8192  # characters; signed links are long, but not that long

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""A function that returns a host name's addresses, as text, for a port; raises OSError when there are none."""

_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_PRINTABLE = re.compile(r"[!-~]+")

# `is_global` calls some of these public; which ones depends on the Python version.
_NEVER_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3")
)
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
# Protocol assignments (with Teredo), documentation, 6to4, documentation again: inside 2000::/3, but not public.
_NEVER_V6 = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_ISATAP = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))  # bytes 8 to 11 of an address that wraps an IPv4 one


@dataclass(frozen=True)
class Target:
    """A destination of one hop of a download, parsed once and never again."""

    scheme: str  # "https" or "http"
    host: str  # a name in lower case, or an address without brackets
    port: int
    path: str  # with the query, so a secret


def parse_target(url: str) -> Target:
    """Parse `url` strictly: refuse what two parsers might read differently.

    Raises:
        DownloadRefused: it is no absolute http(s) URL of plain printable characters, or it carries a user.
    """
    if len(url) > MAX_URL or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise DownloadRefused(REFUSED)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise without_text(DownloadRefused(REFUSED), exc) from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _is_host(host):
        raise DownloadRefused(REFUSED)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    default = 443 if parts.scheme == "https" else 80
    return Target(parts.scheme, host, default if port is None else port, path)


def _is_host(host: str) -> bool:
    # A percent sign in an address names a network interface of this machine.
    return bool(_NAME.fullmatch(host)) or ("%" not in host and _as_address(host) is not None)


class HostList:
    """A list of allowed host names: `files.example.com` itself, or `*.example.com` for every name below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        cleaned = {pattern.strip().lower().rstrip(".").strip("[]") for pattern in patterns} - {""}
        self._names = frozenset(pattern for pattern in cleaned if not pattern.startswith("*."))
        self._suffixes = tuple(pattern[1:] for pattern in cleaned if pattern.startswith("*."))

    def __contains__(self, host: object) -> bool:
        if not isinstance(host, str):
            return False
        below = any(host.endswith(suffix) and host != suffix[1:] for suffix in self._suffixes)
        return host in self._names or (below and _as_address(host) is None)


def is_public(address: Address) -> bool:
    """Return whether `address` is on the public internet and wraps no other address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _NEVER_V4)
    return (
        address.scope_id is None
        and address in _UNICAST_V6
        and address.is_global
        and address.packed[8:12] not in _ISATAP
        and not any(address in network for network in _NEVER_V6)
    )


def public_addresses(answers: Sequence[str]) -> list[str]:
    """Return a resolver's `answers` if all of them are public.

    Raises:
        DownloadRefused: an answer is private or no address, or there are no answers.
    """
    addresses = [_as_address(answer) for answer in answers]
    if not addresses or not all(address is not None and is_public(address) for address in addresses):
        raise DownloadRefused(REFUSED)
    return [str(address) for address in addresses]


def resolve_host(host: str, port: int) -> list[str]:
    """Ask the system's resolver; return each address once, in the resolver's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _as_address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None

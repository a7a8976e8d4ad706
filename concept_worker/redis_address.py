"""The address of a Redis, parsed into a plain address and TLS options for redis-py, kombu and Celery's results."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

_SCHEMES = ("redis://", "rediss://")
_CERT_REQS = {
    word: name for name in ("required", "optional", "none") for word in (name, f"cert_{name}", f"CERT_{name.upper()}")
}
_SWITCH = {"true": True, "false": False}
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_PARAMETERS = ("ssl_cert_reqs", "ssl_check_hostname", *_FILES)
_ONE = "; name one server, the one that takes writes: the stable address of your host, or a proxy in front of it"


@dataclass(frozen=True)
class RedisAddress:
    """An address without its query, and its TLS options under redis-py's names, which kombu and Celery pass on.

    The options are separate because kombu, Celery's results and Flower read different parts of a query. Without
    options, kombu would check no certificate, and Celery's results would not start.
    """

    url: str
    tls: Mapping[str, str | bool] = field(default_factory=dict)  # empty: no TLS

    @classmethod
    def parse(cls, text: str) -> RedisAddress:
        """Parse an address. The server's certificate is checked unless the address says `ssl_cert_reqs=none`.

        Raises:
            ValueError: we cannot use the address; says why and names the mend, but repeats no part of the address.
        """
        trouble = several_servers(text) or _trouble(text)
        if trouble:
            raise ValueError(trouble)
        parts = urlsplit(text)
        database = parts.path.strip("/") or "0"
        url = f"{parts.scheme}://{parts.netloc}/{database}"
        return cls(url, _options(dict(parse_qsl(parts.query))) if parts.scheme == "rediss" else {})


@dataclass(frozen=True)
class RedisPlace:
    """A Redis with its role (broker, results or staging), the setting that names it, and our keys' prefix there."""

    role: str
    setting: str
    url: str
    prefix: str = ""


def several_servers(url: str) -> str | None:
    """Say why an address names no single server, and the mend; return None when it names one."""
    scheme, mark, rest = url.partition("://")
    if mark and "sentinel" in scheme.lower():
        return f"is a Sentinel address, which is not supported{_ONE}"
    if mark and "cluster" in scheme.lower():
        return f"is the address of a cluster, which Celery cannot use{_ONE}"
    if "://" in rest or any(sign in rest.rpartition("@")[2].partition("/")[0] for sign in ",;"):
        return f"names several servers{_ONE}"
    return None


def with_authority(url: str, ca_file: str) -> str:
    """Add this file of certificate authorities to an address that uses TLS and names no such file."""
    if not ca_file or not url.startswith("rediss://") or "ssl_ca_certs=" in urlsplit(url).query:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={quote(ca_file, safe='')}"


def files_trouble(tls: Mapping[str, str | bool]) -> str | None:
    """Say which file of the TLS options cannot be used; return None when all can."""
    named = {name: str(tls[name]) for name in _FILES if name in tls}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the system's authorities, which are slow to load
    try:
        if "ssl_ca_certs" in named:
            context.load_verify_locations(cafile=named["ssl_ca_certs"])
    except (OSError, ValueError):
        return "ssl_ca_certs names no file of certificates (PEM) that can be read"
    try:
        if "ssl_certfile" in named or "ssl_keyfile" in named:
            context.load_cert_chain(named.get("ssl_certfile", ""), named.get("ssl_keyfile"), password="")
    except (OSError, ValueError):
        return "ssl_certfile and ssl_keyfile name no certificate with its key, without a password, that can be read"
    return None


def _options(query: Mapping[str, str]) -> Mapping[str, str | bool]:
    cert_reqs = _CERT_REQS[query.get("ssl_cert_reqs", "required")]
    checks = _SWITCH[query.get("ssl_check_hostname", "true").lower()] and cert_reqs != "none"
    files = {name: query[name] for name in _FILES if name in query}
    return {"ssl_cert_reqs": cert_reqs, "ssl_check_hostname": checks, **files}


def _trouble(url: str) -> str | None:
    if not url.startswith(_SCHEMES):
        return "must begin with redis://, or with rediss:// for TLS"
    parts = urlsplit(url)
    if not parts.hostname:
        return "names no host; it looks like redis://:PASSWORD@HOST:6379/0"
    database = parts.path.strip("/")
    if database and not (database.isascii() and database.isdecimal()):
        return "must end with the number of a database, as in /0"
    return next(_query_troubles(parts.scheme, parse_qsl(parts.query, keep_blank_values=True)), None)


def _query_troubles(scheme: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    known = f"these are known: {', '.join(_PARAMETERS)}"
    for name, value in pairs:
        if name not in _PARAMETERS:
            yield f"has a parameter behind ? that is not known; {known}; a database is named as /0, TLS by rediss://"
        elif scheme == "redis":
            yield f"has {name}, which is for TLS; write rediss://, or leave it out"
        elif name == "ssl_cert_reqs" and value not in _CERT_REQS:
            yield "has an ssl_cert_reqs that is not known; write required (the default), optional or none"
        elif name == "ssl_check_hostname" and value.lower() not in _SWITCH:
            yield "has an ssl_check_hostname that is not known; write true (the default) or false"
    if len(dict(pairs)) < len(pairs):
        yield "has a parameter twice; leave one out"

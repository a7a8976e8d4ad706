"""The types of settings that are addresses or files: checked when they are read, with the mend in the error."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from concept_worker.redis_address import RedisAddress, files_trouble, several_servers


def _readable_url(url: str) -> str:
    """Return an address that can be read in one way only.

    Raises:
        ValueError: the address is ambiguous or broken; the message repeats no part of the address.
    """
    try:
        parts = urlsplit(url)
        is_clear = "@" not in f"{parts.path}{parts.query}{parts.fragment}" and parts.port != 0
    except ValueError:
        is_clear = False
    if not is_clear:
        raise ValueError(
            "is no address that can be read; write / ? # @ : of its password as %2F %3F %23 %40 %3A"
        ) from None
    return url


def _one_server(url: str) -> str:
    trouble = several_servers(url)
    if trouble:
        raise ValueError(trouble)
    return url


def _redis_url(url: str) -> str:
    trouble = files_trouble(RedisAddress.parse(url).tls) if url else None
    if trouble:
        raise ValueError(trouble)
    return url


def _authorities(path: str) -> str:
    if path and files_trouble({"ssl_ca_certs": path}):
        raise ValueError("names no file of certificates (PEM) that can be read")
    return path


Url = Annotated[str, AfterValidator(_readable_url)]
AuthoritiesFile = Annotated[str, AfterValidator(_authorities)]
RedisUrl = Annotated[str, AfterValidator(_one_server), AfterValidator(_readable_url), AfterValidator(_redis_url)]

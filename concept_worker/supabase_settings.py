"""The check of a Supabase project's address and key: what is wrong with them, and the mend."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

_PLAIN = re.compile(r"""[!#-&(-~]+""")  # printable ASCII without spaces, and without quotes (`docker --env-file`)
_DASHBOARDS = frozenset({"supabase.com", "www.supabase.com", "app.supabase.com", "app.supabase.io"})
_SERVICES = re.compile(r"/(rest|storage|auth|realtime|functions)/v1\b")
_EXAMPLE = "it looks like https://PROJECT.supabase.co"


def project_name(url: str) -> str:
    """Return the reference of the hosted project at the readable `url`; an empty text for any other address."""
    project, _, rest = (urlsplit(url).hostname or "").partition(".")
    return project if rest == "supabase.co" else ""


def address_trouble(url: str) -> str | None:
    """Say why the readable `url` is no project's address, and the mend; return None when it may be one."""
    if not _PLAIN.fullmatch(url):
        return f"SUPABASE_URL has quotes, spaces or other characters that no address has; {_EXAMPLE}"
    trouble = _part_trouble(url, urlsplit(url))
    return f"SUPABASE_URL {trouble}; {_EXAMPLE}" if trouble else None


def key_trouble(key: str, url: str) -> str | None:
    """Say why `key` cannot be the secret key of the project at `url`, and the mend; return None when it can."""
    if not _PLAIN.fullmatch(key):
        return "SUPABASE_SECRET_KEY has quotes, spaces or other characters that no key has; copy it again"
    claims = _claims(key)
    if key.startswith("sb_publishable_") or claims.get("role") in ("anon", "authenticated"):
        return "SUPABASE_SECRET_KEY is a public key, which may not do a worker's work; take the secret key"
    project = project_name(url)
    if project and claims.get("ref", project) != project:
        return "SUPABASE_SECRET_KEY is the key of another project than SUPABASE_URL; take both from one project"
    return None


def _claims(key: str) -> Mapping[str, Any]:
    """Return the unverified claims of a legacy key, which is a JWT; return no claims for other keys."""
    try:
        _, payload, _ = key.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _part_trouble(url: str, parts: SplitResult) -> str | None:
    if not url.startswith(("http://", "https://")):
        return "must begin with https:// (or http:// on this machine)"
    if not parts.hostname:
        return "names no host"
    if parts.username is not None or parts.query or parts.fragment:
        return "must have no user, query or fragment"
    if parts.hostname in _DASHBOARDS:
        return "is the dashboard's address; take the project's own"
    found = _SERVICES.search(parts.path)
    if found:
        return f"must end before {found.group()}"
    return _hosted_trouble(parts) if parts.hostname.endswith(".supabase.co") else None


def _hosted_trouble(parts: SplitResult) -> str | None:
    """Say what is wrong with a hosted project's address; a self-hosted address is not checked so strictly."""
    host = parts.hostname or ""
    if host.startswith("db.") and host.count(".") == 3:
        return "is the database's address; leave out db."
    if parts.scheme != "https":
        return "must begin with https://, or the key is readable on its way"
    return "must end behind the host" if parts.path.strip("/") else None

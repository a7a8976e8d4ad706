"""Differences between servers of OpenAI's images wire: fields that they take, authentication, hosts of links.

The host of the base address selects a profile; the settings may change single fields. Sources: the vendors' references
and SDKs of November 2026, listed in `docs/providers.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from concept_worker.settings import Settings

NOT_SENT = "none"  # a setting of this value omits its field

_LEAST_PIXELS, _MOST_PIXELS = 655_360, 8_294_400  # of GPT image models from 2 on
_FIXED_SIDES = (1024,)  # of older models; their other two sizes are no squares
# Patterns of a model's name without its vendor ("openai/gpt-image-2").
_FAMILY = re.compile(r"gpt-image-(\d+)")
_OLD_FAMILY = re.compile(r"gpt-image-1|chatgpt-image|dall-e-3")


@dataclass(frozen=True)
class Profile:
    """A vendor's variant of the wire. `fields` are sent with each picture, after model, prompt, n and size."""

    vendor: str
    sends_size: bool = True
    fields: Mapping[str, str] = field(default_factory=dict)
    auth_header: str = "authorization"  # "authorization": Bearer before the key; another name: the key alone
    link_hosts: tuple[str, ...] = ()

    @property
    def wants_key(self) -> bool:
        """True for a vendor's server; self-hosted servers often need no key."""
        return self.vendor != _ANY.vendor

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers that carry the key, or none without a key."""
        if not key:
            return {}
        return {self.auth_header: f"Bearer {key}" if self.auth_header == "authorization" else key}


_OPENAI = Profile("openai", fields={"output_format": "png"})
_AZURE = Profile("azure", fields={"output_format": "png"}, auth_header="api-key")
_ANY = Profile("openai-compatible")
_BY_HOST: tuple[tuple[str, Profile], ...] = (
    ("api.openai.com", _OPENAI),
    (".openai.azure.com", _AZURE),
    (".cognitiveservices.azure.com", _AZURE),
    (".services.ai.azure.com", _AZURE),
    # The next three send a link by default; base64 saves the second request.
    (
        "api.x.ai",
        Profile("xai", False, {"response_format": "b64_json", "aspect_ratio": "1:1"}, link_hosts=("imgen.x.ai",)),
    ),
    (
        "external.api.recraft.ai",
        Profile("recraft", True, {"response_format": "b64_json"}, link_hosts=("img.recraft.ai",)),
    ),
    ("api.together.xyz", Profile("together", False, {"response_format": "base64"}, link_hosts=("api.together.ai",))),
    ("api.together.ai", Profile("together", False, {"response_format": "base64"}, link_hosts=("api.together.ai",))),
)


def profile_of(settings: Settings) -> Profile:
    """Return the profile of the settings' base address, with the fields that the settings change."""
    known = known_profile(settings.openai_base_url)
    fields = dict(known.fields)
    for name in ("quality", "background", "output_format", "response_format"):
        value = getattr(settings, f"openai_{name}")
        if value == NOT_SENT:
            fields.pop(name, None)
        elif value:
            fields[name] = value
    sends_size = settings.openai_size != NOT_SENT and (known.sends_size or bool(settings.openai_size))
    auth_header = settings.openai_auth_header.lower() or known.auth_header
    return replace(known, fields=fields, sends_size=sends_size, auth_header=auth_header)


def known_profile(base_url: str) -> Profile:
    """Return the profile of a host; for an unknown host, the plain wire."""
    host = (urlsplit(base_url).hostname or "").lower()
    for name, profile in _BY_HOST:
        if host == name or (name.startswith(".") and host.endswith(name)):
            return profile
    return _ANY


def size_trouble(model: str, side: int) -> str | None:
    """Explain, with the mend, why a model draws no square of this side (pixels); return None when it may.

    Limits: OpenAI's and Azure's image references, November 2026. An unknown model is not judged.
    """
    name = model.rpartition("/")[2]
    if _OLD_FAMILY.fullmatch(name) or _old_variant(name):
        if side not in _FIXED_SIDES:
            return f"CONCEPT_IMAGE_SIZE: {model} draws squares of 1024 pixels only, not of {side}; set it to 1024"
        return None
    if not _FAMILY.match(name):
        return None
    if not _LEAST_PIXELS <= side * side <= _MOST_PIXELS or side % 16:
        return f"CONCEPT_IMAGE_SIZE: {model} draws squares of 816 to 2880 pixels in steps of 16, not of {side}"
    return None


def _old_variant(name: str) -> bool:
    """Return whether the name is gpt-image-1, -1-mini, -1.5 or one of their dated names."""
    found = _FAMILY.match(name)
    return found is not None and int(found[1]) < 2

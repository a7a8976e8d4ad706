"""Colour profiles of unknown origin, without the tags that cost LittleCMS too much time."""

from __future__ import annotations

import struct

_TAGS_AT = 128  # behind the header: a count, then 12 bytes a tag (ICC.1, 7.3)
_MOST_TAGS = 100  # LittleCMS reads no more
# Tags for chains of any length ("multiProcessElements"): 480 kB of them keep LittleCMS busy for 76 s. Profiles of
# displays and cameras have the ordinary tags, too, and no browser reads the chains.
_CHAINS = (b"D2B", b"B2D")
_UNKNOWN = b"none"


def without_chains(profile: bytes) -> bytes:
    """Rename the profile's tags for chains of elements to a tag that LittleCMS does not know."""
    if len(profile) < _TAGS_AT + 4:
        return profile
    tamed = bytearray(profile)
    (count,) = struct.unpack_from(">I", profile, _TAGS_AT)
    for at in range(_TAGS_AT + 4, _TAGS_AT + 4 + 12 * min(count, _MOST_TAGS), 12):
        if profile[at : at + 3] in _CHAINS:
            tamed[at : at + 4] = _UNKNOWN
    return bytes(tamed)

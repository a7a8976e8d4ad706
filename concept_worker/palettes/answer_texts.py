"""A model's text to what may be palettes: without its thinking, out of its code fences, as JSON or as lines."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from concept_worker.palettes.nearly_json import json_text, nearly_whole_values, whole_values
from concept_worker.palettes.prose import heading_of, palettes_in_prose

Labelled = tuple[str, object]
"""The heading above a value of an answer, and the value."""
Bodies = list[tuple[str, str]]
"""Texts under their headings."""
Rivals = list[list[Labelled]]
"""Readings of the same words, of which the one with most palettes is right."""

_STRINGS_MAX = 3  # JSON strings around a text
_FENCES_MAX = 200
_THOUGHT = re.compile(r"</(?:think|thinking|thought|reasoning|reflection|analysis)\s?>", re.I)
_TAG = re.compile(r"<[^<>\n]{1,80}>")
_WIDE = str.maketrans("，：［］｛｝＂\xa0", ',:[]{}" ')
_FENCE = re.compile(r"(?:```|~~~)[a-zA-Z0-9]{0,12}")


def readings_of(text: str) -> Iterator[Iterator[Rivals]]:
    """Parts of a text, the most faithful first, each in ways to read it.

    JSON comes before lines, and the thinking before an answer only when the answer itself says nothing.
    """
    text = text.lstrip("\ufeff")
    for _ in range(_STRINGS_MAX):
        inner = json_text(text)
        if inner is None:
            break
        text = inner
    *thoughts, answer = _THOUGHT.split(text)
    if thoughts and text.lstrip()[:1] in ("{", "["):  # the mark may stand inside of a description
        yield iter([[[("", value) for value in whole_values(text)[0]]]])
    for part in [answer, text] if thoughts else [answer]:
        yield _readings_of_part(part)


def _readings_of_part(text: str) -> Iterator[Rivals]:
    yield _json_readings(text)
    yield [[("", entry) for entry in palettes_in_prose(_TAG.sub(" | ", text))]]


def _json_readings(text: str) -> Rivals:
    """The values of the text as JSON; when some of it is broken, also without its escapes, and as nearly JSON."""
    bodies = _bodies(text)
    strict, is_whole = _strict_values(bodies)
    if is_whole:
        return [strict]
    plain = html.unescape(text).translate(_WIDE).replace('\\"', '"')
    plain_bodies = _bodies(plain) if plain != text else []
    return [strict, _strict_values(plain_bodies)[0], _nearly_values(bodies), _nearly_values(plain_bodies)]


def _strict_values(bodies: Bodies) -> tuple[list[Labelled], bool]:
    read = [(label, *whole_values(body)) for label, body in bodies]
    return [(label, value) for label, values, _ in read for value in values], all(is_whole for *_, is_whole in read)


def _nearly_values(bodies: Bodies) -> list[Labelled]:
    return [(label, value) for label, body in bodies for value in nearly_whole_values(body)]


def _bodies(text: str) -> Bodies:
    """The insides of all code fences under their headings; the text as it is when none has a bracket."""
    parts = _FENCE.split(text, maxsplit=2 * _FENCES_MAX)
    fenced = [(heading_of(parts[at - 1]), parts[at]) for at in range(1, len(parts), 2)]
    return [(label, body) for label, body in fenced if "{" in body or "[" in body] or [("", text)]

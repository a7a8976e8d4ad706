"""A model's text, reduced to what may be palettes: without reasoning, out of its code fences, as JSON or as lines."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from concept_worker.palettes.nearly_json import json_text, nearly_whole_values, whole_values
from concept_worker.palettes.prose import heading_of, palettes_in_prose

Labelled = tuple[str, object]
"""A heading in an answer, and the value below it."""
Bodies = list[tuple[str, str]]
"""Headings, each with the text below it."""
Rivals = list[list[Labelled]]
"""Readings of the same text; the reading with most palettes is right."""

_STRINGS_MAX = 3  # JSON strings around a text
_FENCES_MAX = 200
_THOUGHT = re.compile(r"</(?:think|thinking|thought|reasoning|reflection|analysis)\s?>", re.I)
_TAG = re.compile(r"<[^<>\n]{1,80}>")
_WIDE = str.maketrans("，：［］｛｝＂\xa0", ',:[]{}" ')
_FENCE = re.compile(r"(?:```|~~~)[a-zA-Z0-9]{0,12}")


def readings_of(text: str) -> Iterator[Iterator[Rivals]]:
    """Yield the parts of a text, each as readings, the most faithful first.

    JSON comes before lines. The reasoning before an answer is read only when the answer itself has no palettes.
    """
    text = text.lstrip("\ufeff")
    for _ in range(_STRINGS_MAX):
        inner = json_text(text)
        if inner is None:
            break
        text = inner
    *thoughts, answer = _THOUGHT.split(text)
    if thoughts and text.lstrip()[:1] in ("{", "["):  # the mark may be inside a description
        yield iter([[[("", value) for value in whole_values(text)[0]]]])
    for part in [answer, text] if thoughts else [answer]:
        yield _readings_of_part(part)


def _readings_of_part(text: str) -> Iterator[Rivals]:
    yield _json_readings(text)
    yield [[("", entry) for entry in palettes_in_prose(_TAG.sub(" | ", text))]]


def _json_readings(text: str) -> Rivals:
    """Read the text as JSON; when a part is broken, read it also without its escapes, and as nearly JSON."""
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
    """Return the contents of all code fences with their headings, or the whole text when no fence has a bracket."""
    parts = _FENCE.split(text, maxsplit=2 * _FENCES_MAX)
    fenced = [(heading_of(parts[at - 1]), parts[at]) for at in range(1, len(parts), 2)]
    return [(label, body) for label, body in fenced if "{" in body or "[" in body] or [("", text)]

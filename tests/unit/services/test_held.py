"""What hostile answers cost a worker of threads: no parser of them may keep the others from their leases.

The bound is five times what is aimed at (100 ms), for machines that are slow or busy.
`python -m tests.unit.services.test_held` prints the figures.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from concept_worker.models import Palette
from concept_worker.palettes.harmony import harmonize
from concept_worker.palettes.repair import repair_palettes
from concept_worker.services.http.addresses import parse_target
from concept_worker.services.http.bodies import ESCAPES_MAX, VALUES_MAX, decode_base64, parse_json, unpacked
from concept_worker.services.http.waits import retry_after_seconds
from concept_worker.services.providers.openai_images import wire
from tests.interpreter import held_by

LONGEST = 0.5  # seconds
MOST = 26_700_000  # bytes of an answer that carries the largest picture as base64
TEXT = base64.b64encode(bytes(range(256)) * 78_000)
BLANKS = " " * 60
ROLES = ["#111111", "#222222", "#333333", "#444444", "#555555"]
FIELDS = ("colors", "colours", "palette", "hex", "hex_codes", "swatches", "values")

BODIES: dict[str, Callable[[], bytes]] = {
    "one picture": lambda: b'{"d":"' + TEXT + b'"}',
    "lists": lambda: b"[" + b"[]," * (MOST // 3) + b"1]",
    "commas": lambda: b"," * MOST,
    "blanks": lambda: b" " * MOST + b"1",
    "inner blanks": lambda: b"[" + b" " * MOST + b"]",
    "escapes": lambda: b'"' + b"\\n" * (MOST // 2) + b'"',
    "some escapes": lambda: b'"' + b"\\n" * ESCAPES_MAX + b'"',
    "code points": lambda: b'"' + b"\\u20ac" * (MOST // 6) + b'"',
    "emoji": lambda: ('"' + "😀" * (MOST // 4) + '"').encode(),
    "digits": lambda: b"1" * MOST,
    "decimals": lambda: b"1." + b"1" * MOST,
    "exponent": lambda: b"1e" + b"1" * MOST,
    "deep": lambda: b"[" * VALUES_MAX,
    "fields": lambda: b"{" + b",".join(b'"k%d":1' % number for number in range(VALUES_MAX // 2)) + b"}",
}
TEXTS: dict[str, Callable[[], str]] = {
    "honest": TEXT.decode,
    "blanks": lambda: " " * MOST,
    "blanks between": lambda: "A " * (MOST // 2),
    "padding": lambda: "=" * MOST,
    "beyond ASCII": lambda: "Ä" * MOST,
}
ANSWERS: dict[str, object] = {
    "blanks in rgb": [[f"rgb( 1{BLANKS}1{BLANKS}1{BLANKS}x"] * 200] * 47,
    "open rgb": [["rgb(" * 50] * 200] * 40,
    "digits in rgb": [["rgb(" + "1" * 60 + ")"] * 200] * 40,
    "blanks before a hash": [dict.fromkeys(FIELDS, " " * 2000)] * 130,
    "hashes": [["#" * 200] * 200] * 40,
    "braces": "{" * 1_900_000,
    "quoted braces": '{"' * 900_000,
    "open objects": '{"a":' * 380_000,
    "open lists": "[{" + '"a":1,' * 270_000,
    "objects in a cut list": "[{}," * 230_000,
    "fences": "```" * 600_000,
    "fence and blanks": "```" + " " * 1_900_000,
    "fence and letters": "```" + "a" * 1_900_000,
    "texts of braces": ["{" * 9_000] * 200,
    "invisible names": [{"name": "\u202e" * 9_000, "colors": ROLES}] * 200,
    "one name": [{"name": "x", "colors": [f"#{5 * n + i:06x}" for i in range(5)]} for n in range(200)],
    "many fields": [{f"k{n} " * 10: " " * 10 for n in range(VALUES_MAX // 20)}] * 10,
    "broken keys": '[{"' * 160_000 + "x]",
    "quotes in quotes": '["' + '"a' * 245_000 + "x]",
    "quotes and blanks": '["' + '",  ' * 122_000 + "x]",
    "mixed quotes": "[" + "\"a' " * 120_000 + "x]",
    "smart quotes": "[“" * 245_000 + "x]",
    "backslashes": '["' + "\\" * 490_000 + "x]",
    "comments": "[" + "/*" * 245_000 + "x]",
    "bare words": "[" + "a (b" * 122_000 + "x]",
    "commas": "[" + "," * 490_000 + "]",
    "unfinished calls": "[" + "(a" * 245_000 + "x]",
    "thoughts": "</think>" * 60_000 + "[",
    "tags": "<" * 490_000,
    "entities": "[" + "&amp;" * 98_000,
    "fences with brackets": "```[{" * 98_000,
    "one line of colors": "#112233 " * 62_000,
    "lines of colors": "#112233 #223344 #334455\n" * 20_000,
    "lines of functions": "rgb(1, 2, 3) " * 38_000,
    "headings": "# a\n#112233 #223344 #334455\n" * 17_000,
    "bold": "**a" * 160_000,
    "lists of texts": ['["' * 10_000] * 200,
    "lines of texts": ["#112233 " * 2_500] * 200,
    "nested wrappers": [[{"a": {"b": {"c": {"d": {"e": 1}}}}}] * 200] * 40,
    "objects of colors": [[{"rgb": {"value": {"color": {"hex": "x" * 200}}}}] * 200] * 40,
    "marks on a letter": [{"name": "a" + "\u0301" * 9_000, "colors": ROLES}] * 200,
    "text in text": json.dumps(json.dumps(json.dumps(json.dumps({"result": "x" * 100_000})))),
}


def no_spares() -> Sequence[Palette]:
    """Nothing to take colours from."""
    return ()


def longest(work: Callable[[], object]) -> float:
    """The better of two measurements: a machine that is busy can only make it worse."""
    return min(held_by(work).longest for _ in range(2))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_parsing_json(body: Callable[[], bytes]) -> None:
    """The longest body that is read at all."""
    content = body()
    assert longest(lambda: parse_json(content)) < LONGEST


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_decoding_base64(text: Callable[[], str]) -> None:
    """The longest text such a body can carry."""
    content = text()
    assert longest(lambda: decode_base64(content)) < LONGEST


def test_unpacking_a_bomb() -> None:
    """Up to its limit."""
    packed = gzip.compress(bytes(200_000_000))
    assert longest(lambda: unpacked(packed, "gzip", MOST)) < LONGEST


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_repairing_palettes(answer: object) -> None:
    """Nor a long time in all: one such answer was 71 s in one pattern."""
    held = held_by(lambda: repair_palettes(answer, count=20, spares=no_spares))
    assert held.longest < LONGEST
    assert held.in_all < 20 * LONGEST


@pytest.mark.parametrize("value", [{}, 1, {"b64_json": 1}, {"b64_json": None, "url": []}])
def test_validating_answers(value: object) -> None:
    """As many items as are parsed, right and wrong."""
    items = [value] * VALUES_MAX
    for model, name in ((wire.ImagesAnswer, "data"), (wire.ChatAnswer, "choices")):
        assert longest(partial(model.model_validate, {name: items})) < LONGEST


@pytest.mark.parametrize("text", ["1" * 100_000, "Mon, 1 " * 14_000, "-" * 100_000, ":" * 100_000, "Nov " * 25_000])
def test_reading_headers(text: str) -> None:
    """As long as a header may be; where a redirect leads comes in one too."""
    assert longest(lambda: retry_after_seconds({"retry-after": text, "retry-after-ms": text}, 0.0)) < LONGEST
    assert longest(lambda: parse_target(f"https://{text}")) < LONGEST


@pytest.mark.parametrize("unit", ["a-", "a'", "_", " ", "a", "’-"])
def test_words_of_people(unit: str) -> None:
    """Colour harmony reads what a user wrote: at most 500 characters, and never in more than linear time."""
    costs = [held_by(partial(harmonize, unit * n, unit * n, 7)).in_all for n in (20_000, 40_000)]
    assert costs[1] < max(4 * costs[0], 0.2)


def _print_figures() -> None:
    rows: dict[str, Callable[[], object]] = {
        **{f"JSON: {name}": partial(parse_json, make()) for name, make in BODIES.items()},
        **{f"base64: {name}": partial(decode_base64, make()) for name, make in TEXTS.items()},
        **{
            f"palettes: {name}": partial(repair_palettes, answer, count=20, spares=no_spares)
            for name, answer in ANSWERS.items()
        },
    }
    for name, work in rows.items():
        held = held_by(work)
        print(f"{name:34} {1000 * held.in_all:7.0f} ms of CPU, held for {1000 * held.longest:5.0f} ms")  # noqa: T201


if __name__ == "__main__":
    _print_figures()

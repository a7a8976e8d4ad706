"""JSON, and what language models write instead of it: read in linear time; every complete value is kept.

`json-repair` was considered and rejected: 32,000 characters of `{"` keep it busy for 64 s (4,000 for one), and of
several values in a row it returns only the last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

VALUES_MAX = 200  # top-level values of one text
DEPTH_MAX = 60  # nested containers of nearly-JSON
TOKENS_MAX = 100_000
_READINGS = 4  # times that a broken text is scanned for complete values
_ATTEMPTS = 1_000  # tries to find a complete value

_OPENING = re.compile(r"[{\[]")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|#\s[^\n]*|\.{3}|…|(?<==)>", re.DOTALL)
_BLANK = re.compile(r"\s+")
# A function's brackets are part of the word before them; an apostrophe inside a word is a letter.
_BARE = re.compile(r"[^\s{}\[\](),:=\"'`“„‘](?:[^{}\[\](),:=\"\n]|\([^(){}\[\]\n]{0,80}\)){0,400}")
_AFTER_STRING = r"(?=\s*(?:[:=}\])]|,\s*(?:[\"'`“„‘{\[}\])#/0-9-]|\w{1,30}\s?[:=]|\Z)|/[/*]|\n|\Z)|\s+[\"'“„‘])"
_CLOSING = {
    opening: re.compile(rf"(?<!\\){marks}{_AFTER_STRING}")
    for opening, marks in {'"': '["”]', "'": "'", "`": "`", "“": '[”“"]', "„": '[”“"]', "‘": "[’‘']"}.items()
}
_CALL = re.compile(r"\(\s*\w{1,30}\s?=")
_NOTHING = frozenset(("null", "none", "true", "false", "undefined", "nan"))


def whole_values(text: str) -> tuple[list[object], bool]:
    """Return the objects and lists of strict JSON in a text, and whether all brackets were read.

    Other text may stand between them. Inside a broken value only objects are kept: a list without its object has lost
    its name.
    """
    found: list[object] = []
    is_whole, at, left = True, _next_opening(text, 0), _READINGS * len(text)
    for _ in range(_ATTEMPTS):
        if at < 0 or left <= 0 or len(found) == VALUES_MAX:
            break
        value, end, read = _value_at(text, at)
        if value is not None:
            found.append(value)
        is_whole &= value is not None
        at, left = _next_opening(text, end) if is_whole else text.find("{", end), left - read
    return found, is_whole


def nearly_whole_values(text: str) -> list[object]:
    """Return the objects and lists of a text that is nearly JSON; each value in them is a text, an object or a list.

    The reader accepts extra or missing commas, comments, quotes of any kind, quotes inside quotes, bare words, calls
    with named arguments, and brackets that were never closed. It drops the end of a cut text unless that end is
    complete.
    """
    reader = _Reader()
    for kind, token in islice(_tokens(_without_unfinished_end(text)), TOKENS_MAX):
        reader.take(kind, token)
        if reader.depth > DEPTH_MAX:
            break
    return reader.values


def json_text(value: str) -> str | None:
    """Return the text inside `value` when it is a JSON string, else None."""
    try:
        inner = json.loads(value) if value.lstrip().startswith('"') else None
    except (ValueError, RecursionError):
        return None
    return inner if isinstance(inner, str) else None


def _value_at(text: str, at: int) -> tuple[object, int, int]:
    """Return the value that begins at `at` (None when broken), where to continue, and the count of characters read."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
    except json.JSONDecodeError as exc:
        return None, at + 1, exc.pos - at + 1
    except (ValueError, RecursionError):
        return None, at + 1, len(text)
    return value, end, end - at


def _next_opening(text: str, at: int) -> int:
    found = _OPENING.search(text, at)
    return found.start() if found else -1


def _without_unfinished_end(text: str) -> str:
    closed = max(text.rfind("}"), text.rfind("]")) + 1
    comma = text.rfind(",", closed)
    return text[: comma if comma >= 0 else closed]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield marks (each its own kind), quoted texts (`text`) and bare words (`word`), from the first bracket on."""
    unclosed: set[str] = set()  # quotes without a closing one from here on: each is searched for only once
    at = max(_next_opening(text, 0), 0)
    while at < len(text):
        skipped = _BLANK.match(text, at) or _COMMENT.match(text, at)
        if skipped:
            at = skipped.end()
        elif text[at] in "{}[](),:=":
            yield "{" if _CALL.match(text, at) else text[at], text[at]
            at += 1
        else:
            kind, token, at = _word_at(text, at, unclosed)
            yield kind, token


def _word_at(text: str, at: int, unclosed: set[str]) -> tuple[str, str, int]:
    quote = text[at]
    if quote in _CLOSING and quote not in unclosed:
        closing = _CLOSING[quote].search(text, at + 1)
        if closing:
            return "text", _unescaped(text[at + 1 : closing.start()]), closing.end()
        unclosed.add(quote)
    bare = _BARE.match(text, at)
    return ("word", bare[0].strip(), bare.end()) if bare else ("mark", "", at + 1)


def _unescaped(body: str) -> str:
    try:
        text = json.loads(f'"{body}"', strict=False)
    except ValueError:
        return body.replace('\\"', '"').replace("\\'", "'").replace("\\n", "\n")
    return str(text)


class _Reader:
    """A stack of open containers, the innermost last."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._open: list[dict[str, object] | list[object]] = []
        self._key: str | None = None  # of the next value
        self._held: str | None = None  # a text of an object that may turn out to be a key

    @property
    def depth(self) -> int:
        """The number of open containers."""
        return len(self._open)

    def take(self, kind: str, token: str) -> None:
        """Process one token."""
        if kind in "{[(":
            self._begin({} if kind == "{" else [])
        elif kind in "}])":
            self._end()
        elif kind in ":=":
            self._name()
        elif kind == ",":
            self._key = self._held = None
        elif kind != "mark":
            self._put_text(None if kind == "word" and token.lower() in _NOTHING else token)

    def _begin(self, container: dict[str, object] | list[object]) -> None:
        self._put(container)
        self._open.append(container)
        self._key = self._held = None

    def _end(self) -> None:
        if self._open:
            self._open.pop()
        self._key = self._held = None

    def _name(self) -> None:
        """Use the text before a colon as a key; in a list, drop it."""
        inner = self._open[-1] if self._open else None
        if isinstance(inner, dict) and self._held is not None:
            self._key, self._held = self._held, None
        elif isinstance(inner, list) and inner and isinstance(inner[-1], str):
            inner.pop()

    def _put_text(self, text: str | None) -> None:
        inner = self._open[-1] if self._open else None
        if isinstance(inner, dict) and self._key is None:
            self._held = text
        elif inner is not None:
            self._put(text)

    def _put(self, value: object) -> None:
        inner = self._open[-1] if self._open else self.values
        if isinstance(inner, list):
            inner.append(value)
        elif self._key is not None:
            inner[self._key] = value
            self._key = None
        else:
            inner[" " * len(inner)] = value  # a key of blanks stands for no name

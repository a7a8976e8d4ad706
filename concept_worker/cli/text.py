"""Text of users and providers on a terminal: shown as text, never obeyed."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# What a terminal acts on, or what turns the order of a line: C0 and C1 controls but line break and tabulator, DEL, line
# and paragraph separators, overrides and isolates of the writing direction, lone surrogates, annotation marks.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]")
_SHOWN = "\ufffd"


def printable(text: str) -> str:
    """The text, with a visible mark in place of each character that a terminal would act on."""
    return _ACTING.sub(_SHOWN, text)


def one_line(text: str) -> str:
    """The text without line breaks, which would look like further rows of a list."""
    return " ".join(text.split())


def printable_json(document: str) -> str:
    """The JSON document, with those characters as JSON writes them, so that it says the same.

    None of them is part of JSON outside of a string; inside, JSON escapes only some of them by itself.
    """
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


class Stopped(BaseException):
    """The command is to end: a signal came, or the reader of its output was closed. No `KeyboardInterrupt`: Typer ends
    on that by itself, without a word."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number  # as shells have it


class PlainConsole(Console):
    """A console that takes every string as text: no markup, no emoji names, no links, no control characters.

    What has a style is a `rich.text.Text`. Everything that is printed comes through `render`, tables and progress too.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=True, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of the renderable; the ones that are ours to move the cursor stay as they are."""
        for segment in super().render(renderable, options):
            text = segment.text
            yield segment if segment.control or (text.isascii() and text.isprintable()) else self._plain(segment)

    def on_broken_pipe(self) -> None:
        """End the command; what is still written there goes nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        raise Stopped(signal.SIGPIPE)

    @property
    def is_unicode(self) -> bool:
        """Whether what it writes to takes every character."""
        return self.encoding.startswith("utf")

    def _plain(self, segment: Segment) -> Segment:
        """The segment as text that its stream can write: a letter of another script must not end a list."""
        text = printable(segment.text)
        return Segment(
            text if self.is_unicode else text.encode(self.encoding, "replace").decode(self.encoding), segment.style
        )

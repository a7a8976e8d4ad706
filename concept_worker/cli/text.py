"""Text of users and providers on a terminal: shown as text, never executed as a control sequence."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Characters that a terminal acts on, or that reorder a line: C0 and C1 controls except line break and tabulator, DEL,
# line and paragraph separators, overrides and isolates of the writing direction, lone surrogates, annotation marks.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]")
_SHOWN = "\ufffd"


def printable(text: str) -> str:
    """Return the text with a visible mark in place of each character that a terminal would act on."""
    return _ACTING.sub(_SHOWN, text)


def one_line(text: str) -> str:
    """Return the text without line breaks, which would look like further rows of a list."""
    return " ".join(text.split())


def printable_json(document: str) -> str:
    """Return the JSON document with those characters as JSON escapes; its meaning stays the same.

    Such characters occur in JSON inside of strings only, where JSON itself escapes only some of them.
    """
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


class Stopped(BaseException):
    """A request to end the command: a signal came, or the reader of its output was closed.

    It is no `KeyboardInterrupt`, on which Typer ends silently by itself.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number  # the exit code that shells use


class PlainConsole(Console):
    """A console that prints every string as text: no markup, no emoji names, no links, no control characters.

    Styled output is a `rich.text.Text`. All output passes `render`, including tables and progress bars.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=True, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the renderable's segments as plain text; rich's own segments that move the cursor stay as they are."""
        for segment in super().render(renderable, options):
            text = segment.text
            yield segment if segment.control or (text.isascii() and text.isprintable()) else self._plain(segment)

    def on_broken_pipe(self) -> None:
        """End the command; send all further output to the null device.

        Raises:
            Stopped: always.
        """
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        raise Stopped(signal.SIGPIPE)

    @property
    def is_unicode(self) -> bool:
        """True when the stream can encode every character."""
        return self.encoding.startswith("utf")

    def _plain(self, segment: Segment) -> Segment:
        """Return the segment as text that the stream can encode: a foreign letter must not end the output."""
        text = printable(segment.text)
        return Segment(
            text if self.is_unicode else text.encode(self.encoding, "replace").decode(self.encoding), segment.style
        )

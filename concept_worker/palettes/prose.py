"""Palettes that a model wrote as Markdown, YAML, a table or sentences: lines with colours in digits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

from concept_worker.palettes.roles import role_of
from concept_worker.palettes.written_colors import COLOR_MAX, colors_in, spoken

LINES_MAX = 2_000
LINE_MAX = 2_000  # characters of a line that are read
PALETTES_MAX = 200
_COLORS_MAX = 100  # of one palette
_NAME_MAX = 60
_OWN_LINE = 3  # a line of so many colours is a palette
_FIVE = 5  # colours per palette, when a line has several palettes

Found = tuple[int, int, str]
"""Start and end of a colour in a line, and the colour."""

_BULLET = re.compile(r"\s*(?:[-*+•>]\s+|#{1,6}\s+|[0-9]{1,3}[.)]\s+)?")
_HEADING = re.compile(r"\A\s*(?:#{1,6}\s|[0-9]{1,3}[.)]\s|(?:[-*+•]\s+)?(?:\*\*|__))")
_NUMBERED = re.compile(r"(?:palette|option|scheme|theme)\s?#?[0-9]{1,3}\s?[:.)–—-]\s*", re.I)
_NAMING = re.compile(r"(?:palette\s?)?(?:name|title)\s?[:=]\s*", re.I)
_BOLD = re.compile(r"\*\*([^*]{1,80})\*\*|__([^_]{1,80})__")
_ENDING = re.compile(r"[:=|,;(\[{–—→>-]\W{0,8}\Z")
_CODE = re.compile(r"[{}\[\]<>=\\\"]")
_TALK = re.compile(r"[.!?;]\s*\Z|[.!?;]\s|\b(?:here|sure|below|certainly|these|following)\b", re.I)
_DECORATION = " \t*_`\"'“”‘’|:=,;.([{–—→>-"
_GENERIC = frozenset(
    ("color", "colors", "colour", "colours", "palette", "palettes", "hex", "hexcode", "hexcodes", "swatches", "values")
)
_TEXTS = frozenset(("description", "desc", "mood", "summary"))


@dataclass
class _Draft:
    """A palette whose lines are being read."""

    name: str = ""
    description: str = ""
    colors: dict[str, str] = field(default_factory=dict)  # by the label before them
    is_whole: bool = False  # all of its colours were in one line
    label: str = ""  # of the next colour, when the label has its own line

    def add(self, label: str, color: str) -> None:
        """Add a colour; an empty or repeated label is replaced by a number."""
        label, self.label = label or self.label, ""
        key = label if label and label not in self.colors else f"· {len(self.colors)}"
        if len(self.colors) < _COLORS_MAX:
            self.colors[key] = color


def palettes_in_prose(text: str) -> list[dict[str, object]]:
    """Return `{name, description, colors}` for each palette in the lines of a text."""
    drafts = [_Draft()]
    for line in islice(text.splitlines(), LINES_MAX):
        if len(drafts) > PALETTES_MAX:
            break
        _read(line[:LINE_MAX], drafts)
    return [
        {"name": draft.name, "description": draft.description, "colors": draft.colors}
        for draft in drafts
        if draft.colors
    ]


def heading_of(text: str) -> str:
    """Return the name in the last line of a text, when that line is a heading; else an empty text."""
    line = text[-LINE_MAX:].rstrip().rpartition("\n")[2]
    return _name_in(line) if _HEADING.match(line) else ""


def _read(line: str, drafts: list[_Draft]) -> None:
    """Add a line to the last draft, or begin a new draft with it."""
    found = list(islice(colors_in(line), _COLORS_MAX))
    if len(found) >= _OWN_LINE:
        _read_palettes(line, found, drafts)
    elif found:
        for start, _, color in found:
            drafts[-1].add(_label(line[:start]), color)
    else:
        _read_words(line, drafts)


def _read_palettes(line: str, found: list[Found], drafts: list[_Draft]) -> None:
    """Add a palette, or one for each five colours when the line has a multiple of five."""
    size = _FIVE if len(found) % _FIVE == 0 else len(found)
    for at in range(0, len(found), size):
        _begin(drafts, _name_before(line[found[at - 1][1] if at else 0 : found[at][0]]))
        for _, _, color in found[at : at + size]:
            drafts[-1].add("", color)
        drafts[-1].is_whole = True


def _begin(drafts: list[_Draft], name: str) -> None:
    """Begin a draft; if the last one still has no colours, use and name that one."""
    if drafts[-1].colors:
        drafts.append(_Draft(name))
    elif name:
        drafts[-1].name = name


def _read_words(line: str, drafts: list[_Draft]) -> None:
    """Use a line without colours as a name, as a description, or not at all."""
    words = _BULLET.sub("", line, count=1)
    key, _, rest = words.replace("*", "").partition(":")
    if spoken(key) in _TEXTS and rest.strip():
        drafts[-1].description = rest.strip()
    elif (name := _name_in(line)) and role_of(name) is not None:
        drafts[-1].label = name
    elif name and (_is_heading(line, words) or _is_title(line, words, drafts[-1])):
        _begin(drafts, name)


def _is_heading(line: str, words: str) -> bool:
    plain = words.lstrip("*_\"'")
    return bool(_HEADING.match(line) or _NAMING.match(plain) or _NUMBERED.match(plain))


def _is_title(line: str, words: str, draft: _Draft) -> bool:
    """Return whether a short line is the title of the next lines, `Fjord:` or `Fjord`.

    Between two colours the line may be anything, so it is no title.
    """
    if line.lstrip().startswith("|") or _TALK.search(words):
        return False
    return draft.is_whole or len(draft.colors) >= _FIVE or (not draft.colors and not draft.name)


def _name_in(line: str) -> str:
    """Return the name in a heading: `### 1. **Fjord** – cold water`, `Palette 2: Fjord`, `name: Fjord`."""
    words = _BULLET.sub("", _BULLET.sub("", line, count=1), count=1)
    bold = _BOLD.search(words)
    name = (bold[1] or bold[2]) if bold and not _NAMING.match(bold[1] or bold[2]) else words.replace("**", "")
    for prefix in (_NAMING, _NUMBERED):
        name = prefix.sub("", name.strip(_DECORATION), count=1)
    name = re.split(r"\s[–—-]\s", name, maxsplit=1)[0].strip(_DECORATION)
    is_odd = len(name) > _NAME_MAX or _CODE.search(name) or spoken(name) in _GENERIC
    return "" if is_odd else name


def _name_before(words: str) -> str:
    """Return the name before the first colour of a line; a sentence is no name."""
    cells = [cell for cell in words.split("|") if re.search(r"[^\W\d]", cell)]
    if "|" in words:
        return _name_in(cells[0]) if cells else ""
    is_name = len(words) <= LINE_MAX and (_BOLD.search(words) or _ENDING.search(words.rstrip(" #`\"'")))
    return _name_in(words) if is_name else ""


def _label(words: str) -> str:
    """Return the label of a colour: `- **Primary**: `."""
    label = _BULLET.sub("", words[-COLOR_MAX:], count=1).strip(_DECORATION)
    return label if len(label) <= _NAME_MAX else ""

"""Valid palettes from any answer of a language model: five distinct colours, one for each role.

Nothing in an answer is trusted, and nothing usable is lost. Each entry is judged alone. An unreadable colour is
replaced from a spare palette. An entry with too few colours of its own is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from concept_worker.models import PALETTE_ROLES, Palette, PaletteSource
from concept_worker.palettes.answer_texts import Labelled, readings_of
from concept_worker.palettes.names import described, own_name
from concept_worker.palettes.roles import role_of
from concept_worker.palettes.written_colors import (
    COLOR_MAX,
    colors_in,
    parse_color,
    spoken,
    spoken_fields,
    without_commas,
)

ROLES = len(PALETTE_ROLES)
OWN_COLORS = 3  # distinct colours that an entry needs to count as the provider's
DEPTH_MAX = 4  # wrappers around the list of palettes, or around one list of colours
ENTRIES_MAX = 200  # read in one answer; a model in a loop must not keep a worker busy
TEXT_MAX = 500_000  # characters of an answer that are read
_ENTRY_MAX = 20_000  # characters of one palette in text form
_WRAPPER_MAX = 5  # fields of an object around one palette of a list
_COLORS_TEXT_MAX = 2_000  # characters of a text that lists colours

Spares = Callable[[], Sequence[Palette]]
"""A source of palettes of five colours that replace missing colours; called only when a colour is missing."""

# Names of fields, in lower case and without `_`, `-` and blanks.
_NAME_KEYS = ("name", "palettename", "title", "palettetitle", "label", "theme", "themename")
_DESCRIPTION_KEYS = ("description", "desc", "summary", "mood")
_COLOR_KEYS = (
    *("colors", "colours", "palette", "colorpalette", "colourpalette", "colorscheme", "hex", "hexes", "hexcodes"),
    *("hexcolors", "hexcolours", "hexvalues", "colorcodes", "colorlist", "swatches", "shades", "values"),
)
_LIST_KEYS = (
    *("palettes", "colorpalettes", "colourpalettes", "palettelist", "schemes", "colorschemes", "result", "results"),
    *("data", "items", "output", "answer", "response"),
)
_ROLE_KEYS = ("role", "usage", "type")

_BETWEEN_COLORS = re.compile(r"[,;|/\n]+|(?<!\s)\s+(?=#)|→|\band\b")
_SHORT_DIGITS = re.compile(r"[0-9a-fA-F]{3}")
_LAST_RESORT = ("#1A1A1A", "#4D4D4D", "#808080", "#F5F5F5", "#B3B3B3", "#000000", "#333333", "#CCCCCC", "#FFFFFF")


def repair_palettes(answer: object, *, count: int, spares: Spares) -> list[Palette]:
    """Return at most `count` palettes from a model's `answer` (parsed JSON, or text that holds some), in its order.

    Each has five distinct colours by role and its own name. The list may be shorter than `count`, or empty.
    """
    palettes: list[Palette] = []
    names: set[str] = set()
    for label, entry in _entries(answer):
        own = _role_colors(entry)
        if len(set(own) - {None}) < OWN_COLORS:
            continue
        colors = _filled_from_spares(own, len(palettes), spares)
        if any(colors == palette.colors for palette in palettes):
            continue
        name = own_name(_text_of(entry, _NAME_KEYS) or label, len(palettes) + 1, names)
        description = described(_text_of(entry, _DESCRIPTION_KEYS))
        palettes.append(Palette(name=name, description=description, colors=colors, source=PaletteSource.PROVIDER))
        if len(palettes) == count:
            break
    return palettes


def _entries(answer: object, label: str = "", depth: int = 0) -> Iterator[Labelled]:
    """Yield possible palettes, each with the name of the field that held it, if any."""
    if isinstance(answer, str):
        yield from _entries_of_text(answer[:TEXT_MAX], label, depth) if depth <= DEPTH_MAX else ()
    elif isinstance(answer, Mapping):
        yield from _entries_of_fields(answer, label, depth)
    elif isinstance(answer, list) and _lists_colors(answer):
        yield label, answer
    elif isinstance(answer, list):
        for entry in answer[:ENTRIES_MAX]:
            yield from _entries_of_item(entry, depth + 1)


def _entries_of_item(entry: object, depth: int) -> Iterable[Labelled]:
    if isinstance(entry, str):
        return _entries(entry[:_ENTRY_MAX], "", depth)
    if isinstance(entry, list) and _is_row(entry):
        return [(entry[0], entry[1] if isinstance(entry[1], list) else entry[1:])]
    is_wrapper = isinstance(entry, Mapping) and len(entry) <= _WRAPPER_MAX and not _is_palette(entry)
    return _entries(entry, "", depth) if is_wrapper else [("", entry)]


def _is_row(entry: Sequence[object]) -> bool:
    """Return whether a list is a name, then its colours. "Plum" is a name before five colours in digits or a list."""
    if len(entry) < 2 or not isinstance(entry[0], str) or not _is_palette(entry[1:]):
        return False
    in_digits = all(isinstance(value, str) and value.startswith("#") for value in entry[1 : ROLES + 1])
    is_name = isinstance(entry[1], list) or (in_digits and len(entry) > ROLES and not entry[0].startswith("#"))
    return is_name or parse_color(entry[0]) is None


def _entries_of_fields(tree: Mapping[object, object], label: str, depth: int) -> Iterator[Labelled]:
    fields = _fields(tree)
    inner = next((fields[key] for key in _LIST_KEYS if isinstance(fields.get(key), (list, str, Mapping))), None)
    wrapped = list(_entries(inner, _text_of(tree, _NAME_KEYS), depth + 1)) if depth < DEPTH_MAX else []
    if any(_is_palette(entry) for _, entry in wrapped):
        yield from wrapped
    elif _is_palette(tree):
        yield label, tree
    elif depth < DEPTH_MAX:
        for key, entry in islice(tree.items(), ENTRIES_MAX):
            yield from _entries(entry, str(key), depth + 1) if _holds_entries(entry) else [(str(key), entry)]


def _holds_entries(value: object) -> bool:
    """Return whether a field's value is a list of palettes, wraps one, or is one as text."""
    if isinstance(value, str):
        return "{" in value or "[" in value
    if isinstance(value, Mapping):
        return not _is_palette(value)
    return isinstance(value, list) and any(isinstance(item, Mapping) and not parse_color(item) for item in value[:5])


def _lists_colors(values: Sequence[object]) -> bool:
    """Return whether a list is itself a palette: each of its first items is one colour."""
    first = values[:OWN_COLORS]
    return len(first) == OWN_COLORS and all(_is_one_color(value) for value in first)


def _is_one_color(value: object) -> bool:
    if isinstance(value, str) and len(value) <= COLOR_MAX:
        return "{" not in value and len(list(islice(colors_in(value), 2))) < 2 and parse_color(value) is not None
    return not isinstance(value, str) and parse_color(value) is not None


def _entries_of_text(text: str, label: str, depth: int) -> list[Labelled]:
    """Return the entries of the best reading of the text's first part that has palettes.

    While a palette of that part has no name, further readings of the part are tried.
    """
    best: list[Labelled] = []
    for part in readings_of(text):
        for rivals in part:
            best = max([best, *(_entries_of_values(values, label, depth) for values in rivals)], key=_usable_and_named)
            usable, named = _usable_and_named(best)
            if usable and usable == named:
                return best
        if _usable_and_named(best)[0]:
            return best
    return best


def _entries_of_values(values: Sequence[Labelled], label: str, depth: int) -> list[Labelled]:
    found = (_entries(value, heading or label, depth + 1) for heading, value in values)
    return list(islice(chain.from_iterable(found), ENTRIES_MAX))


def _usable_and_named(entries: Sequence[Labelled]) -> tuple[int, int]:
    """Return how many of the entries are palettes, and how many of those have a name."""
    usable = [(label, entry) for label, entry in entries if _is_palette(entry)]
    return len(usable), sum(bool(_text_of(entry, _NAME_KEYS) or label) for label, entry in usable)


def _fields(entry: object) -> dict[str, object]:
    return spoken_fields(entry, ENTRIES_MAX) if isinstance(entry, Mapping) else {}


def _is_palette(entry: object) -> bool:
    """Return whether an entry has enough colours of its own."""
    return len(set(_role_colors(entry)) - {None}) >= OWN_COLORS


def _role_colors(entry: object) -> list[str | None]:
    """Return the entry's colours in the order of the roles; None where a colour is missing or repeated."""
    if isinstance(entry, list):
        return _distinct(_from_colors(entry))
    if not isinstance(entry, Mapping):
        return [None] * ROLES
    fields = _fields(entry)
    for key in _COLOR_KEYS:
        colors = _from_colors(fields.get(key))
        if len(set(colors) - {None}) >= OWN_COLORS:
            return _distinct(colors)
    return _distinct(_by_role(entry.items()))


def _from_colors(value: object, depth: int = 0) -> list[str | None]:
    if isinstance(value, Mapping):
        return _by_role(value.items(), others_in_order=True)
    if isinstance(value, list):
        wrapped = len(value) == 1 and isinstance(value[0], (Mapping, list, str)) and depth < DEPTH_MAX
        if wrapped and not _is_one_color(value[0]):
            return _from_colors(value[0], depth + 1)
        return _by_named_role(value) or _in_order(value)
    if isinstance(value, str):
        text = without_commas(value[:_COLORS_TEXT_MAX])
        return _in_order([part for part in _BETWEEN_COLORS.split(text) if part.strip(" []\"'")])
    return [None] * ROLES


def _by_role(items: Iterable[tuple[object, object]], *, others_in_order: bool = False) -> list[str | None]:
    """Sort colours by the names of their fields: `primary`, `primaryColor`, `first_color`, `color1`.

    With `others_in_order`, fields of other names fill the remaining places in their order.
    """
    colors: list[str | None] = [None] * ROLES
    others: list[str] = []
    for key, value in islice(items, ENTRIES_MAX):
        role = role_of(key)
        if role is not None and colors[role] is None:
            colors[role] = parse_color(value)
        elif others_in_order and (color := _color_of_field(key, value)):
            others.append(color)
    free = (color for color in others if color not in colors)
    return [color or next(free, None) for color in colors]


def _color_of_field(key: object, value: object) -> str | None:
    """Return the colour of `Navy: #001F3F` or `#001F3F: Navy`. "Plum" as a palette's name is no colour."""
    if spoken(key) in _NAME_KEYS + _DESCRIPTION_KEYS:
        return None
    is_color = isinstance(key, str) and len(key) <= COLOR_MAX and key.lstrip().startswith("#")
    return (is_color and parse_color(key)) or parse_color(value)


def _by_named_role(values: Sequence[object]) -> list[str | None]:
    """Return the colours of objects that name their role, `{role: "background", hex: …}`; else an empty list."""
    named = [(_text_of(value, _ROLE_KEYS), value) for value in values[:ENTRIES_MAX]]
    roles = [role_of(name) for name, _ in named]
    says_all = len(named) >= OWN_COLORS and None not in roles[:ROLES] and len(set(roles[:ROLES])) == len(roles[:ROLES])
    return _by_role(named, others_in_order=True) if says_all else []


def _in_order(values: Sequence[object]) -> list[str | None]:
    """Return the first five colours by position; replace an unreadable or repeated one from the sixth on."""
    read = [parse_color(value) for value in _as_hex_texts(values[:ENTRIES_MAX])]
    colors = _distinct(read[:ROLES])
    colors += [None] * (ROLES - len(colors))
    extra = (color for color in read[ROLES:] if color and color not in colors)
    return [color or next(extra, None) for color in colors]


def _as_hex_texts(values: Sequence[object]) -> Sequence[object]:
    """Return the values as hex texts when all are three hex digits without a hash, or all are whole numbers."""
    if len(values) < OWN_COLORS:
        return values
    numbers = [value for value in values if type(value) is int and 0xFF < value <= 0xFFFFFF]
    if len(numbers) == len(values):
        return [f"#{value:06x}" for value in numbers]
    short = [value for value in values if isinstance(value, str) and _SHORT_DIGITS.fullmatch(value.strip())]
    return [f"#{value.strip()}" for value in short] if len(short) == len(values) else values


def _distinct(colors: list[str | None]) -> list[str | None]:
    return [color if color not in colors[:at] else None for at, color in enumerate(colors)]


def _filled_from_spares(own: list[str | None], position: int, spares: Spares) -> tuple[str, ...]:
    """Return five distinct colours: the entry's own; a missing one comes from the same role of a spare palette."""
    if all(own):
        return tuple(color for color in own if color)
    pool = spares()
    spare = pool[position % len(pool)].colors if pool else ()
    colors: list[str] = [color or "" for color in own]
    for role in range(ROLES):
        if not colors[role]:
            offers = (*spare[role : role + 1], *spare, *_LAST_RESORT)
            colors[role] = next(offer.upper() for offer in offers if offer.upper() not in colors)
    return tuple(colors)


def _text_of(entry: object, keys: tuple[str, ...]) -> str:
    fields = _fields(entry)
    return next((value for key in keys if isinstance(value := fields.get(key), str) and value.strip()), "")

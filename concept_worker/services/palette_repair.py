"""From whatever a language model answered to palettes that hold: five distinct colours, one for each role.

Nothing a model says is trusted, and nothing good it says is lost: each entry is judged alone, a colour that cannot be
read is taken from a spare palette, and an entry with too little of its own is left out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from concept_worker.models import PALETTE_ROLES, Palette, PaletteSource
from concept_worker.services.css_colors import CSS_COLORS

ROLES = len(PALETTE_ROLES)
OWN_COLORS = 3  # distinct colours an entry must bring to count as the provider's
NAME_MAX = 60  # characters, as `Palette` allows
DESCRIPTION_MAX = 200
DEPTH_MAX = 4  # wrappers around the list of palettes, or around one list of colours
ENTRIES_MAX = 200  # looked at in one answer; a model in a loop must not keep a worker busy
TEXT_MAX = 500_000  # characters of an answer that are read
_ENTRY_MAX = 20_000  # characters of one palette that is a text
COLOR_MAX = 200  # characters of a text that may hold a colour; a list of colours has 2,000
_KEY_MAX = 40  # characters of a field's name
_READINGS = 4  # times that a broken answer is read through in search of whole objects
_ATTEMPTS = 1_000  # to find one in it

Spares = Callable[[], Sequence[Palette]]
"""Palettes of five colours to take missing colours from; asked only when one is missing."""

_NAME_KEYS = ("name", "palette_name", "title", "label")
_DESCRIPTION_KEYS = ("description", "desc", "summary", "mood")
_COLOR_KEYS = ("colors", "colours", "palette", "hex", "hex_codes", "swatches", "values")
_LIST_KEYS = ("palettes", "color_palettes", "colour_palettes", "result", "results", "data", "items")
_ROLE_WORDS = (
    ("primary", "first", "main", "color1", "color_1", "c1"),
    ("secondary", "second", "color2", "color_2", "c2"),
    ("accent", "third", "color3", "color_3", "c3"),
    ("background", "fourth", "base", "color4", "color_4", "c4"),
    ("highlight", "fifth", "color5", "color_5", "c5"),
)
_VALUE_KEYS = ("hex", "value", "color", "colour", "code")

_FENCE = re.compile(r"```[a-zA-Z]*\s*(.*?)(?:```|\Z)", re.DOTALL)
# With a hash a colour may stand anywhere in a text; without one it must be the whole text.
_HASHED = re.compile(r"#([0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})(?![0-9a-fA-F])")
_BARE = re.compile(r"(?:0x)?([0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_RGB = re.compile(r"rgba?\(([^()]{5,60})\)", re.IGNORECASE)
_CHANNEL = re.compile(r"[0-9]{1,3}")
# Each run of blanks is tried at its beginning only: from every blank of it, the time would grow with its square.
_BETWEEN_COLORS = re.compile(r"[,;|\n]+|(?<!\s)\s+(?=#)")
_LAST_RESORT = ("#1A1A1A", "#4D4D4D", "#808080", "#F5F5F5", "#B3B3B3", "#000000", "#333333", "#CCCCCC", "#FFFFFF")


def repair_palettes(answer: object, *, count: int, spares: Spares) -> list[Palette]:
    """At most `count` palettes out of a model's `answer` (parsed JSON, or text that holds some), in its order.

    Each has five distinct colours by role and a name of its own. The list may be shorter, or empty.
    """
    palettes: list[Palette] = []
    names: set[str] = set()
    for label, entry in _entries(answer):
        own = _role_colors(entry)
        if len(set(own) - {None}) < OWN_COLORS:
            continue
        colors = _completed(own, len(palettes), spares)
        if any(colors == palette.colors for palette in palettes):
            continue
        name = _own_name(_text_of(entry, _NAME_KEYS) or label, len(palettes) + 1, names)
        description = _cut(_clean(_text_of(entry, _DESCRIPTION_KEYS)), DESCRIPTION_MAX)
        palettes.append(Palette(name=name, description=description, colors=colors, source=PaletteSource.PROVIDER))
        if len(palettes) == count:
            break
    return palettes


def parse_color(value: object) -> str | None:
    """`#RRGGBB` in upper case for a colour written in any usual way, else None.

    Three and four digits are doubled; transparency is dropped. A hash colour inside a longer text counts.
    """
    if isinstance(value, Mapping):
        value = next((value[key] for key in _VALUE_KEYS if isinstance(value.get(key), str)), None)
    if not isinstance(value, str) or len(value) > COLOR_MAX:
        return None
    text = value.strip()
    found = _HASHED.search(text) or _BARE.fullmatch(text)
    if found:
        return _expanded(found[1])
    rgb = _RGB.search(text)
    return (rgb and _of_channels(rgb[1])) or CSS_COLORS.get(re.sub(r"[\s_-]", "", text.lower()))


def _of_channels(text: str) -> str | None:
    """The colour of `18, 52, 77` or `18 52 77`, whatever follows them."""
    channels = text.replace(",", " ").replace("/", " ").split()[:3]
    if len(channels) < 3 or not all(_CHANNEL.fullmatch(channel) and int(channel) <= 255 for channel in channels):
        return None
    return "#{:02X}{:02X}{:02X}".format(*map(int, channels))


def _expanded(digits: str) -> str:
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    return f"#{digits[:6].upper()}"


def _entries(answer: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    """What may be a palette, each with the name of the field it was found under, if any."""
    tree = _parsed(answer[:TEXT_MAX]) if isinstance(answer, str) else answer
    if isinstance(tree, Mapping):
        inner = next((tree[key] for key in _LIST_KEYS if isinstance(tree.get(key), (list, str, Mapping))), None)
        if inner is not None and depth < DEPTH_MAX:
            yield from _entries(inner, depth + 1)
        elif any(_role_colors(tree)):
            yield "", tree
        else:
            yield from ((str(key), entry) for key, entry in islice(tree.items(), ENTRIES_MAX))
    elif isinstance(tree, list):
        for entry in tree[:ENTRIES_MAX]:
            yield "", _parsed(entry[:_ENTRY_MAX]) if isinstance(entry, str) else entry


def _parsed(text: str) -> object:
    """The JSON in `text`, inside a code fence or prose if need be; from a cut list, the entries before the cut."""
    fence = _FENCE.search(text)
    body = fence[1] if fence else text
    start = min((at for at in (body.find("["), body.find("{")) if at >= 0), default=-1)
    if start < 0:
        return None
    for candidate in (body, body[start:]):
        try:
            return json.JSONDecoder().raw_decode(candidate.strip())[0]
        except (ValueError, RecursionError):
            continue
    return _salvaged(body[start:])


def _salvaged(text: str) -> list[object]:
    """Every complete object in broken JSON that holds no list of palettes itself."""
    found: list[object] = []
    at, left = text.find("{"), _READINGS * len(text)
    for _ in range(_ATTEMPTS):
        if at < 0 or left <= 0 or len(found) == ENTRIES_MAX:
            break
        entry, end, read = _object_at(text, at)
        if entry is not None:
            found.append(entry)
        at, left = text.find("{", end), left - read
    return found


def _object_at(text: str, at: int) -> tuple[object, int, int]:
    """The object that begins at `at` (None when it is broken), where to go on, and how many characters were read."""
    try:
        entry, end = json.JSONDecoder().raw_decode(text, at)
    except json.JSONDecodeError as exc:
        return None, at + 1, exc.pos - at + 1
    except (ValueError, RecursionError):
        return None, at + 1, len(text)
    return entry, end, end - at


def _role_colors(entry: object) -> list[str | None]:
    """The entry's colours in the order of the roles; None where it brings none, and where it repeats one."""
    if isinstance(entry, list):
        return _distinct(_in_order(entry))
    if not isinstance(entry, Mapping):
        return [None] * ROLES
    for key in _COLOR_KEYS:
        colors = _from_colors(entry.get(key))
        if any(colors):
            return _distinct(colors)
    return _distinct(_by_role(entry))


def _from_colors(value: object, depth: int = 0) -> list[str | None]:
    if isinstance(value, Mapping):
        return _by_role(value, others_in_order=True)
    if isinstance(value, list):
        wrapped = len(value) == 1 and isinstance(value[0], (Mapping, list)) and depth < DEPTH_MAX
        if wrapped and parse_color(value[0]) is None:
            return _from_colors(value[0], depth + 1)
        return _in_order(value)
    if isinstance(value, str):
        return _in_order([part for part in _BETWEEN_COLORS.split(value[:2000]) if part.strip()])
    return [None] * ROLES


def _by_role(entry: Mapping[object, object], *, others_in_order: bool = False) -> list[str | None]:
    """Colours by what their fields are called: `primary`, `primary_color`, `first_color`, `color1`.

    Fields of other names take the places left over in their order, when `others_in_order`.
    """
    colors: list[str | None] = [None] * ROLES
    others: list[str] = []
    for key, value in islice(entry.items(), ENTRIES_MAX):
        word = re.sub(r"[\s-]", "_", str(key)[:_KEY_MAX].strip().lower())
        role = next((i for i, words in enumerate(_ROLE_WORDS) if word in words or _leads(word, words)), None)
        color = parse_color(value)
        if role is not None and colors[role] is None:
            colors[role] = color
        elif color is not None and others_in_order:
            others.append(color)
    free = iter(others)
    return [color or next(free, None) for color in colors]


def _leads(word: str, words: tuple[str, ...]) -> bool:
    return word.removesuffix("_color").removesuffix("_colour").removesuffix("_hex") in words


def _in_order(values: Sequence[object]) -> list[str | None]:
    """The first five places by position, an unreadable or repeated one filled from the sixth on."""
    colors = _distinct([parse_color(value) for value in values[:ROLES]])
    colors += [None] * (ROLES - len(colors))
    extra = (color for value in values[ROLES:ENTRIES_MAX] if (color := parse_color(value)) and color not in colors)
    return [color or next(extra, None) for color in colors]


def _distinct(colors: list[str | None]) -> list[str | None]:
    return [color if color not in colors[:at] else None for at, color in enumerate(colors)]


def _completed(own: list[str | None], position: int, spares: Spares) -> tuple[str, ...]:
    """Five distinct colours: the entry's own, a missing one from the same role of a spare palette."""
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
    if not isinstance(entry, Mapping):
        return ""
    return next((value for key in keys if isinstance(value := entry.get(key), str) and value.strip()), "")


def _own_name(text: str, number: int, taken: set[str]) -> str:
    """A name nobody else has, remembered in `taken`; a second "Fjord" becomes "Fjord 2"."""
    stem = _cut(_clean(text), NAME_MAX) or f"Palette {number}"
    name, again = stem, 2
    while name.casefold() in taken:
        name = f"{stem[: NAME_MAX - 4].rstrip()} {again}"
        again += 1
    taken.add(name.casefold())
    return name


def _clean(text: str) -> str:
    """One line of printable text; control characters, surrogates and the like become spaces."""
    kept = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text[:1000])
    return " ".join(kept.split())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"

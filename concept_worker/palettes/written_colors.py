"""Colours as people and language models write them, converted to `#RRGGBB`: hex digits, CSS functions, names, numbers.

A number in a text is no colour by itself: `#1 choice`, `issue #123`, a price, a count.
"""

from __future__ import annotations

import colorsys
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from PIL.ImageColor import colormap

from concept_worker.palettes.oklch import Oklch, Triple, linear_to_srgb

COLOR_MAX = 200  # characters of a text that may hold a colour
_FIELDS_MAX = 40  # per object that may be a colour
_KEY_MAX = 40  # characters of a field's name
_DEPTH_MAX = 3  # nested objects around a colour

# The whole text. Four digits without a hash are more likely a year; three decimal digits, a count.
_WHOLE = re.compile(r"(?:#\s?|(0x))([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})|([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3})", re.I)
_LONG = re.compile(r"(?<![\w&#])#([0-9a-f]{8}|[0-9a-f]{6})(?!\w)|\b0x([0-9a-f]{8}|[0-9a-f]{6})(?!\w)", re.I)
# Inside a phrase, a short colour needs a mark before it.
_SHORT = re.compile(r"[(:=\"'`]\s?#([0-9a-f]{3,4})(?!\w)", re.I)
_LEADING = re.compile(r"#([0-9a-f]{3,4})(?=\s?[(:–—-])", re.I)
_BRACKETED = re.compile(r"\(([0-9a-f]{6})\)", re.I)
_NUMBERING = re.compile(r"\b(?:issue|ticket|order|bug|request|pr|no|number|invoice|item|case|page)\W{0,3}$", re.I)
_FUNCTION = re.compile(r"\b(rgb|hsl|hsv|hsb|hwb|oklch|oklab|lab|lch)a?\s?[(:]\s?([^()]{5,80})", re.I)
_NUMBER = re.compile(r"([+-]?(?:[0-9]{1,4}(?:\.[0-9]{0,16})?|\.[0-9]{1,16}))(%|deg|turn|grad|rad|°)?", re.I)
_TRIPLE = re.compile(r"\(?\s?([0-9]{1,3}\s?,\s?[0-9]{1,3}\s?,\s?[0-9]{1,3})\s?\)?")
_SEPARATORS = re.compile(r"[,/\s]+")
_UNSPOKEN = re.compile(r"[\s_$-]+")
_WRAPPING = " \t\r\n\"'`“”‘’;,.*"

_TEXT_KEYS = ("hex", "hexcode", "hexvalue", "hexcolor", "hexcolour", "colorhex", "hexadecimal")
_VALUE_KEYS = (
    "value",
    "color",
    "colour",
    "code",
    "colorcode",
    "colorvalue",
    "rgb",
    "rgba",
    "hsl",
    "hsla",
    "hsv",
    "oklch",
)
_CHANNEL_KEYS = (("r", "g", "b"), ("red", "green", "blue"))
_HSL_KEYS = (("h", "s", "l"), ("hue", "saturation", "lightness"))


class _Number(NamedTuple):
    """A number with its unit, as in `12.5%`."""

    value: float
    unit: str
    is_whole: bool

    @property
    def degrees(self) -> float:
        """The number as a hue in degrees."""
        factor = {"turn": 360.0, "grad": 0.9, "rad": 180 / math.pi}.get(self.unit, 1.0)
        return (self.value * factor) % 360


def parse_color(value: object, depth: int = 0) -> str | None:
    """Return `#RRGGBB` in upper case for a colour in any usual notation, else None.

    Three and four digits are doubled; transparency is dropped. A colour inside a short phrase counts.
    """
    if isinstance(value, str):
        return _of_text(value) if len(value) <= COLOR_MAX else None
    if isinstance(value, Mapping):
        return _of_fields(value, depth) if depth < _DEPTH_MAX else None
    if isinstance(value, list):
        return _of_channels(value)
    return None


def colors_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each colour that a longer text writes in digits: start, end and `#RRGGBB`.

    Short hex colours and names do not count: in prose they may mean anything.
    """
    digits = ((match, _of_hex(match)) for match in _LONG.finditer(text) if not _is_numbering(text, match))
    functions = ((match, _of_function(match)) for match in _FUNCTION.finditer(text))
    found: list[tuple[re.Match[str], str | None]] = [*digits, *functions]
    for match, color in sorted(found, key=lambda pair: pair[0].start()):
        if color is not None:
            yield match.start(), match.end(), color


def spoken(key: object) -> str:
    """Return a field's name in comparable form: `Hex Code`, `hex_code` and `hexCode` are equal."""
    return _UNSPOKEN.sub("", str(key)[:_KEY_MAX].lower())


def spoken_fields(value: Mapping[object, object], most: int) -> dict[str, object]:
    """Return the first `most` fields of an object by comparable names; of two equal names, the first wins."""
    fields: dict[str, object] = {}
    for key, inner in islice(value.items(), most):
        fields.setdefault(spoken(key), inner)
    return fields


def without_commas(text: str) -> str:
    """Replace the commas in colour functions by blanks, so that a comma only separates colours."""
    return _FUNCTION.sub(lambda match: match[0].replace(",", " "), text)


def _of_text(value: str) -> str | None:
    text = unicodedata.normalize("NFKC", value).strip(_WRAPPING)
    whole = _WHOLE.fullmatch(text)
    if whole:
        bare = whole[3]
        return None if bare and len(bare) == 3 and bare.isdecimal() else _expanded(bare or whole[2], bool(whole[1]))
    return _of_phrase(text) or _of_name(text)


def _of_phrase(text: str) -> str | None:
    long = next((match for match in _LONG.finditer(text) if not _is_numbering(text, match)), None)
    if long:
        return _of_hex(long)
    function = _FUNCTION.search(text)
    color = _of_function(function) if function else None
    if color:
        return color
    triple = _TRIPLE.fullmatch(text)
    if triple:
        return _of_numbers("rgb", triple[1])
    short = _SHORT.search(text) or _LEADING.match(text) or _BRACKETED.search(text)
    if short and not _is_numbering(text, short) and not (short.re is _LEADING and short[1].isdecimal()):
        return _expanded(short[1])
    return None


def _is_numbering(text: str, match: re.Match[str]) -> bool:
    """Return whether the number belongs to the word before it: `order #123456`."""
    return _NUMBERING.search(text[max(0, match.start() - 12) : match.start()]) is not None


def _of_name(text: str) -> str | None:
    """Return the colour of a CSS name: `Dark Slate Gray`, `Primary: teal`, `Teal (calm)`."""
    for part in (text, text.rpartition(":")[2], text.partition("(")[0]):
        digits = colormap.get(_UNSPOKEN.sub("", part.lower().strip(_WRAPPING)))
        if isinstance(digits, str):
            return digits.upper()
        if digits is not None:  # Pillow stores channels here after a name was used to draw
            return "#{:02X}{:02X}{:02X}".format(*digits[:3])
    return None


def _of_hex(match: re.Match[str]) -> str:
    return _expanded(match[1] or match[2], match[1] is None)


def _expanded(digits: str, is_number: bool = False) -> str:
    """Return six digits for three, four, six or eight. A number such as `0xFF12AB9F` has its opacity in front."""
    if is_number and len(digits) == 8 and digits[:2].lower() == "ff":
        digits = digits[2:]
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    return f"#{digits[:6].upper()}"


def _of_fields(value: Mapping[object, object], depth: int) -> str | None:
    """Return the colour of `{hex}`, `{hexCode}`, `{rgb: {r, g, b}}`, `{r, g, b}` or `{Navy: "#001F3F"}`."""
    fields = spoken_fields(value, _FIELDS_MAX)
    for key in _TEXT_KEYS:
        if isinstance(fields.get(key), str) and (color := parse_color(fields[key])):
            return color
    for key in _VALUE_KEYS:
        if key in fields and (color := parse_color(fields[key], depth + 1)):
            return color
    for keys in _CHANNEL_KEYS:
        if all(key in fields for key in keys):
            return _of_channels([fields[key] for key in keys])
    for keys in _HSL_KEYS:
        if all(key in fields for key in keys):
            return _of_numbers("hsl", " ".join(str(fields[key])[:20] for key in keys))
    return _of_pair(*next(iter(value.items()))) if len(value) == 1 else None


def _of_pair(name: object, color: object) -> str | None:
    is_named = isinstance(name, str) and spoken(name) not in (*_TEXT_KEYS, "name")
    return parse_color(color) if is_named and isinstance(color, str) else None


def _of_channels(values: Sequence[object]) -> str | None:
    """Return the colour of `[18, 52, 77]`, with or without opacity, or of fractions of one."""
    if len(values) not in (3, 4) or any(isinstance(value, bool) for value in values):
        return None
    if not all(isinstance(value, (int, float)) or (isinstance(value, str) and len(value) < 8) for value in values):
        return None
    return _of_numbers("rgb", " ".join(str(value)[:20] for value in values[:3]))


def _of_function(match: re.Match[str]) -> str | None:
    return _of_numbers(match[1].lower(), match[2])


def _of_numbers(space: str, text: str) -> str | None:
    """Return the colour of the first three numbers of a text, in a colour space."""
    numbers = [_number(part) for part in _SEPARATORS.split(text.strip())[:3]]
    if len(numbers) < 3 or None in numbers:
        return None
    return _SPACES[space]([number for number in numbers if number])


def _number(text: str) -> _Number | None:
    if text.lower() == "none":
        return _Number(0.0, "", True)
    found = _NUMBER.fullmatch(text)
    return _Number(float(found[1]), (found[2] or "").lower(), "." not in found[1]) if found else None


def _fractions(numbers: Sequence[_Number], most: float) -> list[float]:
    """Return fractions of one: of `most`, of a hundred percent, or the numbers when all are fractions already."""
    if all(number.value <= 1 and not number.unit for number in numbers) and not all(n.is_whole for n in numbers):
        return [number.value for number in numbers]
    return [number.value / (100 if number.unit == "%" else most) for number in numbers]


def _hex_digits(rgb: Sequence[float]) -> str | None:
    """Return hex digits for three fractions; None when one is outside of 0..1."""
    if not all(0 <= share <= 1 for share in rgb):
        return None
    return "#{:02X}{:02X}{:02X}".format(*(math.floor(round(255 * share, 6) + 0.5) for share in rgb))


def _rgb(numbers: Sequence[_Number]) -> str | None:
    return _hex_digits(_fractions(numbers, 255))


def _hsl(numbers: Sequence[_Number]) -> str | None:
    saturation, lightness = _fractions(numbers[1:], 100)
    in_range = saturation <= 1 and lightness <= 1
    return _hex_digits(colorsys.hls_to_rgb(numbers[0].degrees / 360, lightness, saturation)) if in_range else None


def _hsv(numbers: Sequence[_Number]) -> str | None:
    saturation, value = _fractions(numbers[1:], 100)
    return _hex_digits(colorsys.hsv_to_rgb(numbers[0].degrees / 360, saturation, value)) if saturation <= 1 else None


def _hwb(numbers: Sequence[_Number]) -> str | None:
    white, black = _fractions(numbers[1:], 100)
    scale = max(1.0, white + black)
    white, black = white / scale, black / scale
    pure = colorsys.hsv_to_rgb(numbers[0].degrees / 360, 1.0, 1.0)
    return _hex_digits([white + channel * (1 - white - black) for channel in pure])


def _oklch(numbers: Sequence[_Number]) -> str | None:
    lightness, chroma, hue = numbers
    light = lightness.value / (100 if lightness.unit == "%" or lightness.value > 1 else 1)
    strength = chroma.value * (0.004 if chroma.unit == "%" else 1)
    return Oklch(light, strength, hue.degrees).hex if 0 <= light <= 1 and 0 <= strength <= 1 else None


def _oklab(numbers: Sequence[_Number]) -> str | None:
    a, b = (number.value * (0.004 if number.unit == "%" else 1) for number in numbers[1:])
    chroma, hue = math.hypot(a, b), math.degrees(math.atan2(b, a))
    return _oklch([numbers[0], _Number(chroma, "", False), _Number(hue, "", False)])


def _lab(numbers: Sequence[_Number]) -> str | None:
    lightness, a, b = (number.value for number in numbers)
    return _hex_digits(_lab_to_rgb((lightness, a, b))) if 0 <= lightness <= 100 else None


def _lch(numbers: Sequence[_Number]) -> str | None:
    lightness, chroma, hue = numbers[0].value, numbers[1].value, math.radians(numbers[2].degrees)
    rgb = _lab_to_rgb((lightness, chroma * math.cos(hue), chroma * math.sin(hue)))
    return _hex_digits(rgb) if 0 <= lightness <= 100 and chroma >= 0 else None


def _lab_to_rgb(lab: Triple) -> Triple:
    """Convert CSS's CIE Lab (white D50) to fractions of sRGB; outside the gamut each channel is cut.

    Source: W3C, CSS Color Module Level 4, sample code; the matrix is XYZ(D50) to linear sRGB, Bradford-adapted.
    """
    middle = (lab[0] + 16) / 116
    x, y, z = (_unfolded(t) for t in (middle + lab[1] / 500, middle, middle - lab[2] / 200))
    x, z = 0.9642956764 * x, 0.8251046025 * z
    r, g, b = (
        3.1341358529 * x - 1.6173863321 * y - 0.4906619460 * z,
        -0.9787954765 * x + 1.9162543774 * y + 0.0334428734 * z,
        0.0719553925 * x - 0.2289768264 * y + 1.4053860351 * z,
    )
    return _gamma(r), _gamma(g), _gamma(b)


def _unfolded(t: float) -> float:
    return float(t**3) if t > 6 / 29 else (t - 4 / 29) * 3 * (6 / 29) ** 2


def _gamma(linear: float) -> float:
    return linear_to_srgb(min(1.0, max(0.0, linear)))


_SPACES: dict[str, Callable[[Sequence[_Number]], str | None]] = {
    **{"rgb": _rgb, "hsl": _hsl, "hsv": _hsv, "hsb": _hsv, "hwb": _hwb},
    **{"oklch": _oklch, "oklab": _oklab, "lab": _lab, "lch": _lch},
}

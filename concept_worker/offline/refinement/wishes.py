"""The wishes of a refinement prompt: the changes it asks for, and the aspects that must stay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from concept_worker.offline.drawing import Dice
from concept_worker.offline.reading import words_of
from concept_worker.palettes.harmony_words import Tally, seed_of, tally_of


class Aspect(Enum):
    """An aspect of a picture; changes of a preserved aspect are dropped."""

    COLORS = "colors"
    LAYOUT = "layout"
    STYLE = "style"
    SHAPES = "shapes"


class Change(Enum):
    """A change to a picture: its name, and the aspect that it touches."""

    WARMER = ("warmer", Aspect.COLORS)
    COOLER = ("cooler", Aspect.COLORS)
    DARKER = ("darker", Aspect.COLORS)
    LIGHTER = ("lighter", Aspect.COLORS)
    VIVID = ("vivid", Aspect.COLORS)
    MUTED = ("muted", Aspect.COLORS)
    PASTEL = ("pastel", Aspect.COLORS)
    GREY = ("grey", Aspect.COLORS)
    CONTRAST = ("contrast", Aspect.COLORS)
    SOFT_CONTRAST = ("soft contrast", Aspect.COLORS)
    INVERT = ("invert", Aspect.COLORS)
    BOLDER = ("bolder", Aspect.STYLE)
    THINNER = ("thinner", Aspect.STYLE)
    SIMPLER = ("simpler", Aspect.STYLE)
    ROUNDER = ("rounder", Aspect.SHAPES)
    SHARPER = ("sharper", Aspect.SHAPES)
    CIRCLE = ("circle", Aspect.SHAPES)
    RING = ("ring", Aspect.SHAPES)
    SHIELD = ("shield", Aspect.SHAPES)
    HEXAGON = ("hexagon", Aspect.SHAPES)
    SQUARE = ("square", Aspect.SHAPES)
    BORDER = ("border", Aspect.LAYOUT)
    BIGGER = ("bigger", Aspect.LAYOUT)
    SMALLER = ("smaller", Aspect.LAYOUT)
    CENTERED = ("centered", Aspect.LAYOUT)
    TILT = ("tilt", Aspect.LAYOUT)
    TURN = ("turn", Aspect.LAYOUT)
    FLIP = ("flip", Aspect.LAYOUT)
    UPSIDE_DOWN = ("upside down", Aspect.LAYOUT)
    LEFT = ("left", Aspect.LAYOUT)
    RIGHT = ("right", Aspect.LAYOUT)
    UP = ("up", Aspect.LAYOUT)
    DOWN = ("down", Aspect.LAYOUT)

    @property
    def aspect(self) -> Aspect:
        """The aspect that this change touches."""
        return self.value[1]


_WORDS = {
    Change.WARMER: "warm warmer cozy cosy",
    Change.COOLER: "cool cooler cold colder chilly",
    Change.DARKER: "dark darker deeper deep moody",
    Change.LIGHTER: "light lighter brighter bright airy",
    Change.VIVID: "vivid vibrant saturated saturation colorful colourful punchy lively intense neon",
    Change.MUTED: "muted subdued desaturated desaturate calmer calm earthy subtle faded",
    Change.PASTEL: "pastel pastels",
    Change.GREY: "greyscale grayscale monochrome monotone black_and_white grey gray",
    Change.CONTRAST: "contrast contrasty high-contrast legible readable",
    Change.INVERT: "invert inverted negative reversed",
    Change.BOLDER: "bold bolder thick thicker heavy heavier strong stronger chunky chunkier fat weight",
    Change.THINNER: "thin thinner fine finer slim slimmer slender delicate lightweight light_weight skinny",
    Change.SIMPLER: "simple simpler simplify simplified minimal minimalist minimalistic cleaner less_detail",
    Change.ROUNDER: "round rounder rounded soft softer smooth smoother curvy curved curvier friendly organic",
    Change.SHARPER: "sharp sharper angular edgy edgier geometric crisp crisper pointy pointed faceted low-poly",
    Change.CIRCLE: "circle circular disc disk badge",
    Change.RING: "ring emblem seal stamp medallion coin",
    Change.SHIELD: "shield crest",
    Change.HEXAGON: "hexagon hexagonal hex",
    Change.SQUARE: "square tile app_icon squircle",
    Change.BORDER: "border frame framed outline bordered edge",
    Change.BIGGER: "big bigger large larger enlarge zoom_in huge scale_up less_padding less_space fill",
    Change.SMALLER: "small smaller shrink tiny zoom_out padding space margin whitespace breathing room scale_down",
    Change.CENTERED: "center centre centered centred middle align aligned balanced",
    Change.TILT: "tilt tilted slanted slant dynamic rotate rotated lean leaning motion movement angle",
    Change.TURN: "sideways quarter_turn 90",
    Change.FLIP: "flip flipped mirror mirrored facing_left facing_right other_way reverse",
    Change.UPSIDE_DOWN: "upside_down upside-down",
    Change.LEFT: "left leftwards",
    Change.RIGHT: "right rightwards",
    Change.UP: "up upwards higher raise",
    Change.DOWN: "down downwards lower",
}
_OPPOSITES = {
    Change.WARMER: Change.COOLER,
    Change.DARKER: Change.LIGHTER,
    Change.VIVID: Change.MUTED,
    Change.CONTRAST: Change.SOFT_CONTRAST,
    Change.BOLDER: Change.THINNER,
    Change.ROUNDER: Change.SHARPER,
    Change.BIGGER: Change.SMALLER,
    Change.LEFT: Change.RIGHT,
    Change.UP: Change.DOWN,
}
_OPPOSITES.update({after: before for before, after in tuple(_OPPOSITES.items())})
_INDEX = {word.replace("_", " "): change for change, words in _WORDS.items() for word in words.split()}
_PRESERVED = {
    Aspect.COLORS: "color colors colour colours palette hue hues",
    Aspect.LAYOUT: "layout composition position placement arrangement size",
    Aspect.STYLE: "style weight detail details look",
    Aspect.SHAPES: "shape shapes form forms silhouette icon symbol",
}
_GROUND = frozenset(("background", "ground", "backdrop"))
_LESS = frozenset(("less", "reduce", "reduced", "fewer", "decrease"))
_NOT = frozenset(("not", "no", "without", "don't", "never", "avoid"))
_CLAUSE = re.compile(r"[,;.!?\n]| and | with | but | on | against | over | plus ", re.IGNORECASE)
# Changes for a prompt that was not understood: each is visible, none spoils the picture.
_QUIET_CHANGES = (
    (Change.WARMER, Change.BIGGER),
    (Change.COOLER, Change.ROUNDER),
    (Change.DARKER, Change.RING),
    (Change.VIVID, Change.CIRCLE),
    (Change.CONTRAST, Change.BOLDER),
    (Change.MUTED, Change.BORDER),
    (Change.WARMER, Change.HEXAGON),
    (Change.COOLER, Change.FLIP),
)


@dataclass(frozen=True)
class Wishes:
    """The wishes of a prompt: changes in order, and colours for the marks and for the ground."""

    changes: tuple[Change, ...]
    marks: Tally | None  # colour words about the marks
    ground: Tally | None  # colour words about the ground
    ground_changes: tuple[Change, ...]  # darker, lighter and so on, of the ground alone

    def has(self, change: Change) -> bool:
        """Tell whether this change is asked for."""
        return change in self.changes


def wishes_of(prompt: str, preserve_aspects: tuple[str, ...], seed: int) -> Wishes:
    """Read a prompt. A prompt without a known word gets a quiet variation, chosen by its text and `seed`."""
    kept = {
        aspect for aspect, words in _PRESERVED.items() if set(words.split()) & set(words_of(" ".join(preserve_aspects)))
    }
    changes: list[Change] = []
    ground_changes: list[Change] = []
    texts: dict[bool, list[str]] = {True: [], False: []}
    for clause in _CLAUSE.split(prompt.replace("black and white", "greyscale")):
        words = words_of(clause)
        of_ground = bool(_GROUND & set(words))
        (ground_changes if of_ground else changes).extend(_changes_in(words))
        texts[of_ground].append(" ".join(_without_changes(words)))
    marks, ground = (_colors_in(" , ".join(texts[key])) for key in (False, True))
    if Aspect.COLORS in kept:
        marks = ground = None
    changes = [change for change in dict.fromkeys(changes) if change.aspect not in kept]
    ground_changes = [change for change in dict.fromkeys(ground_changes) if change.aspect not in kept]
    if not (changes or ground_changes or marks or ground):
        changes = _quiet_changes(prompt, seed, kept)
    return Wishes(tuple(changes), marks, ground, tuple(ground_changes))


def _quiet_changes(prompt: str, seed: int, kept: set[Aspect]) -> list[Change]:
    dice = Dice(seed_of(prompt), seed)
    allowed = [change for change in dice.pick("quiet", _QUIET_CHANGES) if change.aspect not in kept]
    return allowed or [
        next(
            (c for c in (Change.WARMER, Change.BIGGER, Change.ROUNDER, Change.BOLDER) if c.aspect not in kept),
            Change.BIGGER,
        )
    ]


def _without_changes(words: list[str]) -> list[str]:
    """Drop the words that ask for a change; the rest may name colours. "More space" is no wish for the cosmos."""
    pairs = {i + d for i in range(len(words) - 1) if " ".join(words[i : i + 2]) in _INDEX for d in (0, 1)}
    return [word for i, word in enumerate(words) if i not in pairs and word not in _INDEX]


def _changes_in(words: list[str]) -> list[Change]:
    found, position = [], 0
    while position < len(words):
        phrase = next((p for n in (2, 1) if (p := " ".join(words[position : position + n])) in _INDEX), None)
        if phrase is not None:
            change = _apply_negation(_INDEX[phrase], words[:position])
            found += [change] if change else []
        position += len(phrase.split()) if phrase else 1
    return found


def _apply_negation(change: Change, before: list[str]) -> Change | None:
    """Apply the words before a change: "less" turns it into its opposite, "not" drops it."""
    if _NOT & set(before[-3:]):
        return None
    return _OPPOSITES.get(change) if _LESS & set(before[-2:]) else change


def _colors_in(text: str) -> Tally | None:
    tally = tally_of(text)
    return (
        tally
        if tally.hues or {"grey", "mono", "dark", "light"} & {f for f, votes in tally.flags.items() if votes > 0}
        else None
    )

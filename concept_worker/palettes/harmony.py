"""Palettes by colour harmony, from the words of a brief: the offline default, and the fallback of the paid provider."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from concept_worker.models import Palette, PaletteSource
from concept_worker.palettes.harmony_names import describe, name_for
from concept_worker.palettes.harmony_words import Mood, mood_of
from concept_worker.palettes.oklch import Oklch, contrast, delta_e, max_chroma, with_contrast
from concept_worker.payloads import PALETTES_MAX

PRIMARY_CONTRAST = 4.5  # WCAG 2.2, text
MARK_CONTRAST = 3.0  # WCAG 2.2, graphical objects
WITHIN = 0.055  # least OKLab distance between two colours of one palette
BETWEEN = 0.075  # wanted mean OKLab distance, role by role, between two palettes of one list

Colors = tuple[str, str, str, str, str]

# Hue steps from the primary to secondary and accent, degrees.
_STEPS = {
    "analogous": (28, -32),
    "complementary": (18, 180),
    "split-complementary": (150, 210),
    "triadic": (120, 240),
    "tetradic": (90, 180),
    "monochromatic": (0, 0),
    "high-contrast": (40, 195),
}
# Grounds: lightness, chroma. "own" becomes the ground that fits the mood, "flip" the opposite.
_GROUNDS = {
    "white": (1.0, 0.0),
    "tint": (0.965, 0.018),
    "paper": (0.945, 0.032),
    "pale": (0.91, 0.05),
    "dark": (0.23, 0.035),
    "black": (0.16, 0.015),
    "deep": (0.29, 0.07),
}
_DARK = ("dark", "black", "deep")
# The plan of a list: harmony, ground. Every list of four or more meets the first four wishes.
_PLAN = (
    ("theme", "own"),
    ("complementary", "tint"),
    ("monochromatic", "white"),
    ("high-contrast", "flip"),
    ("triadic", "white"),
    ("analogous", "deep"),
    ("split-complementary", "paper"),
    ("tetradic", "pale"),
    ("analogous", "paper"),
    ("complementary", "black"),
    ("triadic", "tint"),
    ("monochromatic", "deep"),
    ("high-contrast", "white"),
    ("split-complementary", "dark"),
    ("analogous", "white"),
    ("tetradic", "black"),
    ("monochromatic", "pale"),
    ("triadic", "dark"),
    ("complementary", "pale"),
    ("split-complementary", "tint"),
)
# Lightness of primary, secondary, accent on light and on dark grounds, tried in turn. The first palette of a list
# starts from the brightest levels that contrast may allow.
_BRIGHTEST = (0.60, 0.72, 0.42)
_ON_LIGHT = ((0.50, 0.64, 0.62), (0.42, 0.60, 0.66), (0.54, 0.44, 0.64), (0.35, 0.62, 0.57), (0.48, 0.65, 0.38))
_ON_DARK = ((0.76, 0.68, 0.82), (0.84, 0.66, 0.74), (0.72, 0.84, 0.66), (0.68, 0.78, 0.88), (0.89, 0.72, 0.64))
# Within one hue only lightness separates colours, so the steps are wider; without hues they reach from black to white.
_ONE_ON_LIGHT = ((0.36, 0.63, 0.49), (0.45, 0.30, 0.62), (0.31, 0.50, 0.64), (0.41, 0.63, 0.53), (0.48, 0.36, 0.62))
_ONE_ON_DARK = ((0.88, 0.62, 0.75), (0.76, 0.90, 0.63), (0.92, 0.72, 0.60), (0.70, 0.58, 0.84), (0.84, 0.66, 0.94))
_GREY_ON_LIGHT = ((0.18, 0.62, 0.42), (0.28, 0.48, 0.64), (0.12, 0.42, 0.56), (0.40, 0.20, 0.60), (0.22, 0.34, 0.62))
_GREY_ON_DARK = ((0.96, 0.62, 0.80), (0.86, 0.72, 0.58), (0.98, 0.80, 0.62), (0.74, 0.94, 0.60), (0.90, 0.56, 0.74))
_TRIES = 30
_GLOWING = 1.3  # moods of at least this chroma glow on dark grounds: each hue has its most colourful lightness
_GREYS_ALONE = 5  # so many palettes of a theme without hues are all grey


@dataclass(frozen=True)
class _Recipe:
    """A description of one palette to mix."""

    harmony: str
    ground: str
    hues: tuple[float, float, float]  # primary, secondary, accent
    levels: tuple[float, float, float]
    mood: Mood
    vividness: float
    spark: bool  # one colour in a theme without hues: greys alone do not make twenty palettes


def harmonize(theme_description: str, logo_description: str, count: int) -> list[Palette]:
    """Make exactly `count` (1..20) palettes of five colours, in the order of `PALETTE_ROLES`, from the words alone.

    The same words give the same palettes. Against the background, the primary has at least 4.5:1, and secondary and
    accent at least 3:1 (WCAG 2.2). The first palette is the theme's own. Lists of four or more hold a complementary, a
    monochromatic and a high-contrast palette, a white and a dark ground.

    Raises:
        ValueError: `count` is not within 1..20.
    """
    if not 1 <= count <= PALETTES_MAX:
        raise ValueError(f"count must be between 1 and {PALETTES_MAX}, got {count}")
    mood = mood_of(theme_description, logo_description)
    chosen: list[Colors] = []
    palettes: list[Palette] = []
    taken: set[str] = set()
    for position, (harmony, ground) in enumerate(_PLAN[:count]):
        colors = _choose(mood, position, harmony, ground, chosen)
        chosen.append(colors)
        name = name_for(colors, taken)
        taken.add(name)
        description = describe(harmony, colors)
        palettes.append(Palette(name=name, description=description, colors=colors, source=PaletteSource.LOCAL))
    return palettes


def palette_distance(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """Return the mean OKLab distance of two palettes, role by role."""
    return sum(delta_e(a, b) for a, b in zip(one, other, strict=True)) / len(one)


def _choose(mood: Mood, position: int, harmony: str, ground: str, chosen: list[Colors]) -> Colors:
    """Return the first try that is distinct from the palettes before it, or else the most distinct try."""
    best: tuple[float, Colors] | None = None
    for attempt in range(_TRIES):
        colors = _mix(_recipe(mood, position, attempt, harmony, ground))
        spread = min(delta_e(a, b) for a, b in combinations(colors, 2))
        distance = min((palette_distance(colors, other) for other in chosen), default=1.0)
        if spread >= WITHIN and distance >= BETWEEN:
            return colors
        merit = min(distance, BETWEEN) + min(0.0, spread - WITHIN) * 4
        if best is None or merit > best[0]:
            best = (merit, colors)
    assert best is not None
    return best[1]


def _recipe(mood: Mood, position: int, attempt: int, harmony: str, ground: str) -> _Recipe:
    turn = position + attempt
    base = mood.hues[(position + attempt // 5) % len(mood.hues)]
    # Tries first go through the levels. Then the hue moves off the wanted one, further each time, on alternate sides.
    wander = (attempt // 5 + 1) // 2 * 16.0
    base += wander * (1 if attempt // 5 % 2 else -1)
    if harmony == "theme":
        hues = _theme_hues(mood, base)
    else:
        steps = (0, 0) if mood.mono else _STEPS[harmony]
        hues = (base, base + steps[0], base + steps[1])
    if ground == "own":
        ground = "dark" if mood.dark else "paper"
    elif ground == "flip":
        ground = "white" if mood.dark else "black"
    levels = _levels(mood, position, attempt, dark=ground in _DARK, one_hue=harmony == "monochromatic")
    vividness = (1.0, 0.8, 1.15)[turn % 3] if position else 1.0
    spark = mood.grey and position >= _GREYS_ALONE
    if spark:
        hues = (hues[0], hues[1], (mood.seed % 360 + 53.0 * turn) % 360)
    return _Recipe(harmony, ground, hues, levels, mood, vividness, spark)


def _levels(mood: Mood, position: int, attempt: int, *, dark: bool, one_hue: bool) -> tuple[float, float, float]:
    if position == attempt == 0 and not dark and not (one_hue or mood.grey or mood.mono):
        return _BRIGHTEST
    ladders = (_ONE_ON_LIGHT, _ONE_ON_DARK) if one_hue or mood.mono else (_ON_LIGHT, _ON_DARK)
    if mood.grey:
        ladders = (_GREY_ON_LIGHT, _GREY_ON_DARK)
    start = position + mood.seed % 5 if position else 0  # the theme's own palette starts from the best levels
    return ladders[dark][(start + attempt) % 5]


def _theme_hues(mood: Mood, base: float) -> tuple[float, float, float]:
    if mood.mono:
        return base, base, base
    others = [hue for hue in mood.hues if hue != base] or [base + 30]
    if len(others) == 1:
        others.append(base + (185 if len(mood.hues) == 1 else -35))
    return base, others[0], others[1]


def _mix(recipe: _Recipe) -> Colors:
    """Choose the ground, then move each mark away from it until the contrast is high enough."""
    light, tint = _GROUNDS[recipe.ground]
    primary_hue, secondary_hue, accent_hue = recipe.hues
    ground_hue = recipe.hues[2] if recipe.ground == "pale" and not recipe.mood.mono else primary_hue
    background = Oklch(light, 0.0 if recipe.mood.grey else tint, _creamy(ground_hue)).hex
    dark = recipe.ground in _DARK
    ratio = 8.0 if recipe.harmony == "high-contrast" else PRIMARY_CONTRAST
    # Deep yellow looks like mud: on a light ground, a primary of that hue moves to the nearer of rust and green.
    lead = primary_hue if dark else _out_of_mud(primary_hue % 360)
    primary = with_contrast(_mark(recipe, 0, lead), background, ratio)
    secondary = with_contrast(_mark(recipe, 1, secondary_hue), background, MARK_CONTRAST)
    accent = with_contrast(_mark(recipe, 2, accent_hue), background, MARK_CONTRAST)
    secondary = _moved_apart(secondary, (primary.hex,), background, dark)
    accent = _moved_apart(accent, (primary.hex, secondary.hex), background, dark)
    level, strength = (0.43, 0.085) if dark else (min(0.87, light - 0.075), 0.075)
    chroma = 0.0 if recipe.mood.grey and not recipe.spark else strength * min(1.2, max(0.5, recipe.mood.chroma))
    hue = _creamy(accent_hue if recipe.spark else secondary_hue)
    highlight = Oklch(level, chroma, _out_of_mud(hue) if dark else hue)
    return primary.hex, secondary.hex, accent.hex, background, highlight.hex


def _creamy(hue: float) -> float:
    """Return a hue for a tint. Tints of red and orange look like skin; as grounds they move toward cream."""
    hue %= 360
    return 55 + hue * 0.4 if 10 < hue < 85 else hue


def _out_of_mud(hue: float) -> float:
    """Return the hue, moved from yellow to the nearer of rust and green."""
    if 62 < hue <= 100:
        return 45 + (hue - 62) / 38 * 17
    return 138 + (hue - 100) / 28 * 8 if 100 < hue < 128 else hue


def _mark(recipe: _Recipe, role: int, hue: float) -> Oklch:
    """Return a mark's colour before contrast: as vivid as the mood and sRGB allow at its lightness."""
    mood = recipe.mood
    level = min(0.98, max(0.1, recipe.levels[role] + mood.lightness * (0.6 if role == 0 else 1.0)))
    if mood.chroma >= _GLOWING and recipe.ground in _DARK and not mood.grey:
        level = max((0.66 + 0.03 * step for step in range(8)), key=lambda one: max_chroma(one, hue))
    if mood.grey and not (recipe.spark and role == 2):
        return Oklch(level, 0.0, hue)
    wished = (
        0.165
        * (1.0 if recipe.spark else mood.chroma**0.8)
        * recipe.vividness
        * (1.2 if recipe.harmony == "high-contrast" else 1.0)
    )
    falling = (1.0, 0.7, 0.85)[role] if recipe.harmony == "monochromatic" else (1.0, 0.92, 1.12)[role]
    return Oklch(level, min(wished * falling, 0.97 * max_chroma(level, hue)), hue)


def _moved_apart(color: Oklch, others: tuple[str, ...], background: str, dark: bool) -> Oklch:
    """Return `color`, moved along its lightness until it differs from `others`, while its contrast still holds."""
    candidates = [color.at(0.25 + 0.03 * step) for step in range(23)]
    candidates.sort(key=lambda one: (abs(one.lightness - color.lightness), one.lightness if dark else -one.lightness))
    for candidate in (color, *candidates):
        if contrast(candidate.hex, background) >= MARK_CONTRAST and all(
            delta_e(candidate.hex, other) >= WITHIN + 0.02 for other in others
        ):
            return candidate
    return color

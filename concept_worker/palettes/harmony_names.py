"""Names for palettes: evocative nouns for the colours, and one sentence about how the colours work together."""

from __future__ import annotations

from functools import cache
from itertools import product

from concept_worker.palettes.oklch import Oklch, hex_to_rgb, rgb_to_oklch

# Upper end of the hue range (degrees, OKLCH) : plain word : deep : middle : pale nouns.
_NAMES = """
14 : rose : Mulberry Claret Rosewood : Raspberry Camellia Azalea : Petal Rosewater Blossom
40 : red : Oxblood Garnet Brick : Poppy Paprika Cinnabar : Coral Blush Shell
62 : orange : Rust Chestnut Umber : Ember Terracotta Tangerine : Apricot Peach Sandstone
88 : amber : Walnut Cognac Bronze : Amber Saffron Honey : Cream Oat Biscuit
112 : yellow : Brass Ochre Tobacco : Mustard Sunflower Marigold : Butter Vanilla Straw
135 : olive : Olive Fern Moss : Pear Lime Matcha : Pistachio Linden Celery
160 : green : Pine Bottle Ivy : Clover Emerald Meadow : Dew Spearmint Aloe
185 : jade : Spruce Malachite Juniper : Jade Verdigris Laurel : Mint Seafoam Sage
208 : teal : Deepwater Kelp Cypress : Teal Turquoise Lagoon : Mist Glacier Seaglass
230 : cyan : Petrol Fjord Abyss : Cerulean Kingfisher Atoll : Ice Breeze Spray
250 : sky : Harbour Tide Stormcloud : Sky Azure Cornflower : Frost Cloud Rain
272 : blue : Navy Midnight Admiral : Cobalt Sapphire Delft : Powder Haze Porcelain
292 : indigo : Ink Indigo Nightfall : Iris Lapis Larkspur : Periwinkle Moonlight Dusk
318 : violet : Aubergine Damson Amethyst : Violet Crocus Heliotrope : Lavender Lilac Wisteria
342 : magenta : Plum Elderberry Beetroot : Orchid Fuchsia Magenta : Mallow Thistle Heather
360 : pink : Cranberry Currant Dahlia : Peony Flamingo Lipstick : Cameo Ballet Sorbet
"""
_GREYS = {
    "deep": ("Ink", "Charcoal", "Graphite"),
    "middle": ("Slate", "Pewter", "Stone"),
    "pale": ("Chalk", "Paper", "Mist"),
}
_TONES = ("deep", "middle", "pale")
_NEARLY_GREY = 0.018  # chroma below which the eye sees no hue

_SENTENCES = {
    "theme": "The theme's own colours: {primary} leads, {secondary} follows, {accent} sparks, on {ground}.",
    "analogous": "Neighbours on the colour wheel, from {primary} to {accent}, calm together on {ground}.",
    "complementary": "Opposites that sharpen each other: {primary} against {accent}, on {ground}.",
    "split-complementary": "{primary} with the two neighbours of its opposite, {secondary} and {accent}, on {ground}.",
    "triadic": "Three even steps round the wheel: {primary}, {secondary} and {accent}, on {ground}.",
    "tetradic": "Two pairs of opposites, lively and balanced: {primary} and {accent} lead, on {ground}.",
    "monochromatic": "One hue from deep to pale, {primary} above all, on {ground}.",
    "high-contrast": "Strong light against strong dark: {primary} and {accent} stand out on {ground}.",
}


@cache
def _table() -> tuple[tuple[float, str, dict[str, tuple[str, ...]]], ...]:
    rows = []
    for line in _NAMES.strip().splitlines():
        end, word, *tones = (part.strip() for part in line.split(" : "))
        rows.append((float(end), word, dict(zip(_TONES, (tuple(tone.split()) for tone in tones), strict=True))))
    return tuple(rows)


def _tone(lightness: float) -> str:
    return "deep" if lightness < 0.5 else "middle" if lightness < 0.8 else "pale"


def _row(hue: float) -> tuple[float, str, dict[str, tuple[str, ...]]]:
    return next(row for row in _table() if hue < row[0] or row[0] == 360)


def nouns(color: str) -> tuple[str, ...]:
    """Return three evocative nouns for `#RRGGBB`."""
    seen = _to_oklch(color)
    if color == "#FFFFFF":
        return "White", "Snow", "Chalk"
    if seen.chroma < _NEARLY_GREY:
        return _GREYS[_tone(seen.lightness)]
    return _row(seen.hue)[2][_tone(seen.lightness)]


def plain_name(color: str) -> str:
    """Return a common name for `#RRGGBB`: "deep teal", "pale amber", "white"."""
    seen = _to_oklch(color)
    if seen.chroma < _NEARLY_GREY:
        steps = ((0.22, "black"), (0.45, "charcoal"), (0.72, "grey"), (0.93, "silver"), (0.985, "off-white"))
        return next((name for end, name in steps if seen.lightness < end), "white")
    if seen.lightness < 0.3:
        return f"near-black {_row(seen.hue)[1]}"
    if seen.lightness > 0.92:
        return f"{_row(seen.hue)[1]}-tinted white"
    tone = {"deep": "deep ", "middle": "", "pale": "pale "}[_tone(seen.lightness)]
    muted = "soft " if tone == "" and seen.chroma < 0.07 else tone
    return f"{muted}{_row(seen.hue)[1]}"


def _to_oklch(color: str) -> Oklch:
    return rgb_to_oklch(hex_to_rgb(color))


def name_for(colors: tuple[str, ...], taken: set[str]) -> str:
    """Return a name like "Ember & Cream" that is not in `taken`, of at most 60 characters."""
    primary, secondary, accent, background, highlight = (nouns(color) for color in colors)
    for partner in (background, accent, secondary, highlight):
        for two, one in product(partner, primary):
            if one != two and f"{one} & {two}" not in taken:
                return f"{one} & {two}"
    return next(name for i in range(2, 999) if (name := f"{primary[0]} & {accent[0]} No. {i}") not in taken)


def describe(harmony: str, colors: tuple[str, ...]) -> str:
    """Return one sentence of at most 200 characters about the palette."""
    primary, secondary, accent, ground = (plain_name(color) for color in colors[:4])
    sentence = _SENTENCES[harmony].format(primary=primary, secondary=secondary, accent=accent, ground=ground)
    return sentence[:1].upper() + sentence[1:]

"""Words of a theme, translated to colour: a lexicon, and the mood that a description adds up to."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache

# One sense per line: words | hues in degrees (OKLCH) | then any of
#   c<factor> chroma   l<shift> lightness of the marks   dark, light: the ground   mono   grey   warm, cool: attraction
# Words are stems in the singular; "w1_w2" is a phrase.
# First words that name a colour, which weigh more; then words that only suggest colours.
_COLORS = """
red crimson scarlet ruby cherry blood | 27
vermilion tomato poppy paprika chili pepper | 35
coral salmon | 30 22 | c0.85 l0.06
burgundy maroon wine bordeaux merlot oxblood | 20 10 | c0.75 l-0.12
orange tangerine mandarin pumpkin carrot | 52
amber marigold saffron honey bee turmeric | 75
peach apricot | 55 40 | c0.7 l0.1
rust copper terracotta brick clay adobe pottery ceramic | 42 55 | c0.8 l-0.03
brown chocolate coffee cocoa mocha espresso caramel walnut chestnut leather tobacco | 55 65 42 | c0.5 l-0.1
tan beige sand khaki camel latte linen oat straw parchment kraft | 75 65 | c0.4 l0.04 light
cream ivory vanilla | 85 70 | c0.45 light
yellow lemon sunflower canary mustard corn | 100 90
gold golden brass bronze | 85 70 | c0.85
lime chartreuse pear | 122
green emerald jade grass clover shamrock | 150
olive moss sage avocado pistachio | 118 128 | c0.6
mint seafoam | 165 | c0.7 l0.06
teal turquoise aqua lagoon peacock | 190 200
cyan | 205
blue azure cobalt cornflower sapphire | 258
sky sky_blue | 235 245 | c0.8 l0.06
navy midnight_blue | 262 268 | c0.75 l-0.12
indigo denim | 277 | c0.9
violet iris | 298
purple plum aubergine eggplant grape amethyst | 312
lavender lilac wisteria mauve periwinkle | 300 310 | c0.6 l0.08
magenta fuchsia orchid | 335
pink blush rose rosy bubblegum flamingo sakura | 355 5 | c0.9 l0.04
black onyx ebony obsidian | | c0.5 dark l-0.06
coal charcoal slate graphite anthracite | 250 | c0.3 dark
grey gray silver steel iron aluminium aluminum chrome concrete stone ash cement | 250 230 | c0.25
white snow ivory_white paper | | c0.8 light
"""
_MOODS = """
autumn autumnal fall harvest october november thanksgiving | 43 78 25 62
spring april easter | 140 355 100 | c0.75 l0.05 light
summer summery july | 55 95 220 25 | c1.1 l0.04
winter wintry frost frosty ice icy snowy arctic glacier polar nordic | 235 215 255 | c0.6 cool light
christmas xmas | 27 150 85
halloween spooky | 52 300 | dark
sunset dusk | 40 15 60 330 | c1.05
sunrise dawn morning | 50 30 75 | c0.8 l0.06 light
night midnight moonlit moonlight starry nocturnal evening twilight | 270 285 250 | dark c0.9
space cosmic galaxy nebula astronomy universe stellar planet | 285 300 265 330 | dark
moon lunar | 265 90 | c0.8
sun sunny solar sunshine | 85 65 | c1.1
ocean sea marine nautical maritime sailing navy_style underwater | 245 220 200 | c0.95
coast coastal beach seaside island surf surfing shore | 215 75 190 | c0.8 light
tropical jungle rainforest exotic hawaii | 155 190 30 95 | c1.15
river lake water rain aquatic wave | 225 210
forest wood woodland pine evergreen fir bush | 150 135 120 | c0.8 l-0.07
wooden timber oak log cabin lumber | 60 75 135 | c0.5 l-0.06
mountain alpine hiking outdoor trail peak summit | 160 235 60 | c0.65 l-0.03
desert safari savanna savannah canyon western sahara | 60 40 80 | c0.75
meadow garden botanical herbal plant nature natural floral leaf leafy | 140 125 60 | c0.75
organic eco ecological green_energy sustainable sustainability vegan farm farming | 138 115 70 | c0.75
earth earthy earthen soil muddy | 60 45 115 | c0.55 l-0.05
fire flame fiery ember lava volcano volcanic hot burning bonfire campfire | 35 50 75 | c1.15
smoke smoky fog foggy mist misty haze cloudy cloud | 240 | c0.35 l0.05
storm stormy thunder thunderstorm | 255 270 90 | c0.7 dark
rainbow multicolor multicolour colorful colourful colorfully festival carnival | 30 95 145 260 320 | c1.25
neon cyberpunk vaporwave synthwave arcade glow glowing electric laser | 330 195 300 145 | c1.5 dark l0.08
pastel | 355 300 235 165 | c0.6 l0.08 light
soft gentle delicate tender baby nursery | | c0.6 l0.08 light
candy sweet bubble cupcake dessert icecream ice_cream | 355 330 75 190 | c0.95 l0.07 light
vivid bright vibrant bold energetic energy saturated lively punchy loud intense | | c1.3
muted dull desaturated subdued understated calm quiet serene peaceful zen tranquil relaxed | | c0.6
dark moody gothic goth noir mysterious darkness shadow dramatic | | dark c0.85
light airy fresh clean bright_white | | light c0.95 l0.02
warm cozy cosy hearth homely hygge | | warm c0.95
cool cold chill fresh_air | | cool
luxury luxurious premium elegant elegance opulent royal regal exclusive posh gala | 85 310 265 | c0.65 l-0.08 dark
sophisticated classy refined boutique couture fashion jewelry jewellery | 15 85 330 | c0.5 l-0.05
minimal minimalist minimalistic simple scandinavian swiss | | c0.6 light
modern contemporary sleek futuristic future | 262 195 | c1.05
retro vintage nostalgic old-school oldschool antique heritage | 45 80 190 25 | c0.9
seventies 70s 1970s groovy | 50 80 30 105
sixties 60s 1960s psychedelic hippie | 335 95 190 40 | c1.2
fifties 50s 1950s diner | 190 20 90 | c0.8
eighties 80s 1980s | 335 200 300 | c1.35
nineties 90s 1990s | 190 300 95 | c1.15
industrial mechanical machine factory engineering steampunk construction workshop | 60 240 40 | c0.5 l-0.05
rustic handmade hand-made handcrafted hand-crafted artisan artisanal craft crafted homemade | 55 42 85 | c0.85
tech technology technical software startup digital ai cyber data cloud_computing saas app | 262 285 195 | c1.1
finance financial bank banking insurance law legal consulting corporate business trust | 258 245 | c0.75 l-0.06
medical health healthcare clinic hospital dental pharmacy doctor | 205 235 165 | c0.85
wellness spa yoga beauty skincare meditation | 165 350 75 | c0.55 l0.03
sport sporty fitness gym athletic racing speed | 30 258 95 | c1.25
kid kids child children childish toy playful fun funny cheerful happy joyful whimsical | 55 220 350 140 95 | c1.2 l0.04
romantic romance love wedding valentine feminine | 5 350 25 | c0.8
masculine rugged strong tough robust | 245 40 | c0.6 l-0.08
food restaurant kitchen cooking bakery bread pastry culinary cafe café | 50 30 80 | c0.85
pizza burger grill barbecue bbq spicy mexican | 30 55 85 | c1.1
tea matcha herb | 130 115 70 | c0.65
beer brewery pub ale whiskey whisky | 70 60 45 | c0.75 l-0.06
berry blueberry raspberry strawberry fruit fruity | 350 10 300 | c1.05
citrus juicy juice | 55 100 125 | c1.2
book library literary academic scholarly university school education | 20 255 75 | c0.65 l-0.06
music jazz concert band | 300 25 255 | c0.95
blues | 260 | c0.7 dark
travel adventure explore explorer wanderlust journey | 195 50 85 | c0.9
magic magical fairy fairytale fantasy mystical mystic enchanted dream dreamy witch wizard | 300 330 270 | c0.95
unicorn | 330 300 200 | c0.9 l0.08 light
monochrome monochromatic single-color single-colour one-color | | mono
monotone greyscale grayscale black_and_white black-and-white | | mono grey
japanese japan tokyo | 25 260 | c0.8
chinese china | 27 80
indian india bollywood | 55 335 150 85 | c1.15
mediterranean greek greece italy italian tuscan tuscany | 240 55 95 | c0.85
french france paris | 258 20 | c0.75
irish ireland celtic | 150 55
african africa | 45 85 145 27
viking norse medieval castle knight | 40 245 80 | c0.55 l-0.08
pirate | 27 60 | c0.8 dark
egypt egyptian pharaoh | 80 255 45
"""

_NEGATIONS = frozenset(
    ("not", "no", "non", "without", "never", "avoid", "avoiding", "except", "minus", "isn't", "don't", "nor")
)
# Words between a negation and its target ("not too dark", "without any red").
_BRIDGES = frozenset(
    ("a", "an", "the", "any", "too", "so", "very", "much", "overly", "and", "or", "of", "to", "be", "in")
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Sense:
    """A meaning of one word as colour; in a description, factors multiply and shifts add up."""

    hues: tuple[float, ...] = ()
    chroma: float = 1.0
    lightness: float = 0.0
    flags: frozenset[str] = frozenset()
    names_color: bool = False


@dataclass(frozen=True)
class Mood:
    """A meaning of a whole brief as colour; `hues` are wishes in order of weight, never empty."""

    hues: tuple[float, ...]
    avoided: tuple[float, ...]  # hues that the words exclude
    chroma: float  # factor, 0.2..1.7
    lightness: float  # shift of the marks, -0.15..0.15
    dark: bool  # the theme asks for a dark ground
    mono: bool  # one hue only
    grey: bool  # no hue at all
    seed: int  # 64 bits of a hash of the words, for all choices that the words leave open


@dataclass
class Tally:
    """A sum of the senses of a text; a flag's number is its votes for, minus those against."""

    named: list[float] = field(default_factory=list)  # hues of words that name a colour
    suggested: list[float] = field(default_factory=list)  # hues of words that suggest one
    avoided: list[float] = field(default_factory=list)
    chroma: float = 1.0
    lightness: float = 0.0
    flags: dict[str, int] = field(default_factory=dict)

    @property
    def hues(self) -> list[float]:
        """All wanted hues, the named ones first, none twice."""
        return list(dict.fromkeys(self.named + self.suggested))

    def _count(self, flags: frozenset[str], step: int) -> None:
        for flag in flags:
            self.flags[flag] = self.flags.get(flag, 0) + step

    def add(self, sense: Sense) -> None:
        """Add a word that asks for its sense."""
        (self.named if sense.names_color else self.suggested).extend(sense.hues)
        self.chroma *= sense.chroma
        self.lightness += sense.lightness
        self._count(sense.flags, 1)

    def refuse(self, sense: Sense) -> None:
        """Subtract a word that is negated."""
        self.avoided += sense.hues[:1]
        if not sense.hues:
            self.chroma /= sense.chroma
            self.lightness -= sense.lightness
        self._count(sense.flags, -2)


def words_of(text: str) -> list[str]:
    """Return the words of `text`, lower case, in order; any script."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def seed_of(*texts: str) -> int:
    """Return 64 bits that depend on the texts alone, and not on their case or outer spaces."""
    plain = "\x1f".join(unicodedata.normalize("NFKC", text).casefold().strip() for text in texts)
    return int.from_bytes(hashlib.sha256(plain.encode("utf-8", "replace")).digest()[:8], "big")


@cache
def _lexicon() -> dict[str, Sense]:
    entries: dict[str, Sense] = {}
    colors = _COLORS.strip().splitlines()
    for number, line in enumerate(colors + _MOODS.strip().splitlines()):
        words, hues, *rest = (part.strip() for part in line.split("|"))
        sense = _sense(hues, rest[0].split() if rest else [], names_color=number < len(colors))
        entries.update({word.replace("_", " "): sense for word in words.split()})
    return entries


def _sense(hues: str, marks: list[str], *, names_color: bool) -> Sense:
    numbers = {mark[0]: float(mark[1:]) for mark in marks if mark[0] in "cl" and mark[1:2] in "-0123456789"}
    flags = frozenset(mark for mark in marks if mark[-1].isalpha())
    return Sense(
        tuple(float(hue) for hue in hues.split()), numbers.get("c", 1.0), numbers.get("l", 0.0), flags, names_color
    )


def _lookup(word: str) -> Sense | None:
    lexicon = _lexicon()
    for stem in (word, *(word.removesuffix(end) for end in ("s", "es", "y", "ish"))):
        if len(stem) > 1 and stem in lexicon:
            return lexicon[stem]
    return next((lexicon[part] for part in word.split("-") if part in lexicon), None)


def _senses(words: list[str]) -> list[tuple[str, Sense | None]]:
    """Return each word or phrase of the lexicon with its sense, the longest phrase first."""
    found: list[tuple[str, Sense | None]] = []
    position = 0
    while position < len(words):
        for length in (3, 2):
            phrase = " ".join(words[position : position + length])
            if phrase in _lexicon():
                break
        else:
            length, phrase = 1, words[position]
        found.append((phrase, _lookup(phrase.removeprefix("non-"))))
        position += length
    return found


def tally_of(text: str) -> Tally:
    """Add up the senses of a text's words, with negations."""
    tally, negated = Tally(), False
    for phrase, sense in _senses(words_of(text)):
        if phrase in _NEGATIONS:
            negated = True
        elif sense is not None:
            (tally.refuse if negated or phrase.startswith("non-") else tally.add)(sense)
            negated = False
        elif phrase not in _BRIDGES:
            negated = False
    return tally


def hue_distance(one: float, other: float) -> float:
    """Return the degrees between two hues, 0..180."""
    return abs((one - other + 180) % 360 - 180)


def mood_of(theme: str, logo: str) -> Mood:
    """Return the mood of a brief. The theme leads; the logo's words give hues only where the theme gives none."""
    tally, subject, seed = tally_of(theme), tally_of(logo), seed_of(theme, logo)
    flags = {flag for flag, votes in tally.flags.items() if votes > 0}
    avoided = tuple(tally.avoided)
    wanted = tally.hues or subject.hues or [float(seed % 360)]
    jitter = (seed >> 16) % 17 - 8.0  # briefs with the same colour words still differ a little
    hues = tuple(_shifted_hue(hue + jitter, flags, avoided) for hue in wanted)
    return Mood(
        hues=hues,
        avoided=avoided,
        chroma=min(1.7, max(0.2, tally.chroma)),
        lightness=min(0.15, max(-0.15, tally.lightness)),
        dark=tally.flags.get("dark", 0) > max(0, tally.flags.get("light", 0)),
        mono="mono" in flags,
        grey="grey" in flags,
        seed=seed,
    )


def _shifted_hue(hue: float, flags: set[str], avoided: tuple[float, ...]) -> float:
    """Return `hue`, moved toward warm or cool where the words ask for it, and away from hues that they exclude."""
    for flag, centre in (("warm", 55.0), ("cool", 235.0)):
        if flag in flags and hue_distance(hue, centre) > 60:
            hue = centre + (hue * 7.3) % 90 - 45
    for _ in range(12):
        if all(hue_distance(hue, other) >= 35 for other in avoided):
            break
        hue += 37
    return hue % 360

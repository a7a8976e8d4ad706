"""A description, read: its subjects, how they stand to each other, a frame, and a name to set below."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache

from concept_worker.offline.motifs import MOTIFS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]{1,40})[\"“”„«»]|(?<![^\W_])['‘]([^'‘’]{2,40})['’](?![^\W_])")
_NAMED = re.compile(
    r"\b(?:called|named|titled|entitled|reads?|saying|says|for|by|brand|company|firm|studio|agency|club|team|group|restaurant"
    r"|bar|pub|shop|store|café|cafe|bakery|brewery|winery|hotel|clinic|school|band|label)[:\s]+(?:the\s+(?=[A-Z]))?"
    r"((?:[A-Z][\w'’.-]*|&|and(?=\s+[A-Z]))(?:\s+(?:[A-Z0-9][\w'’.-]*|&|and(?=\s+[A-Z])))*)"
)
_CALLED_LOWER = re.compile(r"\b(?:called|named)[:\s]+([^\W\d_][\w'’-]{1,23})")
_LETTERS = re.compile(
    r"\b(?:letters?|monogram|initials?)\s+(?:of\s+)?[\"'“‘]?((?-i:[A-Z0-9]{1,2})|[A-Za-z0-9])\b", re.IGNORECASE
)
_REFUSALS = frozenset(("no", "not", "without", "never", "non", "minus", "except"))


class Relation(Enum):
    """The relation of the first subject to the second."""

    WITH = "with"
    OVER = "over"
    UNDER = "under"
    BEFORE = "before"
    BEHIND = "behind"
    INSIDE = "inside"
    BESIDE = "beside"
    HOLDING = "holding"


class Frame(Enum):
    """A frame round the mark."""

    NONE = "none"
    CIRCLE = "circle"
    RING = "ring"
    SHIELD = "shield"
    HEXAGON = "hexagon"
    SQUARE = "square"


_RELATIONS = {
    Relation.OVER: "over above atop on across leaping jumping flying soaring riding top",
    Relation.UNDER: "under below beneath underneath",
    Relation.BEFORE: "before in_front in_front_of against",
    Relation.BEHIND: "behind",
    Relation.INSIDE: "in inside within into through",
    Relation.BESIDE: "beside near next by alongside",
    Relation.HOLDING: "holding reading carrying wearing eating drinking hugging catching playing chasing using writing",
}
_FRAMES = {
    Frame.CIRCLE: "circle circular round roundel disc disk badge",
    Frame.RING: "ring emblem seal stamp medallion coin",
    Frame.SHIELD: "crest heraldic coat_of_arms",
    Frame.HEXAGON: "hexagon hexagonal hex",
    Frame.SQUARE: "square app_icon icon tile squircle",
}
_MOVING = frozenset(
    ("leaping", "leap", "leaps", "jumping", "jump", "jumps", "running", "run", "runs", "bounding", "chasing")
)
_POSES = {"fox": "leaping fox", "wolf": "leaping fox"}


@dataclass(frozen=True)
class Reading:
    """A description, as far as it was understood."""

    subjects: tuple[str, ...]  # names in `MOTIFS`, in order of appearance, at most three
    relation: Relation
    frame: Frame | None  # None: the words leave it open
    wordmark: str  # the name to set below; "" when the description has none
    initials: str  # one or two letters A-Z or digits, "" when there are none


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, split at hyphens; an emoji counts as the words of its Unicode name."""
    spelled = "".join(_spelled(character) for character in unicodedata.normalize("NFKC", text))
    return _WORD.findall(spelled.casefold())


def _spelled(character: str) -> str:
    if unicodedata.category(character) != "So":
        return character
    return f" {unicodedata.name(character, '')} "


@cache
def _index(kind: str) -> dict[str, str]:
    """Map each word or phrase to the name that it calls for."""
    if kind == "subjects":
        return {word: name for name, one in MOTIFS.items() for word in one.words}
    if kind == "hints":
        return {word: name for name, one in MOTIFS.items() for word in one.hints}
    table: Iterable[tuple[Enum, str]] = _RELATIONS.items() if kind == "relations" else _FRAMES.items()
    return {word.replace("_", " "): member.value for member, words in table for word in words.split()}


def find(words: list[str], kind: str) -> list[tuple[int, str]]:
    """Find the subjects, relations or frames that the words call for: position and name, longest phrase first."""
    index, found, position = _index(kind), [], 0
    while position < len(words):
        for length in (3, 2, 1):
            name = _name_of(words[position : position + length], index)
            if name is not None:
                break
        else:
            length = 1
        if name is not None and not _refused(words, position):
            found.append((position, name))
        position += length
    return found


def _name_of(phrase: list[str], index: dict[str, str]) -> str | None:
    text = " ".join(phrase)
    stems = [text, text.removesuffix("s"), text.removesuffix("es"), text.removesuffix("'s")]
    if text.endswith("ies"):
        stems.append(text[:-3] + "y")
    if text.endswith("ves"):
        stems += [text[:-3] + "f", text[:-3] + "fe"]
    return next((index[stem] for stem in stems if stem in index), None)


def _refused(words: list[str], position: int) -> bool:
    before = words[max(0, position - 2) : position]
    return bool(before) and (
        before[-1] in _REFUSALS or (before[0] in _REFUSALS and before[-1] in ("a", "an", "the", "any"))
    )


def read(description: str) -> Reading:
    """Read a logo description; any text is accepted."""
    name = _name_in(description)
    words = words_of(description)
    first: dict[str, int] = {}
    for position, subject in _subjects(words, words_of(name)):
        first.setdefault(subject, position)
    frames = find(words, "frames")
    if len(first) > 1 and "shield" in first:  # beside another subject a shield is the frame of that subject
        frames.insert(0, (first.pop("shield"), Frame.SHIELD.value))
    subjects = tuple(first)[:3]
    if _MOVING & set(words):
        subjects = tuple(_POSES.get(subject, subject) for subject in subjects)
    return Reading(
        subjects=subjects,
        relation=_relation(words, [first[subject] for subject in tuple(first)[:2]]),
        frame=Frame(frames[0][1]) if frames else None,
        wordmark=name,
        initials=_initials(name, description),
    )


def _subjects(words: list[str], name: list[str]) -> list[tuple[int, str]]:
    """Find the subjects in the description outside the name; else those in the name; else one that is hinted at."""
    around = [word if word not in name else "" for word in words]
    return find(around, "subjects") or find(words, "subjects") or find(around, "hints")[:1]


def _relation(words: list[str], positions: list[int]) -> Relation:
    if len(positions) < 2:
        return Relation.WITH
    between = [name for at, name in find(words, "relations") if positions[0] < at < positions[1]]
    if not between:
        return Relation.WITH
    plain = [name for name in between if name != Relation.OVER.value]
    return Relation(plain[0] if plain and between[-1] != Relation.OVER.value else between[-1])


def _name_in(description: str) -> str:
    quoted = _QUOTED.search(description)
    if quoted:
        return " ".join((quoted.group(1) or quoted.group(2)).split())
    named = _NAMED.search(description)
    if named:
        return named.group(1).strip(" .,'’-&")[:28].strip()
    lower = _CALLED_LOWER.search(description)
    return lower.group(1).strip("'’-") if lower else ""


def _initials(name: str, description: str) -> str:
    """Return the letters that the text asks for ("a monogram AB", "the letter K"), else the name's initials."""
    asked = _LETTERS.search(description)
    if asked:
        return asked.group(1).upper()
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = [word for word in re.findall(r"[A-Za-z0-9]+", plain) if word.lower() not in ("the", "of", "and")]
    return "".join(word[0] for word in words[:2]).upper()

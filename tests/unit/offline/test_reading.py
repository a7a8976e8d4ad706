"""What the offline generator understands of a description."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_worker.offline.motifs import MOTIFS
from concept_worker.offline.reading import Frame, Relation, read

WORDS = [(word, name) for name, motif in MOTIFS.items() for word in motif.words]
HINTS = [(word, name) for name, motif in MOTIFS.items() for word in motif.hints]


def test_no_word_calls_two_motifs() -> None:
    """Each word and each hint belongs to one motif, and no hint is another's word."""
    counted = Counter(word for word, _ in WORDS + HINTS)
    assert [word for word, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", MOTIFS)
def test_every_word_calls_its_motif(name: str) -> None:
    """Alone in a sentence each word is understood, each hint too where nothing is named."""
    motif = MOTIFS[name]
    assert [word for word in motif.words if read(f"a logo with a {word}").subjects != (name,)] == []
    assert [word for word in motif.hints if read(f"something {word}").subjects != (name,)] == []


def test_hints_yield_to_subjects() -> None:
    """A coffee shop with an owl is an owl and a cup, not a shopping bag."""
    assert read("an owl for the coffee shop next to the school").subjects == ("owl", "cup")


@pytest.mark.parametrize(
    ("description", "subjects", "relation"),
    [
        ("a fox leaping over a crescent moon", ("leaping fox", "moon"), Relation.OVER),
        ("an owl reading a book", ("owl", "book"), Relation.HOLDING),
        ("mountains and a sun", ("mountain", "sun"), Relation.WITH),
        ("a rabbit under a mushroom", ("rabbit", "mushroom"), Relation.UNDER),
        ("a cat in a coffee cup", ("cat", "cup"), Relation.INSIDE),
        ("a dog beside a house", ("dog", "house"), Relation.BESIDE),
        ("a deer in front of a mountain", ("deer", "mountain"), Relation.BEFORE),
        ("a bear behind the tree", ("bear", "tree"), Relation.BEHIND),
    ],
)
def test_two_subjects_and_how_they_stand(description: str, subjects: tuple[str, ...], relation: Relation) -> None:
    """Subjects in order, and the relation between them."""
    reading = read(description)
    assert (reading.subjects, reading.relation) == (subjects, relation)


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ('a fox called "Rusty Tail"', "Rusty Tail"),
        ("a bakery “Golden Crust”", "Golden Crust"),
        ("an owl for 'Night School'", "Night School"),
        ("a bee named Maja", "Maja"),
        ("a key for Open Door Realty", "Open Door Realty"),
        ("a brand called lumen", "lumen"),
        ("Logo für «Café Müller»", "Café Müller"),
        ("a logo for a coffee shop", ""),
        ("the dog's house isn't here", ""),
    ],
)
def test_names_become_wordmarks(description: str, name: str) -> None:
    """Quoted names, and those after called, named, for."""
    assert read(description).wordmark == name


@pytest.mark.parametrize(
    ("description", "frame"),
    [
        ("a fox in a circle", Frame.CIRCLE),
        ("a wolf emblem", Frame.RING),
        ("an eagle on a shield", Frame.SHIELD),
        ("a bee in a hexagon", Frame.HEXAGON),
        ("a whale app icon", Frame.SQUARE),
        ("a whale", None),
    ],
)
def test_frames(description: str, frame: Frame | None) -> None:
    """Enclosing forms by their words."""
    assert read(description).frame is frame


@pytest.mark.parametrize("description", ["a fox without a moon", "a fox, no moon", "a fox not the moon"])
def test_refused_subjects_are_left_out(description: str) -> None:
    """What the words refuse is not drawn."""
    assert read(description).subjects == ("fox",)


@pytest.mark.parametrize(
    ("description", "subjects"),
    [("🦊🌙", ("fox", "moon")), ("wolves", ("wolf",)), ("two cherries", ("cherry",)), ("FOXES!", ("fox",))],
)
def test_emoji_and_plurals(description: str, subjects: tuple[str, ...]) -> None:
    """An emoji counts as its Unicode name; plurals as their singular."""
    assert read(description).subjects == subjects


@pytest.mark.parametrize(
    ("description", "initials"),
    [("the letter K", "K"), ("a monogram AB", "AB"), ("brand for Nova Ledger", "NL"), ("something plain", "")],
)
def test_initials(description: str, initials: str) -> None:
    """Letters that are asked for, else those of the name."""
    assert read(description).initials == initials


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120))
def test_any_text_can_be_read(description: str) -> None:
    """No text raises, and subjects are always known."""
    assert set(read(description).subjects) <= set(MOTIFS)


@pytest.mark.parametrize(
    ("description", "subjects"),
    [
        ("a logo for Blue Fox", ("fox",)),
        ("an owl for Blue Fox", ("owl",)),
        ("a law firm named Baker Travel", ()),
    ],
)
def test_names_count_where_nothing_else_is_named(description: str, subjects: tuple[str, ...]) -> None:
    """A subject within a name is drawn for want of another; a mere hint within a name is not."""
    assert read(description).subjects == subjects

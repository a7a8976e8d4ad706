"""What becomes of a language model's idea of palettes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_worker.models import PALETTE_ROLES, Palette, PaletteSource
from concept_worker.palettes.harmony import harmonize
from concept_worker.palettes.repair import repair_palettes

FIVE = ["#12344D", "#2F6F8F", "#F2A65A", "#F7F4EE", "#0B1D2A"]
OTHER = ["#401F3E", "#7A3E65", "#E3B23C", "#FFFFFF", "#1B0E1A"]
SPARES = harmonize("calm sea", "a fox", 7)


def repair(answer: object, count: int = 7) -> list[Palette]:
    """Repair with the usual spares."""
    return repair_palettes(answer, count=count, spares=lambda: SPARES)


def entry(colors: Any, name: Any = "Fjord", **more: Any) -> dict[str, Any]:
    """One entry as a model writes it."""
    return {"name": name, "colors": colors, **more}


def never() -> Sequence[Palette]:
    """Spares for answers that need none."""
    raise AssertionError("nothing was missing")


@pytest.mark.parametrize(
    "answer",
    [
        [entry(FIVE)],
        [entry([color.lower() for color in FIVE])],
        [entry([color.removeprefix("#") for color in FIVE])],
        [entry(dict(zip(PALETTE_ROLES, FIVE, strict=True)))],
        [entry(dict(reversed(list(zip(PALETTE_ROLES, FIVE, strict=True)))))],
        [entry(dict(zip(["First Color", "second-color", "third_color", "fourth", "fifth"], FIVE, strict=True)))],
        [entry([dict(zip(["first_color", "second_color", "third_color", "x", "y"], FIVE, strict=True))])],
        [entry([[*FIVE]])],
        [entry([{"name": f"c{at}", "hex": color} for at, color in enumerate(FIVE)])],
        [entry([{"hex": color} for color in FIVE])],
        [entry(", ".join(FIVE))],
        [entry(" ".join(FIVE))],
        [entry([*FIVE, "#FF00FF", "#00FF00"])],
        [{"title": "Fjord", "hex_codes": FIVE}],
        [{"name": "Fjord", **dict(zip([f"{role}_color" for role in PALETTE_ROLES], FIVE, strict=True))}],
        {"palettes": [entry(FIVE)]},
        {"result": {"palettes": [entry(FIVE)]}},
        {"result": json.dumps([entry(FIVE)])},
        {"Fjord": FIVE},
        {"Fjord": {"colors": FIVE}},
        entry(FIVE),
        json.dumps([entry(FIVE)]),
        f"Sure! Here they are:\n```json\n{json.dumps([entry(FIVE)], indent=2)}\n```\nAnything else?",
        f"```\n{json.dumps({'palettes': [entry(FIVE)]})}",
        f"Here: {json.dumps([entry(FIVE)])} as asked.",
        [json.dumps(entry(FIVE))],
    ],
)
def test_every_form_gives_the_same_palette(answer: object) -> None:
    """Strings, objects, lists in lists, wrappers, fences and prose around it."""
    palettes = repair_palettes(answer, count=7, spares=never)
    assert [(palette.name, list(palette.colors)) for palette in palettes] == [("Fjord", FIVE)]


def test_one_bad_entry_costs_only_itself() -> None:
    """Junk between good entries is left out, and the order stays."""
    answer: list[Any] = [
        None,
        "words",
        7,
        entry(FIVE),
        [],
        {},
        {"name": "Mud", "colors": ["brownish"]},
        entry(OTHER, "Plum"),
    ]
    assert [palette.name for palette in repair(answer)] == ["Fjord", "Plum"]


def test_a_list_cut_in_the_middle_keeps_what_is_whole() -> None:
    """The model ran out of tokens inside the third palette."""
    text = json.dumps({"palettes": [entry(FIVE), entry(OTHER, "Plum"), entry(FIVE[::-1], "Cut")]})
    assert [palette.name for palette in repair(text[:-30])] == ["Fjord", "Plum"]


def test_missing_colors_come_from_the_spare_of_the_same_role() -> None:
    """Four readable colours, the background is not one."""
    (palette,) = repair([entry([*FIVE[:3], "sort of white", FIVE[4]])])
    assert palette.colors == (*FIVE[:3], SPARES[0].colors[3], FIVE[4])
    assert palette.source is PaletteSource.PROVIDER


def test_repeated_colors_are_replaced_by_later_ones_first() -> None:
    """A sixth colour of the model's own is better than one of ours."""
    (palette,) = repair_palettes([entry([*FIVE[:3], FIVE[0].lower(), FIVE[3], FIVE[4]])], count=1, spares=never)
    assert sorted(palette.colors) == sorted(FIVE)


def test_too_little_of_its_own_is_no_palette() -> None:
    """Two colours, or one colour five times, would be our palette under the provider's name."""
    assert repair([entry(FIVE[:2]), entry([FIVE[0]] * 5), entry([])]) == []


def test_no_spares_still_gives_five_distinct_colors() -> None:
    """The last resort is grey."""
    (palette,) = repair_palettes([entry(FIVE[:3])], count=1, spares=list)
    assert len(set(palette.colors)) == 5


def test_at_most_count_and_no_twins() -> None:
    """More than asked is cut, the same colours twice are one palette."""
    answer = [entry(FIVE), entry(FIVE, "Again"), entry(OTHER, "Plum"), entry(FIVE[::-1], "Back")]
    assert [palette.name for palette in repair(answer, 2)] == ["Fjord", "Plum"]


def test_names_are_trimmed_and_unique() -> None:
    """Long, empty, repeated, missing and multi-line names."""
    rotations = [FIVE[at:] + FIVE[:at] for at in range(5)]
    names = ["  Fjord\nat\x00 dawn ", "fjord at dawn", "x" * 99, None, ""]
    palettes = repair([entry(colors, name) for colors, name in zip(rotations, names, strict=True)])
    assert [palette.name for palette in palettes] == [
        "Fjord at dawn",
        "fjord at dawn 2",
        "x" * 59 + "…",
        "Palette 4",
        "Palette 5",
    ]


def test_descriptions_are_one_line_of_bounded_length() -> None:
    """Line breaks and control characters go, long ones are cut."""
    (palette,) = repair([entry(FIVE, description="a\n\tb\x07" + "c" * 500)])
    assert palette.description.startswith("a b c")
    assert len(palette.description) == 200


@pytest.mark.parametrize(
    "answer", [None, 5, "", "no palettes today", [], {}, {"palettes": []}, {"result": None}, "[[["]
)
def test_nothing_usable_is_an_empty_list(answer: object) -> None:
    """The caller decides what that means."""
    assert repair(answer) == []


def test_deep_and_long_answers_end() -> None:
    """A model in a loop keeps nobody busy."""
    deep: Any = FIVE
    for _ in range(900):
        deep = {"result": [deep], "colors": [deep]}
    for answer in (deep, "[" * 100_000, '{"a":' * 5_000, '{"a":1,' * 50_000, [entry(FIVE[:1])] * 100_000):
        assert repair(answer) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.from_regex(r"#?[0-9a-fA-F]{3,8}", fullmatch=True)
    | st.sampled_from(["teal", "Dark Red", "rgb(1,2,3)", *FIVE]),
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.dictionaries(
            st.sampled_from(["name", "colors", "palettes", "primary", "first_color", "result", "hex", "x"]) | st.text(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=40,
)


def assert_sound(palettes: list[Palette], count: int) -> None:
    """At most `count`, each with five distinct colours and a name of its own."""
    assert len(palettes) <= count
    assert all(len(set(palette.colors)) == len(PALETTE_ROLES) for palette in palettes)
    assert len({palette.name for palette in palettes}) == len(palettes)
    assert len({palette.colors for palette in palettes}) == len(palettes)


@given(answer=JSON, count=st.integers(1, 20))
def test_any_json_gives_sound_palettes_or_none(answer: Any, count: int) -> None:
    """Whatever comes, nothing is raised and nothing unsound gets out."""
    assert_sound(repair(answer, count), count)


@given(text=st.text(max_size=300) | JSON.map(lambda value: f"```json\n{json.dumps(value)}"), cut=st.integers(0, 300))
def test_any_text_gives_sound_palettes_or_none(text: str, cut: int) -> None:
    """Also text that is cut anywhere."""
    assert_sound(repair(text[:cut]), 7)


@given(
    entries=st.lists(
        st.tuples(
            st.lists(st.sampled_from(FIVE + OTHER), min_size=5, max_size=5, unique=True),
            st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.none()),
        ),
        max_size=25,
    )
)
def test_good_entries_survive_any_neighbours(entries: list[tuple[list[str], Any]]) -> None:
    """Every distinct good entry comes through in order, up to the count, whatever stands between."""
    answer = [part for colors, junk in entries for part in (entry(colors, "Good"), junk)]
    expected = list(dict.fromkeys(tuple(colors) for colors, _ in entries))
    assert [palette.colors for palette in repair(answer, 20)] == expected[:20]

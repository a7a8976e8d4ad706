"""Shapes of answers that language models really give: every one was paid for, and none with palettes may be lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concept_worker.models import PALETTE_ROLES
from concept_worker.palettes.nearly_json import nearly_whole_values, whole_values
from concept_worker.palettes.repair import repair_palettes

FJORD = ("#12344D", "#2F6F8F", "#F2A65A", "#F7F4EE", "#0B1D2A")
PLUM = ("#401F3E", "#7A3E65", "#E3B23C", "#FFFFFF", "#1B0E1A")
F, P = json.dumps(FJORD), json.dumps(PLUM)
ENTRIES = [{"name": "Fjord", "colors": FJORD}, {"name": "Plum", "colors": PLUM}]
ONE, TWO = map(json.dumps, ENTRIES)
BOTH = json.dumps(ENTRIES)
DRAFT = json.dumps([{"name": "Draft", "colors": FJORD}])
ROLES = [role.title() for role in PALETTE_ROLES]
BOLD_ROLE, ROLE_TITLE, SHADE, SHADE_TITLE = (
    "**{role}**\n{color}",
    "{role}:\n- {color}",
    "My {role}\n{color}",
    "My {role}:\n{color}",
)


def each(pattern: str, colors: tuple[str, ...], between: str = "\n") -> str:
    """The pattern for each colour with its role."""
    return between.join(pattern.format(role=role, color=color) for role, color in zip(ROLES, colors, strict=True))


READ_BEFORE: dict[str, object] = {
    "a list": ENTRIES,
    "JSON": BOTH,
    "prose around": f"Here: {BOTH} Anything else?",
    "a fence": f"Sure!\n```json\n{BOTH}\n```\nAnything else?",
    "an open fence": f"```\n{BOTH}",
    "a wrapper": {"palettes": ENTRIES},
    "two wrappers": {"result": {"palettes": ENTRIES}},
    "JSON in a field": {"result": BOTH},
    "thinking without brackets": f"<think>hm</think>\n{BOTH}",
    "by name": {"Fjord": FJORD, "Plum": {"colors": PLUM}},
    "roles as fields": [{"name": n, **dict(zip(ROLES, c, strict=True))} for n, c in (("Fjord", FJORD), ("Plum", PLUM))],
    "colors in one text": [{"name": "Fjord", "colors": ", ".join(FJORD)}, {"name": "Plum", "colors": " ".join(PLUM)}],
    "Windows line ends": f"```json\r\n{json.dumps(ENTRIES, indent=1)}\r\n```".replace("\n", "\r\n"),
    "a byte order mark": f"\ufeff{BOTH}",
    "entries as texts": [ONE, TWO],
    "fences of tildes": f"~~~json\n{BOTH}\n~~~",
    "brackets in prose": f"As asked [see below]: {BOTH} Hope it helps [1]!",
    "fields beside the colors": [{**entry, "data": {"mood": "cold"}, "items": ["logo"]} for entry in ENTRIES],
}
LOST_BEFORE: dict[str, object] = {
    "trailing commas": f'{{"palettes": [{{"name": "Fjord", "colors": {F[:-1]},],}}, {TWO[:-1]},}},]}}',
    "thinking with a draft": f"<think>maybe {DRAFT}, no [1]</think>\n{BOTH}",
    "thinking closed only": f"maybe {DRAFT}</think>\n{BOTH}",
    "thinking and a fence": f"<thinking>```json\n{DRAFT}\n```</thinking>\n```json\n{BOTH}\n```",
    "reasoning": f"<reasoning>{DRAFT}</reasoning><answer>{BOTH}</answer>",
    "single quotes": str([{"name": "Fjord", "colors": [*FJORD]}, {"name": "Plum", "colors": [*PLUM]}]),
    "comments": f'[ // one\n{{"name": "Fjord", /* cold */ "colors": {F}}}, # two\n{{"name": "Plum", "colors": {P}}}]',
    "smart quotes": f"[{ONE}, {TWO}]".replace(' "', " “").replace('{"', "{“").replace('["', "[“").replace('"', "”"),
    "bare keys": f"[{{name: Fjord, colors: {F}}}, {{name: 'Plum', colors: {P}}}]",
    "missing commas": f'[{{"name": "Fjord" "colors": {F.replace(",", "")}}} {{"name": "Plum"\n"colors": {P}}}]',
    "quotes in quotes": f'[{{"name": "Fjord", "mood": "a "cold", calm sea", "colors": {F}}}, {TWO}]',
    "an apostrophe": f"[{{'name': 'Fjord', 'mood': 'winter's sea', 'colors': {F}}}, {{'name': 'Plum', 'colors': {P}}}]",
    "line breaks in a text": f'[{{"name": "Fjord", "mood": "cold\nsea", "colors": {F}}}, {TWO}]',
    "Python": f"palettes = [Palette(name='Fjord', colors={F}), Palette(name='Plum', colors={P})]",
    "JavaScript": f"const palettes = [{{ name: 'Fjord', colors: {F} }},\n  {{ name: 'Plum', colors: {P} }}];",
    "wide punctuation": BOTH.replace(",", "，").replace(":", "："),
    "no-break blanks": BOTH.replace(" ", "\xa0"),
    "JSON in a JSON string": json.dumps(BOTH),
    "JSON in two JSON strings": json.dumps(json.dumps(BOTH)),
    "JSON in a string in a field": {"result": json.dumps(json.dumps(BOTH))},
    "escaped quotes": BOTH.replace('"', '\\"'),
    "HTML entities": BOTH.replace('"', "&quot;"),
    "JSON lines": f"{ONE}\n{TWO}",
    "JSON lines, one broken": f"{ONE[:-1]},}}\n{TWO}",
    "objects in a row": "\n\n".join(json.dumps(entry, indent=2) for entry in ENTRIES),
    "a fence for each": f"First:\n```json\n{ONE}\n```\nSecond:\n```json\n{TWO}\n```",
    "fences of lists": f"### Fjord\n```json\n{F}\n```\n### 2. Plum\n```json\n{P}\n```",
    "keys in capitals": [{"NAME": "Fjord", "COLORS": FJORD}, {"Name": "Plum", "Colors": PLUM}],
    "keys in camels": [{"paletteName": "Fjord", "hexCodes": FJORD}, {"paletteName": "Plum", "colorPalette": PLUM}],
    "camels for roles": [
        {"name": n, **{f"{role.lower()}Color": color for role, color in zip(ROLES, c, strict=True)}}
        for n, c in (("Fjord", FJORD), ("Plum", PLUM))
    ],
    "hexCode objects": [{**entry, "colors": [{"hexCode": color} for color in entry["colors"]]} for entry in ENTRIES],
    "objects with roles": [
        {**entry, "colors": [{"role": r, "hex": c} for r, c in [*zip(ROLES, entry["colors"], strict=True)][::-1]]}
        for entry in ENTRIES
    ],
    "nested objects": [{**entry, "colors": [{"color": {"hex": c}} for c in entry["colors"]]} for entry in ENTRIES],
    "colors by their own name": [
        {**entry, "colors": [{f"Shade {at}": color} for at, color in enumerate(entry["colors"])]} for entry in ENTRIES
    ],
    "colors as keys": [{**entry, "colors": dict.fromkeys(entry["colors"], "teal")} for entry in ENTRIES],
    "numbers": [{**entry, "colors": [int(color[1:], 16) for color in entry["colors"]]} for entry in ENTRIES],
    "channels": [{**entry, "colors": [[*bytes.fromhex(color[1:])] for color in entry["colors"]]} for entry in ENTRIES],
    "functions in one text": [
        {**entry, "colors": ", ".join(f"rgb({', '.join(map(str, bytes.fromhex(c[1:])))})" for c in entry["colors"])}
        for entry in ENTRIES
    ],
    "other wrappers": {"colorThemes": {"list": ENTRIES}},
    "a wrapper for each": [{"palette": entry} for entry in ENTRIES],
    "palettes called colors": {"colors": ENTRIES},
    "a tool's arguments": {"name": "create_palettes", "arguments": json.dumps({"palettes": ENTRIES})},
    "rows": [["Fjord", *FJORD], ["Plum", PLUM]],
    "rows as JSON": f'[["Fjord", {F}], ["Plum", {P}]]',
    "Ruby": f"[{ONE}, {TWO},]".replace(": ", " => "),
    "texts that name": [f"Fjord: {', '.join(FJORD)}", f"Plum: {', '.join(PLUM)}"],
    "bold names": [{"name": "**Fjord**", "colors": FJORD}, {"name": "`Plum`", "colors": PLUM}],
    "a Markdown list": f"Two ideas:\n\n1. **Fjord**: {', '.join(FJORD)}\n2. **Plum**: {', '.join(PLUM)}\n\nEnjoy!",
    "Markdown sections": f"# Ideas\n\n### 1. Fjord\nCold.\n{each('- **{role}:** `{color}`', FJORD)}\n\n"
    f"### 2. Plum\n{each('- **{role}:** `{color}`', PLUM)}",
    "bold headings": f"**Fjord** – cold\n{each('* {color} ({role})', FJORD)}\n\n"
    f"**Plum**\n{each('* {color} ({role})', PLUM)}",
    "nested lists": f"- **Fjord**\n{each('  - {role}: {color}', FJORD)}\n"
    f"- **Plum**\n{each('  - {role}: {color}', PLUM)}",
    "a line of colors": f"### Fjord\n- Description: cold\n- Colors: {', '.join(FJORD)}\n"
    f"### Plum\n- **Colors:** {' '.join(PLUM)}",
    "names above": f"Fjord\n{' '.join(FJORD)}\n\nPlum\n{' '.join(PLUM)}",
    "names above lists": f"Fjord\n\n{each('{color}', FJORD)}\n\nPlum:\n\n{each('- {color}', PLUM)}",
    "roles above colors": f"### Fjord\n{each(BOLD_ROLE, FJORD)}\n### Plum\n{each(ROLE_TITLE, PLUM)}",
    "shades above colors": f"### Fjord\n{each(SHADE, FJORD)}\n### Plum\n{each(SHADE_TITLE, PLUM)}",
    "numbered palettes": f"Palette 1: Fjord\n{' '.join(FJORD)}\n\nPalette 2: Plum\n{' '.join(PLUM)}",
    "a table": f"| Name | 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|---|\n| Fjord | {' | '.join(FJORD)} |\n"
    f"| **Plum** | {' | '.join(PLUM)} |",
    "a numbered table": f"| # | Name | Colors |\n|---|---|---|\n| 1 | Fjord | {', '.join(FJORD)} |\n"
    f"| 2 | Plum | {', '.join(PLUM)} |",
    "a table for each": f"## Fjord\n| Role | Hex |\n|---|---|\n{each('| {role} | {color} |', FJORD)}\n\n"
    f"## Plum\n| Role | Hex |\n|---|---|\n{each('| {role} | {color} |', PLUM)}",
    "YAML": f"palettes:\n  - name: Fjord\n    colors:\n{each('      - {color}', FJORD)}\n"
    f"  - name: Plum\n    colors:\n{each('      - {color}', PLUM)}",
    "YAML in lines": f"- name: Fjord\n  colors: [{', '.join(map(repr, FJORD))}]\n- name: Plum\n  colors: {P}",
    "CSV": f"name,primary,secondary,accent,background,highlight\nFjord,{','.join(FJORD)}\nPlum,{','.join(PLUM)}",
    "XML": "\n".join(
        f"<palette><name>{entry['name']}</name>{''.join(f'<color>{c}</color>' for c in entry['colors'])}</palette>"
        for entry in ENTRIES
    ),
}
NAMELESS: dict[str, object] = {
    "lists": [FJORD, PLUM],
    "lists as JSON": f"[{F}, {P}]",
    "sentences": f"For calm days take {', '.join(FJORD)}. Or go warm with {' '.join(PLUM)}.",
}
NONE: dict[str, object] = {
    "a refusal": "I'm sorry, I can't help with that.",
    "a refusal as JSON": '{"error": "I cannot help with that"}',
    "nothing": "",
    "blanks": " \n\t",
    "an empty list": "```json\n[]\n```",
    "thinking only": "<think>maybe blue</think>",
    "an outline": '{"palettes": [{"name": "Fjord", "colors": []}]}',
    "numbers in prose": "Our #1 choice, #2 and #3: issue #123456, order #234567, ticket #345678. It costs $120, $240.",
    "words in prose": "I love navy, teal, gold, white and coral.",
    "counts": {"palettes": [{"name": "Fjord", "colors": ["120", "1200", "5 colors", "3", "#1"]}]},
    "a list of numbers": "[1, 2, 3, 4, 5]",
    "lists of numbers": [[1], [2, 3], [4, 5, 6]],
    "talk": "Sure! Here are some ideas:\n- blue\n- #1 green",
    "usage": {"usage": {"prompt_tokens": 112233, "completion_tokens": 445566, "total_tokens": 557799}},
}


def read(answer: object) -> list[tuple[str, tuple[str, ...]]]:
    """Names and colours of an answer's palettes; nothing may be missing in them."""
    return [(palette.name, palette.colors) for palette in repair_palettes(listed(answer), count=9, spares=list)]


def listed(value: object) -> object:
    """The value as a JSON parser gives it: lists, no tuples."""
    return value if isinstance(value, str) else json.loads(json.dumps(value))


@pytest.mark.parametrize("answer", [*READ_BEFORE.values(), *LOST_BEFORE.values()], ids=[*READ_BEFORE, *LOST_BEFORE])
def test_no_palette_is_lost(answer: object) -> None:
    """Both come through, with their names and their own colours in order."""
    assert read(answer) == [("Fjord", FJORD), ("Plum", PLUM)]


@pytest.mark.parametrize("answer", NAMELESS.values(), ids=NAMELESS)
def test_nameless_palettes_are_numbered(answer: object) -> None:
    """Colours alone are worth keeping."""
    assert read(answer) == [("Palette 1", FJORD), ("Palette 2", PLUM)]


@pytest.mark.parametrize("answer", NONE.values(), ids=NONE)
def test_nothing_is_invented(answer: object) -> None:
    """Where there are no palettes, none are found."""
    assert read(answer) == []


def test_colors_count_more_than_the_fields_beside_them() -> None:
    """One palette alone, with fields that wrap palettes elsewhere."""
    assert read({**ENTRIES[0], "data": {"mood": "cold"}, "items": ["logo"]}) == [("Fjord", FJORD)]


@pytest.mark.parametrize("colors", [["teal", "navy", "coral", "gold", "plum"], ["teal", *FJORD[:4]]])
def test_a_list_that_begins_with_the_name_of_a_color(colors: list[str]) -> None:
    """Five colours are five colours."""
    assert [name for name, _ in read([colors])] == ["Palette 1"]
    assert read([colors])[0][1][0] == "#008080"


def test_thinking_is_read_when_there_is_nothing_else() -> None:
    """A model that thought its answer and then said "Here you are!"."""
    assert read(f"<think>{BOTH}</think>Here you are!") == [("Fjord", FJORD), ("Plum", PLUM)]


def test_a_mark_of_thinking_in_a_description_hides_nothing() -> None:
    """Only JSON that is whole can hold one."""
    entries = [{**ENTRIES[0], "description": "calm </think> sea"}, ENTRIES[1]]
    assert read(json.dumps(entries)) == [("Fjord", FJORD), ("Plum", PLUM)]


@pytest.mark.parametrize("end", range(len(ONE), len(BOTH)))
def test_a_cut_answer_keeps_what_is_whole(end: int) -> None:
    """Wherever it is cut; no half of a colour becomes one."""
    palettes = read(BOTH[:end])
    assert palettes[0] == ("Fjord", FJORD)
    assert set(palettes[1][1][:3] if palettes[1:] else PLUM[:3]) == set(PLUM[:3])


@pytest.mark.parametrize("end", range(len(ONE)))
def test_half_a_color_is_none(end: int) -> None:
    """In the only palette of a cut answer: the colours that are whole, and spares for the others."""
    spare = {"#1A1A1A", "#4D4D4D", "#808080", "#F5F5F5", "#B3B3B3"}
    assert {color for _, colors in read(ONE[:end]) for color in colors} <= {*FJORD, *spare}


# A busy machine fails nothing.
calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@calmly
@given(st.lists(JSON, max_size=5) | st.dictionaries(st.text(), JSON, max_size=5))
def test_whole_json_is_read_as_it_is(value: object) -> None:
    """By the strict reader."""
    assert whole_values(json.dumps(value)) == ([value], True)


@calmly
@given(st.text(alphabet="{}[](),:=\"'`“”‘’#/*\\\n ab1", max_size=300))
def test_any_text_is_read(text: str) -> None:
    """By the lenient reader: objects, lists and texts, and never an error."""
    assert all(isinstance(value, (dict, list)) for value in nearly_whole_values(text))
    assert isinstance(repair_palettes(text, count=9, spares=list), list)

"""What the documents name exists: files, headings, settings with their defaults, commands, options, targets, events."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import pytest
import typer
from PIL import Image
from pydantic import AliasChoices

from concept_worker.cli.app import app
from concept_worker.client import ConceptClient
from concept_worker.routing import TaskName
from concept_worker.settings import Settings
from tests.documents import DOCUMENTS, ROOT, anchors, blocks, code_words, links, shell_words

# Blocks that are no command: what holds each.
OTHER_BLOCKS = {
    "docs/architecture.md": ["a drawing"],
    "docs/redis-acl.md": ["run by tests/contract/test_broker_users.py"],
    "docs/embedded-supabase.md": ["run by tests/acceptance/test_documents.py"],
    "docs/producers.md": ["run by tests/acceptance/test_documents.py"],
}
# What looks like a file of the repository and is none.
WRITTEN = {".env", ".concept-worker/", ".concept-worker/dev.env", "out/"}  # by the commands
WRITTEN |= {"keys.json", "postgres/", "objects/", "valkey/", "logs/"}  # by the embedded stack, in its data directory
OF_OTHERS = {"flowerconfig.py"}  # what a host application may have
SETTING = re.compile(
    r"\b(?:CONCEPT|SUPABASE|REDIS|OPENAI|GEMINI|GOOGLE|RUNWARE|REPLICATE|FAL|JIGSAWSTACK|FLOWER)_[A-Z0-9_]+\*?"
)
DEFAULT = re.compile(
    rf"`({SETTING.pattern})`(?: times| claims)?(?: = |\s\()([\w./@-]+)( hours)?(?:\)|(?<= = \d\d\d)\s)"
)
SUFFIXES = (".py", ".md", ".sql", ".json", ".toml", ".yaml", ".txt", ".png", ".example")


def text_of(document: str) -> str:
    """A document as it is written."""
    return (ROOT / document).read_text()


@cache
def sources() -> str:
    """All code of the package, its configuration and the Makefile."""
    files = (*(ROOT / "concept_worker").rglob("*.py"), ROOT / "celeryconfig.py", ROOT / "Makefile")
    return "\n".join(path.read_text() for path in files)


@cache
def fields() -> dict[str, str]:
    """Each name that the environment has for a setting, and the field of `Settings`."""
    names: dict[str, str] = {}
    for field, of in Settings.model_fields.items():
        alias = of.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [Settings.environment_name(field)]
        names |= {str(choice): field for choice in choices}
    return names


@cache
def paths() -> frozenset[str]:
    """Every file and folder of the repository, a folder also with a slash at its end."""
    found: set[str] = set()
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if not name.startswith(".") and name not in ("__pycache__", "out")]
        inside = Path(folder).relative_to(ROOT)
        found |= {(inside / name).as_posix() for name in (*files, *names)}
        found |= {f"{(inside / name).as_posix()}/" for name in names}
    return frozenset(found)


def is_there(named: str) -> bool:
    """Whether the repository has a file or folder of which this is the path, or its end; a star is any name's part."""
    if "*" in named:
        pattern = re.compile(rf"(?:.*/)?{re.escape(named).replace(re.escape('*'), '[^/]*')}")
        return any(pattern.fullmatch(path) for path in paths())
    return any(path in (named, f"{named}.py") or path.endswith((f"/{named}", f"/{named}.py")) for path in paths())


def named_files(document: str) -> Iterator[str]:
    """Words in code font that are a path of the repository."""
    tops = {path.name for path in (*ROOT.iterdir(), *(ROOT / "concept_worker").iterdir()) if path.is_dir()}
    for word in code_words(document):
        is_path = re.fullmatch(r"\.?[\w*][\w.*-]*(?:/[\w.*-]+)*/?", word) is not None
        if is_path and (word.endswith((*SUFFIXES, "/")) or ("/" in word and word.partition("/")[0] in tops)):
            yield word


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    """To a file or folder that is there, to a heading that it has."""
    broken = []
    for link in links(document):
        path, _, heading = unquote(link.target).partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if link.target.startswith("https://"):
            continue
        inside = target.resolve().relative_to(ROOT).as_posix()
        if not target.exists() or (heading and heading not in anchors(inside)):
            broken.append(link.target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_picture_can_be_looked_at(document: str) -> None:
    """It is a picture, and as large as one that something can be seen on."""
    for link in links(document):
        if link.is_picture or link.target.endswith(".png"):
            with Image.open((ROOT / document).parent / link.target) as picture:
                picture.verify()
                assert min(picture.size) >= 400, link.target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_is_there(document: str) -> None:
    """By its path in the repository, in the package, or by the path's end."""
    named = set(named_files(document)) - WRITTEN - OF_OTHERS
    assert sorted(name for name in named if not is_there(name)) == []


@pytest.mark.parametrize("document", [*DOCUMENTS, ".env.example"])
def test_every_setting_exists(document: str) -> None:
    """One of `Settings`, or a name that the code or the Makefile has besides."""
    unknown = []
    for name in set(SETTING.findall(text_of(document))):
        known = any(one.startswith(name[:-1]) for one in fields()) if name.endswith("*") else name in fields()
        if not known and not re.search(rf"\b{re.escape(name)}\b", sources()):
            unknown.append(name)
    assert sorted(unknown) == []


def default_of(name: str) -> str:
    """The default of a setting as a document writes it."""
    value = Settings.model_fields[fields()[name]].default
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def stated_defaults(document: str) -> list[tuple[str, str]]:
    """Setting and default, wherever a document states one."""
    found = DEFAULT.findall(text_of(document))
    return [(name, str(int(value) * 3600) if hours else value) for name, value, hours in found if name in fields()]


def test_every_default_is_the_settings() -> None:
    """Where a document has it in brackets or after an equals sign behind the name."""
    stated = {one for document in DOCUMENTS for one in stated_defaults(document)}
    assert len(stated) > 10
    assert sorted((name, value) for name, value in stated if value != default_of(name)) == []


def test_the_example_shows_the_defaults() -> None:
    """A line that is commented out sets what holds without it."""
    lines = re.findall(r"(?m)^#([A-Z_0-9]+)=(\S+)$", text_of(".env.example"))
    assert len(lines) > 30
    assert [(name, value) for name, value in lines if value != default_of(name)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_value_of_a_setting_is_taken(document: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`NAME=value` in code font."""
    monkeypatch.chdir(tmp_path)
    for word in code_words(document):
        name, is_set, value = word.partition("=")
        if is_set and name in fields() and "…" not in value:
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                assert getattr(Settings(), fields()[name]) is not None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_exists(document: str) -> None:
    """As `--help` of the command has it."""
    commands = cast("Any", typer.main.get_command(app)).commands
    for line in shell_words(document, "concept-worker"):
        command, *words = shlex.split(line)[1:]
        if command == "--help":
            continue
        assert command in commands, line
        options = {"--help"} | {name for parameter in commands[command].params for name in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_exists(document: str) -> None:
    """And each variable that it is given."""
    makefile = text_of("Makefile")
    for line in shell_words(document, "make"):
        for word in shlex.split(line)[1:]:
            name = word.partition("=")[0]
            pattern = rf"\$\({name}\)|value {name}\)" if "=" in word else rf"^{re.escape(word)}:"
            assert re.search(pattern, makefile, re.MULTILINE), line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_program_exists(document: str) -> None:
    """`python -m …`, with its options."""
    for line in shell_words(document, "python"):
        words = line.split()
        if not (ROOT / words[2].partition(".")[0]).is_dir():  # a library's
            assert find_spec(words[2]) is not None, line
            continue
        place = ROOT / words[2].replace(".", "/")
        files = [*place.rglob("*.py")] if (place / "__main__.py").exists() else [place.with_suffix(".py")]
        code = "\n".join(file.read_text() for file in files)
        assert all(f'"{word}"' in code for word in words if word.startswith("--")), line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_of_ours_exists(document: str) -> None:
    """Methods of the client, Celery tasks, modules."""
    for word in code_words(document):
        if method := re.match(r"ConceptClient\.(\w+)", word):
            assert hasattr(ConceptClient, method[1]), word
        if re.fullmatch(r"concept_worker(?:\.\w+)+", word) and word not in [name.value for name in TaskName]:
            assert find_spec(word) is not None, word


def test_every_event_to_alert_on_is_logged() -> None:
    """With these words at its beginning: somebody's alarm waits for them."""
    (bullet,) = re.findall(r"(?ms)^- Alert on: (.*?)\. `concept-worker", text_of("docs/reliability.md"))
    events = [word for word in re.findall(r"`([^`]+)`", " ".join(bullet.split())) if " " in word]
    assert len(events) >= 7
    assert [event for event in events if f'"{event}' not in sources()] == []


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "README.md"])
def test_every_block_is_held_by_a_test(document: str) -> None:
    """Commands by the tests above; anything else is listed here with what holds it. The README's are run."""
    programs = {line.split()[0] for block in blocks(document) for line in block.lines}
    others = [block for block in blocks(document) if block.language not in ("sh", "") or programs - {"make", "python"}]
    assert len(others) == len(OTHER_BLOCKS.get(document, []))

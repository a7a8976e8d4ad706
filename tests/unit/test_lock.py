"""The packages of a deployment: `make lock` writes `requirements/deploy.txt` from the project and constraints.txt."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPLOYED = (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["flower"])
LOCK = (ROOT / "requirements" / "deploy.txt").read_text().replace("\\\n", " ")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin"}
_CLASSIFIER = "Programming Language :: Python :: "
PYTHONS = [name.removeprefix(_CLASSIFIER) for name in PROJECT["classifiers"] if name.startswith(_CLASSIFIER)]


def pins(text: str, **environment: str) -> dict[str, Requirement]:
    """Return the requirements of a file that hold in this environment, by canonical name."""
    lines = [re.split(r"\s+(?:#|--hash)", line)[0] for line in text.splitlines() if re.match(r"\w", line)]
    found = [Requirement(line) for line in lines]
    held = [each for each in found if each.marker is None or each.marker.evaluate(environment)]
    return {canonicalize_name(each.name): each for each in held}


def needed(requirement: Requirement, seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Yield the canonical names of a requirement and of all that it needs here, by the installed packages' metadata."""
    name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    yield name
    for further in map(Requirement, requires(name) or ()):
        if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield from needed(further, seen)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_version_is_the_one_of_the_constraints(python: str, system: str) -> None:
    """On each Python and system that the project supports."""
    place = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": SYSTEMS[system],
    }
    tested = pins((ROOT / "constraints.txt").read_text(), **place)
    locked = pins(LOCK, **place)
    assert {name: str(each.specifier) for name, each in locked.items()} == {
        name: str(tested[name].specifier) for name in locked if name in tested
    }


@pytest.mark.parametrize("python", PYTHONS)
def test_every_version_fits_the_project(python: str) -> None:
    """The ranges of pyproject.toml contain it."""
    locked = pins(LOCK, python_version=python, python_full_version=f"{python}.0")
    for wanted in map(Requirement, DEPLOYED):
        (pin,) = locked[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(pin.version), wanted


def test_the_lock_has_what_a_deployment_needs_and_no_more() -> None:
    """All that the project and Flower need on this machine."""
    seen: set[tuple[str, frozenset[str]]] = set()
    wanted = {name for each in map(Requirement, DEPLOYED) for name in needed(each, seen)}
    here = {name: str(value) for name, value in default_environment().items()}
    assert set(pins(LOCK, **here)) == wanted


def test_every_package_has_its_hashes() -> None:
    """So that pip refuses any other file."""
    lines = [line for line in LOCK.splitlines() if re.match(r"\w", line)]
    assert [line[:60] for line in lines if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line)] == []

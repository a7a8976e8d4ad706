"""The four changes of `docs/extending.md`, made for real: each patch is applied to a copy and its own test runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
# Files of the product that a change may touch. A type needs its name, payload, pipeline, entry, method and migration.
MOST = {"provider": 5, "step": 4, "task_type": 8, "field": 6}
_PARTS: tuple[str, ...] = (
    "concept_worker",
    "supabase",
    "tests",
    "celeryconfig.py",
    "pyproject.toml",
    "Procfile",
    "compose.yaml",
)
_PARTS += (".env.example",)


def changed(name: str) -> list[str]:
    """The files that a patch touches."""
    return re.findall(r"^diff --git a/(\S+)", (_HERE / f"{name}.patch").read_text(), flags=re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product and its tests, to be changed."""
    for part in _PARTS:
        source = _ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / part)
    return tmp_path


@pytest.mark.parametrize("name", MOST)
def test_a_change_touches_few_files(name: str) -> None:
    """Its tests are not counted."""
    files = [file for file in changed(name) if not file.startswith("tests/")]
    assert 0 < len(files) <= MOST[name], files


@pytest.mark.parametrize("name", MOST)
def test_a_change_works(copy: Path, name: str) -> None:
    """Through a real worker. A patch that no longer applies is made anew, as the document says."""
    applied = subprocess.run(
        ["git", "apply", "-C1", str(_HERE / f"{name}.patch")],  # noqa: S607 - the clone was made with it
        cwd=copy,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)},
        capture_output=True,
        text=True,
    )
    assert applied.returncode == 0, applied.stderr
    tests = [file for file in changed(name) if file.startswith("tests/")]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *tests],
        cwd=copy,
        env=environment | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-2000:]
    assert f"{len(tests)} passed" in ran.stdout

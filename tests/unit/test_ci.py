"""CI, the commit hook and a release: they run the Makefile's commands, on what the project says that it supports."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

import concept_worker

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
JOB: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]


def test_ci_runs_what_a_contributor_runs() -> None:
    """One command, the same one wherever CI runs."""
    commands = [step["run"] for step in JOB["steps"] if "run" in step]
    assert commands == ["make check test"]
    assert commands[0] in (ROOT / ".ci" / "run").read_text()
    assert set(commands[0].split()[1:]) <= TARGETS


def test_ci_runs_on_every_python_and_system_that_the_project_names() -> None:
    """The classifiers are the promise."""
    matrix = JOB["strategy"]["matrix"]
    named = {name.rpartition(" :: ")[2] for name in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", name)}
    assert set(matrix["python"]) == named
    systems = {*matrix["os"], *(each["os"] for each in matrix["include"])}
    assert {system.partition("-")[0] for system in systems} == {"ubuntu", "macos"}


def test_the_commit_hook_is_the_makefiles_command() -> None:
    """It formats as `make format` does."""
    hooks = [
        hook
        for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
        for hook in repository["hooks"]
    ]
    assert [shlex.split(hook["entry"]) for hook in hooks] == [["make", "format"]]
    assert "format" in TARGETS


def test_updates_keep_celery_and_kombu_together() -> None:
    """One alone would not install, and the fixes of both are tested together."""
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    groups = {update["package-ecosystem"]: update.get("groups", {}) for update in updates}
    assert set(groups) == {"pip", "github-actions"}
    assert any({"celery", "kombu"} <= set(group["patterns"]) for group in groups["pip"].values())


def test_the_version_is_the_same_everywhere() -> None:
    """In the package and in its metadata."""
    assert concept_worker.__version__ == PROJECT["version"]

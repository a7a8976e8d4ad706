"""`concept-worker init`: a deployment's files, from the repository or from the wheel alone."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import yaml

from concept_worker.cli.starter import write_starter

ROOT = Path(__file__).resolve().parents[3]
NAMES = {".env", "Procfile", "compose.yaml", "supabase/migrations"}


def test_an_empty_folder_gets_everything(tmp_path: Path) -> None:
    """The repository's own files; what will hold secrets is readable by its owner only."""
    written = dict(write_starter(tmp_path))
    assert all(written.values())
    assert {name if "/" not in name else name.rpartition("/")[0] for name in written} == NAMES
    assert (tmp_path / "Procfile").read_text() == (ROOT / "Procfile").read_text()
    assert (tmp_path / ".env").read_text() == (ROOT / ".env.example").read_text()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Not a file, nor what a link that leads nowhere stands for."""
    (tmp_path / ".env").write_text("SUPABASE_SECRET_KEY=mine")
    (tmp_path / "Procfile").symlink_to(tmp_path / "elsewhere")
    written = dict(write_starter(tmp_path))
    assert (written[".env"], written["Procfile"], written["compose.yaml"]) == (False, False, True)
    assert (tmp_path / ".env").read_text() == "SUPABASE_SECRET_KEY=mine"
    assert not (tmp_path / "elsewhere").exists()
    assert not any(dict(write_starter(tmp_path)).values())


def test_compose_runs_what_the_procfile_runs() -> None:
    """The same commands, but for the address that Flower listens on inside its container."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    lines = [line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines()]
    commands = {name: command.strip().removeprefix("REMAP_SIGTERM=SIGQUIT ") for name, _, command in lines}
    commands["flower"] = commands["flower"].replace("${PORT:-5555}", "5555")
    inside = {name: str(services[name]["command"]) for name in commands}
    inside["flower"] = re.sub(r"(?<=--address=)[0.]+", "127.0.0.1", inside["flower"])
    assert inside == commands
    assert all(services[name]["environment"]["REMAP_SIGTERM"] == "SIGQUIT" for name in ("worker", "images"))
    assert all(services[name]["read_only"] for name in commands)

"""Started in a folder where others put modules, and installed beside a host application: only our code runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from concept_worker.cli.processes import celery_command
from concept_worker.devstack import PREFIX
from concept_worker.devstack.acl import NAMESPACE
from concept_worker.routing import Queue
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("celeryconfig", "redis", "structlog", "pydantic", "numpy", "kombu", "sitecustomize", "flowerconfig")
SHADOWS = ("logging", "celery", "concept_worker/__init__")  # what would be found before anything of ours runs
PRODUCER = """
from concept_worker.producer_app import producer_app
from concept_worker.settings import Settings
conf = producer_app(Settings()).conf
print(conf.task_serializer, conf.broker_transport_options.get("global_keyprefix"), conf.task_default_queue)
"""


def plant(folder: Path, *names: str) -> None:
    """Modules that leave a mark when they are imported."""
    for name in names:
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"import os\nopen({str(folder / 'RAN')!r}, 'a').write({name!r} + ' ')\n")


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in the folder, to its end."""
    kept = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    return subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=60, check=False
    )


def ran(folder: Path) -> str:
    """Which planted modules were imported."""
    mark = folder / "RAN"
    return mark.read_text() if mark.exists() else ""


@pytest.mark.parametrize("arguments", [["report"], ["inspect", "ping", "--timeout", "0.1"], ["worker"], ["beat"]])
def test_our_processes_import_nothing_from_there(tmp_path: Path, arguments: list[str]) -> None:
    """Not even a package of our name."""
    plant(tmp_path, *NAMES, *SHADOWS)
    command = celery_command(*arguments) if arguments != ["beat"] else celery_command("beat", "--help")
    answer = run(tmp_path, *command, PYTHONPATH=str(ROOT))
    assert ran(tmp_path) == "", answer.stderr


@pytest.mark.parametrize("path", ["", ".", ":"])
def test_not_by_a_careless_import_path_either(tmp_path: Path, path: str) -> None:
    """An empty entry of PYTHONPATH is the working directory."""
    plant(tmp_path, *(name for name in NAMES if name != "sitecustomize"))
    answer = run(tmp_path, *celery_command("report"), PYTHONPATH=f"{ROOT}{os.pathsep}{path}")
    assert ran(tmp_path) == "", answer.stderr


def test_nor_does_the_command_line(tmp_path: Path) -> None:
    """`python -m` puts the working directory on the import path; it is left before anything else is imported."""
    plant(tmp_path, "rich", "typer", "redis", "structlog", "celeryconfig")
    answer = run(tmp_path, sys.executable, "-m", "concept_worker", "doctor", PYTHONPATH=str(ROOT))
    assert "SUPABASE_URL" in answer.stdout + answer.stderr
    assert ran(tmp_path) == ""


def test_celerys_own_command_line_works_from_any_folder(tmp_path: Path) -> None:
    """`celery -A concept_worker …`, as the Procfile has it."""
    plant(tmp_path, *NAMES, "logging", "celery")
    celery = Path(sys.executable).with_name("celery")
    if not celery.exists():
        pytest.skip("Celery's command line is not beside this Python")
    answer = run(tmp_path, str(celery), "-A", "concept_worker", "report", PYTHONPATH=str(ROOT))
    assert "concept_worker.tasks.steps" in answer.stdout, answer.stderr
    assert ran(tmp_path) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
@pytest.mark.parametrize("command", [celery_command("worker"), [sys.executable, "-m", "concept_worker", "tasks"]])
def test_settings_of_another_user_end_a_process_in_one_sentence(tmp_path: Path, command: list[str]) -> None:
    """With the file and the mend, and no traceback."""
    (tmp_path / ".env").touch()
    os.chown(tmp_path / ".env", 1234, 1234)
    answer = run(tmp_path, *command, PYTHONPATH=str(ROOT))
    assert answer.returncode != 0
    assert f"{tmp_path}/.env belongs to another user" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_beat_needs_no_file(tmp_path: Path, brokers: Iterator[str]) -> None:
    """Its usual schedule is a pickle in the working directory: read there, and written."""
    environment = {
        **os.environ,
        "REDIS_URL": next(brokers),
        "CONCEPT_NAMESPACE": NAMESPACE,
        "CONCEPT_RECONCILE_SECONDS": "0.2",
    }
    beat = subprocess.Popen(
        celery_command("beat"),
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Redis.from_url(environment["REDIS_URL"]) as broker:
            until(lambda: broker.llen(f"{PREFIX}{Queue.HOUSEKEEPING.value}"), "beat to ask for housekeeping", 120)
    finally:
        beat.terminate()
        beat.wait(60)
    assert list(tmp_path.iterdir()) == []


# Beat with a round in which SIGTERM comes while a finalizer runs, where Python ignores what its handler raises.
DEAF = """
import os, signal, sys
from celery.beat import Scheduler
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
tick, rounds = Scheduler.tick, []
def once_deaf(self, *args, **kwargs):
    rounds.append(1)
    if len(rounds) == 2: Finalized()
    return min(tick(self, *args, **kwargs), 0.1)
Scheduler.tick = once_deaf
from concept_worker.celery_program import main
sys.argv[1:] = ["beat"]
main()
"""


def test_beat_stops_though_its_signal_is_lost(tmp_path: Path, brokers: Iterator[str]) -> None:
    """Celery's handler raises, and that is all: beat went on until it was killed."""
    answer = run(
        tmp_path,
        sys.executable,
        "-Pc",
        DEAF,
        CONCEPT_NAMESPACE=NAMESPACE,
        REDIS_URL=next(brokers),
        PYTHONPATH=str(ROOT),
    )
    assert answer.returncode == 0, answer.stderr
    assert "Exception ignored in" in answer.stderr


def test_a_producer_in_a_host_with_names_like_ours(tmp_path: Path) -> None:
    """A Django project's `celeryconfig.py` and settings stay the host's, and ours ours."""
    (tmp_path / "celeryconfig.py").write_text('task_serializer = "pickle"\ntask_default_queue = "shop"\n')
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "celery.py").write_text(
        'from celery import Celery\napp = Celery("shop")\napp.config_from_object("celeryconfig")\n'
    )
    program = f"from shop.celery import app\n{PRODUCER}\nprint(app.conf.task_default_queue, app.conf.task_serializer)"
    answer = run(
        tmp_path,
        sys.executable,
        "-c",
        program,
        PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]),
        CELERY_BROKER_URL="redis://shop/0",
    )
    assert answer.stdout.splitlines() == ["json None concepts", "shop pickle"], answer.stderr


@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="the wheel's builder is not installed")
def test_the_wheel_brings_its_own_configuration(tmp_path: Path) -> None:
    """It installs nothing beside the package, and finds its configuration beside a stranger's."""
    source, site = tmp_path / "source", tmp_path / "site"
    ignored = shutil.ignore_patterns(".venv", ".git", "tests", "docs", "__pycache__", ".*_cache", "out")
    shutil.copytree(ROOT, source, ignore=ignored)
    build = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    answer = run(source, sys.executable, "-c", build, str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    with zipfile.ZipFile(tmp_path / answer.stdout.splitlines()[-1]) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
        wheel.extractall(site)  # what an installer does with the files
    assert {top for top in tops if not top.endswith(".dist-info")} == {"concept_worker"}
    (site / "celeryconfig.py").write_text('task_serializer = "pickle"\n')
    program = f"import concept_worker\n{PRODUCER}\nprint(concept_worker.__file__)"
    told = run(tmp_path, sys.executable, "-c", program, PYTHONPATH=str(site))
    assert told.stdout.splitlines() == ["json None concepts", str(site / "concept_worker" / "__init__.py")], told.stderr
    assert tuple(written_by_init(tmp_path / "empty", site)) == tuple(written_by_init(tmp_path / "other", ROOT))


def written_by_init(folder: Path, source: Path) -> Iterator[tuple[str, bytes]]:
    """What `concept-worker init` of that source writes into an empty folder."""
    folder.mkdir()
    program = "from concept_worker.cli import main; main()"
    answer = run(folder, sys.executable, "-c", program, "init", PYTHONPATH=str(source))
    assert answer.returncode == 0, answer.stderr
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()

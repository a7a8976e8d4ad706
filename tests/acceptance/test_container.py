"""A worker as a container runs it: process 1, a read-only file system, no HOME, the C locale, a user without a name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from concept_worker.client import ConceptClient
from concept_worker.devstack import BrokerUser, Stack
from concept_worker.models import TaskStatus
from concept_worker.settings import Settings
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 54_321  # a user id that no account has
# Everything read-only but a tmpfs, then the program as process 1 of a namespace, as that user where it can be.
BOX = """
mount -t tmpfs tmpfs /mnt && mount -o remount,bind,ro / && cd / && ! touch /tmp/written 2>/dev/null || exit 99
exec unshare --pid --fork --mount-proc {user} "$@"
"""

UNSHARE = "/usr/bin/unshare"


def can_make_namespaces() -> bool:
    """Whether this user and this machine may."""
    if os.geteuid() != 0 or not Path(UNSHARE).exists():
        return False
    return subprocess.run([UNSHARE, "--mount", "--pid", "--fork", "/bin/true"], check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not can_make_namespaces(), reason="namespaces are made by root, where the machine allows them"
)


def as_user() -> str:
    """The part of the command that drops root's rights, where another user can reach this very interpreter."""
    command = ["/usr/bin/setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    version = [sys.executable, "-c", "import sys; print(sys.version)"]
    told = subprocess.run([*command, *version], capture_output=True, text=True, check=False)
    return " ".join(command) if told.stdout.strip() == sys.version else ""


@contextmanager
def boxed(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery process of ours in the box; killed at the end."""
    known = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "PYTHONPATH": str(ROOT), **environment}
    script = BOX.format(user=as_user())
    command = [sys.executable, "-Pm", "concept_worker.celery_program", *arguments]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [UNSHARE, "--mount", "/bin/sh", "-c", script, "sh", *command], env=known, stdout=sink, stderr=sink, cwd="/"
        )
    try:
        yield process
    finally:
        # Not left to `--kill-child`: dropping root's rights clears the signal that it rests on.
        inside = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for one in (process, *inside):
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                one.kill()
        process.wait()
        assert psutil.wait_procs(inside, timeout=30)[1] == []


@pytest.fixture
def environment(stack: Stack, brokers: Iterator[str]) -> dict[str, str]:
    """The stack's settings with a broker database of this test's own."""
    broker = next(brokers)
    return {**stack.environment, "REDIS_URL": broker, "CONCEPT_RESULT_URL": broker, "CONCEPT_IMAGE_SIZE": "256"}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_does_its_work_and_stops(
    stack: Stack, environment: dict[str, str], user_id: UUID, tmp_path: Path, pool: str
) -> None:
    """The whole main job; SIGTERM ends it in order, and leaves no child behind."""
    worker = stack.environment_of(BrokerUser.WORKER, environment)
    settings = Settings.model_validate(
        {name.lower().removeprefix("concept_"): one for name, one in environment.items()}
    )
    worker["TMPDIR"] = "/mnt"  # as compose.yaml's tmpfs; threads need none
    arguments = ("worker", "--pool", pool, "--concurrency", "3", "--loglevel", "INFO")
    log = tmp_path / "log"
    with boxed(worker, log, *arguments) as process, ConceptClient.from_settings(settings) as client:
        row = client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)

        def is_over() -> bool:
            assert process.poll() is None, log.read_text()
            return client.get_task(row.id, user_id).status.is_terminal

        until(is_over, "the run to end", 60)
        last = client.get_task(row.id, user_id)
        assert (last.status, last.error_message) == (TaskStatus.COMPLETED, None)
        inside = psutil.Process(process.pid).children(recursive=True)
        first = next(one for one in inside if "celery_program" in " ".join(one.cmdline()))
        first.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
        assert [one for one in inside if one.is_running()] == []


def test_beat_starts(stack: Stack, environment: dict[str, str], tmp_path: Path) -> None:
    """Its schedule is no file."""
    log = tmp_path / "log"
    with boxed(stack.environment_of(BrokerUser.BEAT, environment), log, "beat", "--loglevel", "INFO") as process:
        until(lambda: "beat: Starting" in log.read_text() or process.poll() is not None, "beat to start", 60)
        assert process.poll() is None, log.read_text()


def test_a_prefork_pool_says_what_it_lacks(stack: Stack, environment: dict[str, str], tmp_path: Path) -> None:
    """A folder for temporary files, and where to name one."""
    log = tmp_path / "log"
    with boxed(stack.environment_of(BrokerUser.WORKER, environment), log, "worker", "--pool", "prefork") as process:
        assert process.wait(60) != 0
    said = log.read_text()
    assert "concept_worker cannot start: a prefork worker needs a writable folder for temporary files" in said
    assert "Traceback" not in said

"""The guard: it takes its server along, whichever of the two ends first."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.errors import StackError
from concept_worker.devstack.guard import Order
from concept_worker.devstack.service import Service


def _order(tmp_path: Path, program: str, grace: float = 5.0) -> Order:
    return Order(
        argv=[sys.executable, "-I", "-S", "-u", "-c", program],
        folder=str(tmp_path),
        log=str(tmp_path / "log"),
        environment={},
        keep=[],
        stop_signal=signal.SIGTERM,
        grace=grace,
        speaks=True,
    )


def test_a_server_ends_with_its_owner(tmp_path: Path) -> None:
    """Closing the pipe is enough; the server gets its signal and the guard its status."""
    service = Service("test", _order(tmp_path, "import time; print('up'); time.sleep(600)"))
    assert service.read_line(10) == "up"
    assert service.is_running
    service.stop()
    assert service.status == 128 + signal.SIGTERM


def test_a_server_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """After its grace."""
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    service = Service("test", _order(tmp_path, program, grace=0.1))
    assert service.read_line(10) == "up"
    service.stop()
    assert service.status == 128 + signal.SIGKILL


def test_a_server_that_ends_is_noticed(tmp_path: Path) -> None:
    """With its status and its last words."""
    service = Service("test", _order(tmp_path, "import sys; sys.stderr.write('hm\\nFATAL: no\\nbye\\n'); sys.exit(3)"))
    service.wait(10)
    assert (service.status, service.is_running) == (3, False)
    assert service.last_words() == "FATAL: no"
    service.stop()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """One sentence that names it."""
    order = Order(**{**vars(_order(tmp_path, "")), "argv": [str(tmp_path / "nothing")]})
    with pytest.raises(StackError, match="test could not be started"):
        Service("test", order)


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    """Until it is released."""
    first, second = DataDir(tmp_path / "data"), DataDir(tmp_path / "data")
    first.acquire()
    with pytest.raises(StackError, match="Another embedded stack"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700

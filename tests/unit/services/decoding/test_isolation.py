"""What the process that decodes knows, has and may do: nothing that a picture would want."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.fuzz_images import LIMITS, broken_files
from concept_worker.errors import InvalidImage
from concept_worker.imaging.codec import ImageLimits, to_clean_png
from concept_worker.services.decoding import child as wire
from concept_worker.services.decoding.decoder import IsolatedDecoder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc, and most of what is given up")

# Tries what an intruder would, after the process has given up all it can, and prints what worked.
INTRUDER = """
import ctypes, os, resource, signal, socket, sys
sys.path.insert(0, {root!r})
from concept_worker.services.decoding.isolation import isolate
libc = ctypes.CDLL(None, use_errno=True)
attempts = {{
    "open a file": lambda: os.close(os.open("/etc/passwd", os.O_RDONLY)),
    "open a socket": lambda: socket.socket(),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX),
    "start a process": lambda: os.fork() or os._exit(0),
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "signal its owner": lambda: os.kill(os.getppid(), 0),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "become root": lambda: os.setuid(0),
    "list a folder": lambda: os.listdir("/"),
    "delete a file": lambda: os.unlink({victim!r}),
    "read another process": lambda: libc.ptrace(16, os.getppid(), 0, 0) == -1 and os.strerror(1 / 0),
}}
os.close(os.open("/dev/null", os.O_RDONLY))
isolate(500)
for name, attempt in attempts.items():
    try:
        attempt()
    except (OSError, ValueError, ZeroDivisionError):
        continue
    os.write(1, (name + "\\n").encode())
os.write(1, b"".join([b"computes ", str(sum(range(10))).encode()]))
"""


def picture(kind: str = "PNG", side: int = 16) -> bytes:
    """A plain one."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(file, kind)
    return file.getvalue()


@pytest.fixture
def isolated() -> Iterator[IsolatedDecoder]:
    """One with the limits of production."""
    made = IsolatedDecoder(limits=ImageLimits(), memory_mb=2000)
    yield made
    made.close()


def facts_of(isolated: IsolatedDecoder, name: str) -> str:
    """A file of /proc on its process."""
    return Path(f"/proc/{isolated._running().pid}/{name}").read_bytes().decode()


def test_it_has_no_environment(isolated: IsolatedDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's holds every secret."""
    for name in ("SUPABASE_SECRET_KEY", "PYTHONPATH", "HOME", "CONCEPT_ANYTHING"):
        monkeypatch.setenv(name, "/secret")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    assert facts_of(isolated, "environ") == ""
    assert isolated.to_clean_png(picture()).width == 16


def test_its_arguments_are_figures_and_folders(isolated: IsolatedDecoder) -> None:
    """Anybody on the machine can read them."""
    arguments = facts_of(isolated, "cmdline").strip("\0").split("\0")
    assert arguments[1:4] == ["-I", "-S", "-B"]
    assert all(Path(it).exists() or float(it) >= 0 for it in arguments[4:])


def test_it_has_its_pipes_and_nothing_else(isolated: IsolatedDecoder, tmp_path: Path) -> None:
    """Not even a descriptor that was made to be inherited."""
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        descriptors = list(Path(f"/proc/{isolated._running().pid}/fd").iterdir())
        assert len(descriptors) == 4
        assert all(os.readlink(it).startswith("pipe:") for it in descriptors)


def test_its_limits(isolated: IsolatedDecoder) -> None:
    """Soft and hard alike: what it gives up is gone."""
    lines = facts_of(isolated, "limits").splitlines()[1:]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max core file size"] == limits["Max file size"] == limits["Max processes"] == ["0", "0"]
    assert limits["Max open files"] == ["3", "3"]
    assert limits["Max data size"] == ["2000000000", "2000000000"]
    assert "unlimited" not in limits["Max address space"] + limits["Max cpu time"]


def test_it_has_no_privileges(isolated: IsolatedDecoder) -> None:
    """And cannot get any: a worker that is root starts one that is nobody."""
    facts = dict(line.split(":", 1) for line in facts_of(isolated, "status").splitlines() if ":" in line)
    assert facts["NoNewPrivs"].strip() == "1"
    assert facts["Seccomp"].strip() == "2"
    if os.geteuid() == 0:
        assert set(facts["Uid"].split() + facts["Gid"].split()) == {"65534"}
        assert facts["Groups"].strip() == ""
        assert int(facts["CapPrm"], 16) == int(facts["CapEff"], 16) == 0
        assert os.readlink(f"/proc/{isolated._running().pid}/ns/net") != os.readlink("/proc/self/ns/net")


def test_what_an_intruder_can_do(tmp_path: Path) -> None:
    """Compute, and write to the pipe."""
    victim = tmp_path / "victim"
    victim.write_text("here")
    script = INTRUDER.format(root=str(Path(wire.__file__).parents[2]), victim=str(victim))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("computes 45", "")
    assert victim.exists()


def test_nobodys_folder_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files named as modules, in the current folder or where PYTHONPATH says, are not imported."""
    for name in ("PIL", "struct", "concept_worker", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nraise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "struct.py"))
    isolated = IsolatedDecoder(limits=ImageLimits(), memory_mb=0)
    assert os.readlink(f"/proc/{isolated._running().pid}/cwd") == "/"
    assert isolated.to_clean_png(picture()).width == 16
    isolated.close()
    assert not (tmp_path / "imported").exists()


def test_nothing_that_decoding_needs_was_given_up() -> None:
    """Broken files of every kind get the same answer there as here."""
    isolated = IsolatedDecoder(limits=LIMITS, memory_mb=500)
    process = isolated._running()
    for data in broken_files(400):
        assert answer(isolated.to_clean_png, data) == answer(lambda it: to_clean_png(it, LIMITS), data)
    assert isolated._running() is process
    isolated.close()


def answer(decode: object, data: bytes) -> object:
    """What comes of a file."""
    try:
        return decode(data)  # type: ignore[operator]
    except InvalidImage as exc:
        return str(exc)

"""The account that PostgreSQL runs as. PostgreSQL refuses root; containers and CI often run as root.

An ordinary user starts it directly. Root runs it as the user `nobody` where that user can reach programs and data; else
in a user namespace where root is not root, which needs no change of permissions; else from a copy in a readable place.
No permission outside our own folders is changed, and no user is created.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from concept_worker.devstack.errors import StackError
from concept_worker.devstack.guard import enter_namespace
from concept_worker.ownership import check, me

_NOBODY = 65534  # where the system has no such name
_BASE = Path("/var/tmp")  # noqa: S108 - the copy's own folder is checked to be ours


@dataclass(frozen=True)
class Account:
    """The user, the programs and the folder that PostgreSQL runs with."""

    programs: Path  # with initdb and postgres
    home: Path  # holds the database's files
    note: str  # one sentence about what was done
    uid: int | None = None
    gid: int | None = None
    namespace: bool = False

    @property
    def users(self) -> frozenset[int]:
        """The users that PostgreSQL's files may belong to."""
        return me() if self.uid is None or self.namespace else me() | {self.uid}

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the account."""
        if self.uid is not None and self.gid is not None and not self.namespace:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def let_pass(self, folder: Path) -> None:
        """Let the account pass through a folder of ours, and no other user."""
        if self.uid is not None and self.gid is not None and not self.namespace:
            os.chown(folder, os.geteuid(), self.gid)
            folder.chmod(0o710)


def choose_account(programs: Path, data_dir: Path) -> Account:
    """Choose the first of the three ways that works here.

    Raises:
        StackError: no way works for root.
    """
    home = data_dir / "postgres"
    if os.geteuid() != 0:
        return Account(programs, home, "PostgreSQL runs as this user.")
    uid, gid = _nobody()
    if can_reach(programs / "postgres") and can_reach(programs.parent / "share") and can_reach(data_dir):
        return Account(programs, home, "PostgreSQL runs as nobody, because it refuses root.", uid, gid)
    if namespaces_work(uid, gid):
        note = "PostgreSQL runs in a user namespace, because it refuses root and nobody cannot reach this folder."
        return Account(programs, home, note, uid, gid, namespace=True)
    place = _readable_place(data_dir)
    note = f"PostgreSQL runs as nobody from {place}, because it refuses root and nobody cannot reach this folder."
    return Account(_copy(programs, place), place / "postgres", note, uid, gid)


def can_reach(path: Path) -> bool:
    """Tell whether every user may pass through the folders above `path`, and execute a file there."""
    path = path.resolve()
    passable = all(folder.stat().st_mode & 0o001 for folder in path.parents)
    return passable and (not path.is_file() or bool(path.stat().st_mode & 0o001))


def namespaces_work(uid: int, gid: int) -> bool:
    """Tell whether this system lets root enter a user namespace."""
    if sys.platform != "linux":
        return False
    try:
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], preexec_fn=lambda: enter_namespace(uid, gid), check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _nobody() -> tuple[int, int]:
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        return _NOBODY, _NOBODY
    return found.pw_uid, found.pw_gid


def _readable_place(data_dir: Path) -> Path:
    """Make a folder of ours that other users can pass through; the same data directory gets the same folder."""
    base = _BASE if _BASE.is_dir() else Path(tempfile.gettempdir())
    place = base / f"concept-worker-{hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]}"
    place.mkdir(mode=0o711, exist_ok=True)
    check(place, place.lstat(), me())
    if place.is_symlink() or not can_reach(place):
        raise StackError(f"PostgreSQL refuses root, and {place} is no place of ours; run as an ordinary user.")
    return place


def _copy(programs: Path, place: Path) -> Path:
    """Copy PostgreSQL's tree and the libraries beside it in the wheel, to the same relative places."""
    tree = programs.parent
    libraries = tree.parent.with_name(f"{tree.parent.name}.libs")
    target = place / tree.parent.name / tree.name
    if not (target / "bin" / "postgres").exists():
        shutil.rmtree(target, ignore_errors=True)
        if libraries.is_dir():
            shutil.copytree(libraries, place / libraries.name, dirs_exist_ok=True)
        shutil.copytree(tree, target, ignore=shutil.ignore_patterns("include"), symlinks=True)
        for folder, _, names in os.walk(place):
            Path(folder).chmod(0o755)
            for path in (Path(folder, name) for name in names):
                path.chmod(path.stat().st_mode | 0o444)
    return target / programs.name

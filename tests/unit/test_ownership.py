"""Settings, keys and data are only taken from files that no other user owns or may write."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from concept_worker.devstack.data_dir import DataDir
from concept_worker.devstack.errors import StackError
from concept_worker.devstack.keys import load_keys
from concept_worker.errors import UntrustedPath
from concept_worker.ownership import check_above, read_own, replace_own
from concept_worker.settings import DEV_ENV_FILE, Settings

STRANGER = 1234
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")


def give_away(path: Path) -> None:
    """Let another user own it, a link itself and not what it leads to."""
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


def open_up(path: Path) -> None:
    """Let everybody write it."""
    path.chmod(path.stat().st_mode | stat.S_IWOTH)


def open_to_a_group(path: Path) -> None:
    """Let a group of others write it."""
    os.chown(path, -1, STRANGER)
    path.chmod(path.stat().st_mode | stat.S_IWGRP)


def replace_by_a_link(path: Path) -> None:
    """Put a link of another user in its place, to a file of ours that says the same."""
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)
    give_away(path)


TAMPERED = pytest.mark.parametrize("tamper", [give_away, open_up, open_to_a_group, replace_by_a_link])
Tamper = Callable[[Path], None]


class TestSettings:
    """`.env` and the file of a running `dev`, which lie in the working directory."""

    @pytest.fixture(params=[".env", DEV_ENV_FILE])
    def file(self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A settings file of ours that names a broker."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("REDIS_URL", raising=False)
        file = tmp_path / str(request.param)
        file.parent.mkdir(exist_ok=True)
        replace_own(file, 'REDIS_URL="redis://named:1/0"\nconcept_lease_seconds=7\n')
        return file

    def test_ours_are_read(self, file: Path) -> None:
        """By either spelling of a name, and the environment before them."""
        assert (Settings().redis_url, Settings().lease_seconds) == ("redis://named:1/0", 7.0)

    @as_root
    @TAMPERED
    def test_others_are_refused(self, file: Path, tamper: Tamper) -> None:
        """With the file and the mend in one sentence."""
        tamper(file)
        with pytest.raises(
            UntrustedPath, match=rf"{file.name} (belongs to another user|may be written).*(chown|chmod)"
        ):
            Settings()

    def test_a_link_of_ours_is_followed(self, file: Path) -> None:
        """Deployments link `.env` to where they keep it."""
        kept = file.with_name("kept")
        file.rename(kept)
        file.symlink_to(kept)
        assert Settings().redis_url == "redis://named:1/0"

    @as_root
    def test_a_link_of_ours_to_another_users_file_is_not(self, file: Path) -> None:
        """It is the file that says something."""
        kept = file.with_name("kept")
        file.rename(kept)
        file.symlink_to(kept)
        give_away(kept)
        with pytest.raises(UntrustedPath, match="kept belongs to another user"):
            Settings()


class TestDataDirectory:
    """The folder of a stack, what is in it, and what is above it."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """The folder of a stack that ran and ended."""
        data = DataDir(tmp_path / "above" / "data")
        data.acquire()
        for name in ("objects", "valkey"):
            data.folder(name)
        for name in ("ports.json", "valkey/valkey.conf", "logs/postgres.log", "demo-worker.log"):
            replace_own(data.path / name, "{}")
        load_keys(data.path / "keys.json")
        data.release()
        return data.path

    @as_root
    @TAMPERED
    @pytest.mark.parametrize(
        "name",
        [
            *("", "keys.json", "ports.json", "stack.lock", "servers.lock", "logs", "logs/postgres.log", "objects"),
            *("valkey", "valkey/valkey.conf", "demo-worker.log"),
        ],
    )
    def test_what_others_have_touched_is_refused(self, folder: Path, name: str, tamper: Tamper) -> None:
        """Before a server starts, and nothing is changed."""
        tamper(folder / name)
        before = (folder / name).lstat()
        with pytest.raises(StackError, match=r"belongs to another user|may be written by other users"):
            DataDir(folder).acquire()
        assert (folder / name).lstat()[:6] == before[:6]

    def test_keys_of_a_link_are_not_read(self, folder: Path) -> None:
        """Not even of one's own: the stack never makes one."""
        (folder / "keys.json").rename(folder / "aside")
        (folder / "keys.json").symlink_to(folder / "aside")
        with pytest.raises(StackError, match=r"keys.json is a symbolic link"):
            DataDir(folder).acquire()

    def test_a_folder_above_that_all_may_write_is_refused(self, folder: Path) -> None:
        """They could put a folder of theirs in its place; where each may only remove his own, they cannot."""
        folder.parent.chmod(0o777)
        with pytest.raises(StackError, match=r"above may be written by other users.*chmod go-w"):
            DataDir(folder).acquire()
        folder.parent.chmod(0o1777)
        data = DataDir(folder)
        data.acquire()
        data.release()

    @as_root
    def test_root_may_work_in_a_users_folder(self, folder: Path) -> None:
        """`sudo make demo` in one's own checkout: the folder that root makes there is root's."""
        give_away(folder.parent)
        data = DataDir(folder)
        data.acquire()
        data.release()

    @as_root
    def test_a_user_may_not_work_in_another_ones(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its owner could put another folder in the place of ours."""
        give_away(folder.parent)
        monkeypatch.setattr(os, "geteuid", lambda: 4321)
        with pytest.raises(UntrustedPath, match="above, which holds our data, belongs to another user"):
            check_above(folder)

    def test_a_refused_stack_touches_nothing(self, folder: Path) -> None:
        """PostgreSQL of the first may live by the mode that its folder has."""
        first = DataDir(folder)
        first.acquire()
        folder.chmod(0o710)
        before = self.looks(folder)
        with pytest.raises(StackError, match="Another embedded stack"):
            DataDir(folder).acquire()
        assert self.looks(folder) == before
        first.release()

    @staticmethod
    def looks(folder: Path) -> dict[Path, tuple[int, ...]]:
        """Mode, owner, size and time of everything in it."""
        found = {path: path.lstat() for path in [folder, *folder.rglob("*")]}
        return {path: (one.st_mode, one.st_uid, one.st_size, one.st_mtime_ns) for path, one in found.items()}

    def test_a_careless_umask_leaves_nothing_open(self, tmp_path: Path) -> None:
        """What we make is ours to write, whatever the shell says."""
        before = os.umask(0)
        try:
            data = DataDir(tmp_path / "a" / "b" / "data")
            data.acquire()
            load_keys(data.path / "keys.json")
            data.release()
            data.acquire()
            data.release()
        finally:
            os.umask(before)
        made = [tmp_path / "a", *(tmp_path / "a").rglob("*")]
        assert [path for path in made if path.stat().st_mode & 0o022] == []


@as_root
def test_a_pipe_of_another_user_is_not_waited_for(tmp_path: Path) -> None:
    """It would hold the reader for ever."""
    os.mkfifo(tmp_path / "pipe")
    give_away(tmp_path / "pipe")
    with pytest.raises(UntrustedPath):
        read_own(tmp_path / "pipe")


def test_writing_follows_no_link(tmp_path: Path) -> None:
    """Neither at the name nor at the one beside it that is written first."""
    (tmp_path / "victim").write_text("kept")
    for name in ("file", "file.new"):
        (tmp_path / name).symlink_to(tmp_path / "victim")
    replace_own(tmp_path / "file", "ours")
    assert ((tmp_path / "victim").read_text(), read_own(tmp_path / "file")) == ("kept", "ours")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600

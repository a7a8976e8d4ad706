"""Whose files and folders these are: settings, keys and data come only from what no other user owns or may write.

Checks are made on the open file, so that nothing else can be put in its place between look and use. Standard library
and the words for trouble only: settings are read with it.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from concept_worker.errors import UntrustedPath

_PACKAGE = Path(__file__).resolve()


def me() -> frozenset[int]:
    """This process's user alone."""
    return frozenset({os.geteuid()})


def trusted_owners() -> frozenset[int]:
    """Users who could harm this process anyhow: itself, the system's, and the one whose code it runs."""
    # Root of a container's host may have another number inside: whoever owns the root folder is it.
    return me() | {0, os.stat("/").st_uid, _PACKAGE.stat().st_uid}


def read_own(path: Path, owners: Collection[int] | None = None) -> str | None:
    """The text of a file that is ours; None when there is none.

    A symbolic link is followed only when it is ours, too.

    Raises:
        UntrustedPath: another user owns it or may write it; names the mend.
    """
    owners, path = me() if owners is None else owners, path.absolute()
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    check(path, found, owners)
    if stat.S_ISLNK(found.st_mode):
        path = path.resolve()
    with os.fdopen(open_checked(path, os.O_RDONLY, owners), encoding="utf-8") as file:
        return file.read()


def replace_own(path: Path, text: str) -> None:
    """Write a file for this user alone, in place of whatever has the name; readers see all of it or the old one."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def open_checked(path: Path, flags: int, owners: Collection[int]) -> int:
    """Open a file or folder that must be ours and no link; the caller closes the descriptor.

    Raises:
        UntrustedPath: another user owns it or may write it, or it is a link.
    """
    with suppress(FileNotFoundError):
        found = path.lstat()
        check(path, found, owners)  # before it is opened: with the mend, and no pipe of somebody else is waited for
        if stat.S_ISLNK(found.st_mode):
            raise UntrustedPath(f"{path} is a symbolic link; put the file or folder itself there, or remove the link.")
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        check(path, os.fstat(descriptor), owners)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check(path: Path, found: os.stat_result, owners: Collection[int]) -> None:
    """Make sure that a file, folder or link is of these owners, and that nobody else may write it.

    Raises:
        UntrustedPath: it is not; names the path and the mend.
    """
    if found.st_uid not in owners:
        owner = _user(found.st_uid)
        raise UntrustedPath(
            f"{path} belongs to another user ({owner}); run as {owner}, make it yours (chown), or remove it."
        )
    if not stat.S_ISLNK(found.st_mode) and others_may_write(found):
        raise UntrustedPath(f"{path} may be written by other users; take that right away: chmod go-w '{path}'")


def check_above(path: Path) -> None:
    """Make sure that nobody else can put another folder in the place of this one.

    Root may work in a folder of an ordinary user, who could do so, but whose folder in that place is then not root's.

    Raises:
        UntrustedPath: a folder above is writable by others, or another user's; names it and the mend.
    """
    for folder in _existing((*path.parents, *path.parent.resolve().parents, path.parent.resolve())):
        found, may_delete = folder.lstat(), os.geteuid() != 0
        if stat.S_ISLNK(found.st_mode) or may_delete:
            _check_owner_above(folder, found)
        if stat.S_ISDIR(found.st_mode) and others_may_write(found) and not found.st_mode & stat.S_ISVTX:
            raise UntrustedPath(
                f"{folder} may be written by other users, who could put folders of theirs into it; "
                f"take that right away: chmod go-w '{folder}' (or chmod +t)"
            )


def others_may_write(found: os.stat_result) -> bool:
    """Whether anybody but the owner has the right to write; a group of the owner's own is the owner."""
    return bool(found.st_mode & stat.S_IWOTH) or bool(found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid))


def _check_owner_above(folder: Path, found: os.stat_result) -> None:
    if found.st_uid not in trusted_owners():
        raise UntrustedPath(
            f"{folder}, which holds our data, belongs to another user ({_user(found.st_uid)}); "
            "work in a folder of your own."
        )


def _existing(folders: Iterable[Path]) -> list[Path]:
    return [folder for folder in dict.fromkeys(folders) if os.path.lexists(folder)]


def _is_private(group: int) -> bool:
    """Whether a group is this user's alone, as many systems give each user one; in containers root's stands for it."""
    if group == 0:
        return True
    with suppress(KeyError):
        mine, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
        return group == mine.pw_gid and entry.gr_name == mine.pw_name and set(entry.gr_mem) <= {mine.pw_name}
    return False


def _user(number: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return f"user {number}"

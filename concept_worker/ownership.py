"""The ownership of files and folders: settings, keys and data are read only where no other user owns or may write.

Checks are made on the open file, so that no other file can take its place between check and use. This module imports
only the standard library and `errors`, because reading the settings needs it.
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
    """Return the set of this process's user."""
    return frozenset({os.geteuid()})


def trusted_owners() -> frozenset[int]:
    """Return the users who could harm this process in any case: its own, root, and the owner of the code it runs."""
    # Inside a container, the host's root may have another number: it is the owner of the root folder.
    return me() | {0, os.stat("/").st_uid, _PACKAGE.stat().st_uid}


def read_own(path: Path, owners: Collection[int] | None = None) -> str | None:
    """Return the text of a file that is ours, or None when there is no file.

    A symbolic link is followed only if the link is ours, too.

    Raises:
        UntrustedPath: another user owns the file or may write it; names the mend.
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
    """Write a file for this user alone, replacing any file of that name; readers see the old or the new text whole."""
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
        UntrustedPath: another user owns the path or may write it, or the path is a link.
    """
    with suppress(FileNotFoundError):
        found = path.lstat()
        check(path, found, owners)  # before opening, because opening another user's pipe would wait for a writer
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
    """Refuse a file, folder or link that is not of these owners, or that other users may write.

    Raises:
        UntrustedPath: names the path and the mend.
    """
    if found.st_uid not in owners:
        owner = _user(found.st_uid)
        raise UntrustedPath(
            f"{path} belongs to another user ({owner}); run as {owner}, make it yours (chown), or remove it."
        )
    if not stat.S_ISLNK(found.st_mode) and others_may_write(found):
        raise UntrustedPath(f"{path} may be written by other users; take that right away: chmod go-w '{path}'")


def check_above(path: Path) -> None:
    """Refuse a path of which another user could exchange a folder above.

    Root may work in an ordinary user's folder. That user could exchange the folder, but the new one would not be
    root's, and is refused later.

    Raises:
        UntrustedPath: another user owns a folder above or may write it; names the folder and the mend.
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
    """Return whether users other than the owner may write; a group of the owner alone counts as the owner."""
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
    """Return whether a group has this user alone (many systems give each user one), or is root's, as in containers."""
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

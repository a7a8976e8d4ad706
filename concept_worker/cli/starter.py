"""The command `init`: write the files of a deployment into a folder, and overwrite none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from concept_worker.devstack.schema import schema_folder

_HERE = Path(__file__).resolve().parent.parent
_SECRET, _PLAIN = 0o600, 0o644


def write_starter(folder: Path) -> Iterator[tuple[str, bool]]:
    """Write `.env`, `Procfile`, `compose.yaml` and `supabase/migrations` into the folder.

    Yields each file's name there, and whether it was written: a file that exists stays as it is.

    Raises:
        OSError: the folder cannot be written.
    """
    for name, source in starter_files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        yield name, _write_new(target, source.read_bytes(), _SECRET if name == ".env" else _PLAIN)


def starter_files() -> dict[str, Path]:
    """Return each file's name in a project and its source, in the installed wheel or in the repository."""
    packed = _HERE / "starter"
    folder = packed if packed.is_dir() else _HERE.parent
    migrations = sorted((schema_folder() / "migrations").glob("*.sql"))
    return {
        ".env": folder / ".env.example",
        "Procfile": folder / "Procfile",
        "compose.yaml": folder / "compose.yaml",
        **{f"supabase/migrations/{path.name}": path for path in migrations},
    }


def _write_new(target: Path, content: bytes, mode: int) -> bool:
    """Create the file; return False when that name is taken, even by a dangling link."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True

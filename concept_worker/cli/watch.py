"""The part of `--wait` and `--watch`: follow a row to its end, and save its pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from concept_worker.cli.sheets import SheetEntry, contact_sheet
from concept_worker.cli.view import StageProgress, print_heading
from concept_worker.client import ConceptClient
from concept_worker.errors import StoreUnavailable
from concept_worker.models import ConceptRow, TaskRow

_POLL = 0.1  # seconds between reads of the row


def follow(
    client: ConceptClient, row: TaskRow, *, give_up: float, is_hopeless: Callable[[], str | None] = lambda: None
) -> TaskRow:
    """Show the row's progress until the row is terminal; return the terminal row.

    `give_up` is in seconds. `is_hopeless` returns why waiting is useless (such as a worker that died), or None.

    Raises:
        TimeoutError: the row did not become terminal in time, or waiting is useless; says why.
    """
    deadline = time.monotonic() + give_up
    print_heading(row)
    with StageProgress() as progress:
        progress.show(row)
        while not row.status.is_terminal:
            trouble = is_hopeless()
            if trouble:
                raise TimeoutError(trouble)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the task is still {row.status.value} after {give_up:g} s")
            time.sleep(_POLL)
            row = _read_again(client, row)
            progress.show(row)
    progress.end(row)
    return row


def _read_again(client: ConceptClient, row: TaskRow) -> TaskRow:
    """Return the row as it is now, or unchanged while the database does not answer; the caller has a deadline."""
    try:
        return client.get_task(row.id, row.user_id)
    except StoreUnavailable:
        return row


def require_folder(folder: Path) -> None:
    """Check that pictures can be written to the folder; a missing folder is created for the check, then removed.

    Raises:
        ValueError: pictures cannot be written there; says why.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ValueError(f"--output: pictures cannot be written to {folder} ({why}); nothing was asked for") from None
    with suppress(OSError):  # another command may have put files there
        for path in missing:
            path.rmdir()


def save_pictures(client: ConceptClient, concept: ConceptRow, folder: Path) -> list[Path]:
    """Write `base.png`, `variation-NN.png` and `contact-sheet.png` into `folder`; return their paths.

    Raises:
        FileNotFoundError: a picture of the concept is not in its bucket.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = _picture(client, concept, concept.image_path)
    pictures = [(variation, _picture(client, concept, variation.image_path)) for variation in concept.variations]
    sheet = contact_sheet(
        concept.logo_description or concept.refinement_prompt or "",
        f"refined: {concept.refinement_prompt}" if concept.refinement_prompt else concept.theme_description,
        base,
        [SheetEntry(image=picture, name=row.palette_name, colors=row.colors) for row, picture in pictures],
    )
    files = {"base.png": base}
    files |= {f"variation-{row.position:02d}.png": picture for row, picture in pictures}
    files["contact-sheet.png"] = sheet
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _picture(client: ConceptClient, concept: ConceptRow, path: str) -> bytes:
    content = client.load_image(path, concept.user_id)
    if content is None:
        raise FileNotFoundError(f"the picture {path.rpartition('/')[2]} is not in its bucket")
    return content

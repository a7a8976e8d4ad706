"""A PostgreSQL of its own: its functions are put on another clock."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from concept_worker.devstack import Stack
from tests.prove.database import Database


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """The product's schema with a clock that stands still."""
    folder = Path(tempfile.mkdtemp(prefix="concept-worker-prove-"))
    try:
        with Stack(folder) as stack, Database(stack.environment["DATABASE_URL"]) as database:
            database.prepare()
            yield database
    finally:
        shutil.rmtree(folder, ignore_errors=True)

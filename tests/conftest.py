"""Real parts for every test that asks: one embedded stack per session, a fresh user per test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from concept_worker.devstack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """PostgreSQL, the Supabase layer and Valkey on free ports, with the project's schema; gone at the end."""
    # Not below pytest's own folder: as root, that one is closed to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="concept-worker-tests-"))
    try:
        with Stack(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def user_id(stack: Stack) -> UUID:
    """A user of this test's own."""
    return stack.create_user()

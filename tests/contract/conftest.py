"""The judge and our layer over a database of their own; skipped in one line where the judge cannot be had."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from tests.contract.exchange import Bench
from tests.contract.oracle import NoOracle, postgrest_binary, running_oracle
from tests.contract.project import Project, Session, embedded_project, foreign_project, session


@pytest.fixture(scope="session")
def bench(recorded_shapes: None) -> Iterator[Bench]:
    """The real PostgREST and the layer over one database; its rows belong to whoever asks."""
    try:
        postgrest_binary()
    except NoOracle as reason:
        pytest.skip(f"the real PostgREST is not compared with: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="concept-worker-oracle-"))
    try:
        with Stack(folder) as stack, running_oracle(stack, folder / "logs" / "postgrest.log") as url:
            running = Bench(stack, url)
            try:
                yield running
            finally:
                running.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def project(request: pytest.FixtureRequest) -> Project:
    """The project under test: the one `make test-contract` names, else the embedded stack's."""
    return foreign_project() or embedded_project(request.getfixturevalue("stack"))


@pytest.fixture(params=["sync", "async"])
def api(request: pytest.FixtureRequest, project: Project) -> Iterator[Session]:
    """supabase-py with the secret key, sync and async."""
    with session(project, is_async=request.param == "async") as opened:
        yield opened


@pytest.fixture
def owner(api: Session) -> UUID:
    """A fresh user; its rows and objects go with it."""
    return api.new_user()


@pytest.fixture
def as_owner(project: Project, api: Session, owner: UUID) -> Iterator[Session]:
    """supabase-py as that user's browser would have it: publishable key and the user's token."""
    if project.publishable_key is None or project.jwt_secret is None:
        pytest.skip("needs the publishable key and the JWT secret of the server")
    with session(project, key=project.publishable_key, token=project.user_token(owner)) as opened:
        yield opened


@pytest.fixture
def as_nobody(project: Project) -> Iterator[Session]:
    """supabase-py with the publishable key and nobody signed in."""
    if project.publishable_key is None:
        pytest.skip("needs the publishable key of the server")
    with session(project, key=project.publishable_key) as opened:
        yield opened

"""The judge and our layer over a database of their own; skipped in one line where the judge cannot be had."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from concept_worker.devstack import Stack
from tests.contract.exchange import Bench
from tests.contract.oracle import NoOracle, postgrest_binary, running_oracle


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

"""Programs in the documents besides the README's: each is run as it stands."""

from __future__ import annotations

import textwrap
from pathlib import Path
from uuid import UUID

import pytest

from concept_worker.devstack import PREFIX
from concept_worker.models import TaskStatus
from tests.acceptance.places import COMMAND, Folder
from tests.conftest import System
from tests.documents import DOCUMENTS, blocks
from tests.waiting import until

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed beside this Python")

PROGRAMS = {
    name: block.code
    for name in DOCUMENTS
    for block in blocks(name)
    if block.language == "python" and name != "README.md"
}
# What stands around the lines that producers.md shows: a producer without our package, which has inserted a row.
PRODUCER = """
import os
from celery import Celery
REDIS_URL, PREFIX, row_id = os.environ["REDIS_URL"], os.environ["PREFIX"], os.environ["ROW_ID"]
"""


def test_no_program_is_left_out() -> None:
    """A new one gets a test here."""
    assert sorted(PROGRAMS) == ["docs/embedded-supabase.md", "docs/producers.md"]


def test_a_stack_of_ones_own(tmp_path: Path) -> None:
    """It starts, has a user, and ends; its data stays where the program says."""
    (tmp_path / "program.py").write_text(PROGRAMS["docs/embedded-supabase.md"] + "\nprint(user_id)\n")
    done = Folder(tmp_path).run("python program.py")
    assert (done.code, done.complained) == (0, "")
    assert str(UUID(done.printed.strip())) == done.printed.strip()
    assert (tmp_path / ".concept-worker" / "stack" / "keys.json").exists()


def test_a_producer_without_our_package(system: System, user_id: UUID, tmp_path: Path) -> None:
    """A row and one message with its id: the concept is made."""
    inputs = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
    row = system.client._records.task_service.create_task(user_id, "concept_generation", inputs)
    (tmp_path / "program.py").write_text(PRODUCER + textwrap.dedent(PROGRAMS["docs/producers.md"]))
    done = Folder(tmp_path).run(
        "python program.py", REDIS_URL=system.settings.redis_url, PREFIX=PREFIX, ROW_ID=str(row.id)
    )
    assert (done.code, done.printed + done.complained) == (0, "")
    until(lambda: system.client.get_task(row.id, user_id).status.is_terminal, "the run to end")
    assert system.client.get_task(row.id, user_id).status is TaskStatus.COMPLETED

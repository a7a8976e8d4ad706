"""What tests of the verbs of a run must not leave to each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from tests.integration.conftest import run_sql
from tests.integration.services.moment import Moment


@pytest.fixture
def nobody_left_at_a_step(stack: Stack, user_id: UUID) -> Iterator[None]:
    """A step that a test left in the middle of its last try would keep other tests' last tries waiting."""
    yield
    run_sql(
        stack,
        f"""update public.task_steps set lease_expires_at = now() where state = 'running'
        and task_id in (select id from public.tasks where user_id = '{user_id}')""",
    )


@pytest.fixture(scope="session")
def moments(stack: Stack) -> Iterator[Moment]:
    """A connection of its own to the stack's database."""
    with closing(Moment(stack)) as connected:
        yield connected


@pytest.fixture
def moment(moments: Moment) -> Iterator[Moment]:
    """A moment of the stack's database."""
    with moments:
        yield moments

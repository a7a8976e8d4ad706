"""The last event of a run, sent to a broker that is away or does not take it: the run ends all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast
from uuid import uuid4

import pytest
from redis import Redis

from concept_worker.devstack import Stack
from concept_worker.devstack.ports import free_port
from concept_worker.producer_app import producer_app
from concept_worker.settings import Settings
from concept_worker.worker.last_event import send_failed, send_revoked


@pytest.fixture
def mute(stack: Stack) -> Iterator[str]:
    """The address of the broker for a user who may not publish, as a server that refuses for the moment."""
    address = stack.environment["REDIS_URL"]
    with Redis.from_url(address) as server:
        server.execute_command("ACL", "SETUSER", "mute", "on", ">quiet", "~*", "&*", "+@all", "-publish")
        yield f"redis://mute:quiet@{address.rpartition('@')[2]}"
        server.execute_command("ACL", "DELUSER", "mute")


@pytest.mark.parametrize("send", [partial(send_failed, sentence="a sentence"), send_revoked], ids=["failed", "revoked"])
@pytest.mark.parametrize("is_away", [True, False], ids=["away", "refuses"])
def test_it_raises_nothing(send: Callable[..., None], mute: str, is_away: bool) -> None:
    """An exception in the place where a run fails would keep the chord's other half waiting."""

    def step() -> None:
        """Stand for any task."""

    with producer_app(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0" if is_away else mute)) as app:
        task = cast("Any", app).task(step, name="anything", shared=False)
        send(task, task_id=uuid4())

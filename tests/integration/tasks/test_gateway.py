"""Paid runs through a gateway that answers in Supabase's place for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions
from concept_worker.errors import StoreUnavailable, StoreUnreachable
from concept_worker.models import TaskRow, TaskStatus
from tests.conftest import StartSystem, System
from tests.gateway import Gateway, Reply
from tests.integration.tasks.runs import look
from tests.waiting import until

KONG = Reply.of(502, {"message": "An invalid response was received from the upstream server", "request_id": "c0ffee"})
CLOUDFLARE = Reply(522, b"<!DOCTYPE html><title>522</title>", "text/html")
PAUSED = Reply(540, b"<html>Project paused</html>", "text/html")
BUSY = Reply.of(429, {"message": "API rate limit exceeded"}, **{"retry-after": "1"})
CUT = Reply(200, b'{"current": tr')
STALE = Reply.of(404, {"code": "PGRST202", "message": "Could not find the function", "details": None, "hint": None})

FINISH = "POST /rest/v1/rpc/finish_step"
STORE = "POST /rest/v1/rpc/store_concept"
UPLOAD = "POST /storage/v1/object/concept-images/"


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """A paid provider that counts."""
    with FakeProvider(FakeProviderOptions()) as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    """Before the stack's layer."""
    with Gateway(stack.environment["SUPABASE_URL"]) as running:
        yield running


@pytest.fixture(scope="module")
def behind(start_system: StartSystem, provider: FakeProvider, gateway: Gateway) -> System:
    """A worker and a producer that know Supabase by the gateway's address."""
    return start_system(
        SUPABASE_URL=gateway.url, JIGSAWSTACK_API_KEY=provider.api_key, JIGSAWSTACK_API_URL=provider.url
    )


@pytest.fixture(autouse=True)
def as_new(provider: FakeProvider, gateway: Gateway) -> Iterator[None]:
    """Each test orders its own trouble."""
    provider.reset()
    gateway.clear()
    yield
    gateway.clear()


def at_its_end(behind: System, user_id: UUID) -> TaskRow:
    """The usual generation."""
    row = behind.client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)
    until(lambda: look(behind, row).status.is_terminal, "the end")
    return look(behind, row)


@pytest.mark.parametrize(
    ("moment", "reply"),
    [
        *((moment, KONG) for moment in ("rpc/claim_task", "rpc/begin_step", FINISH, UPLOAD, STORE, "palette-images")),
        *((moment, reply) for moment in (FINISH, UPLOAD) for reply in (CLOUDFLARE, PAUSED, BUSY)),
        *((moment, CUT) for moment in ("rpc/begin_step", FINISH)),
        ("rpc/claim_task", STALE),
        ("rpc/begin_step", STALE),
    ],
)
def test_a_paid_run_survives(
    behind: System, provider: FakeProvider, gateway: Gateway, user_id: UUID, moment: str, reply: Reply
) -> None:
    """In the same run, and nothing is paid twice."""
    order = gateway.order(reply, moment, times=2)
    last = at_its_end(behind, user_id)
    assert (last.status, last.run, last.error_message) == (TaskStatus.COMPLETED, 1, None)
    assert (provider.paid("image"), provider.paid("palettes")) == (1, 1)
    assert order.answered == 2


def test_a_schema_that_stays_away_fails_the_row_with_the_mend(behind: System, gateway: Gateway, user_id: UUID) -> None:
    """After the step's tries."""
    order = gateway.order(STALE, STORE)
    last = at_its_end(behind, user_id)
    assert last.status is TaskStatus.FAILED
    assert "the operator must apply the migrations" in str(last.error_message)
    assert order.answered == behind.settings.retry_attempts


def test_a_page_in_place_of_a_row_is_not_taken_for_none(behind: System, gateway: Gateway, user_id: UUID) -> None:
    """A producer that asks for its row is told to ask again, not that there is none."""
    row = at_its_end(behind, user_id)
    gateway.order(Reply(200, b""), "GET /rest/v1/tasks", times=1)
    with pytest.raises(StoreUnavailable, match="something else answered"):
        behind.client.get_task(row.id, user_id)


@pytest.mark.parametrize(("reply", "says"), [(PAUSED, "its owner must restore it"), (BUSY, "not available right now")])
def test_a_producer_that_is_turned_away_hears_that_nothing_was_changed(
    behind: System, gateway: Gateway, user_id: UUID, reply: Reply, says: str
) -> None:
    """And why, instead of an outcome that is unknown."""
    gateway.order(reply)
    with pytest.raises(StoreUnreachable, match=says):
        behind.client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)
    assert len(gateway.requests) == 1

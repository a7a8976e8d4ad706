"""Sides: our settings as they are beside one that was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.queue.bench import Bench
from tests.integration.queue.valkey import Valkey

Side = Callable[..., Bench]

SOON: dict[str, Any] = {"unacked_restore_interval": 0.2}  # what is to be given back is given back soon


@pytest.fixture
def side(brokers: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A bench with these settings changed; `environment` is what an operator may set. Gone after the test."""
    with ExitStack() as at_end:

        def open_side(environment: dict[str, str] | None = None, **changes: Any) -> Bench:
            folder = tmp_path_factory.mktemp("side")
            return at_end.enter_context(Bench(next(brokers), folder, changes, environment or {}))

        yield open_side


@dataclass(frozen=True)
class Outage:
    """A broker of the test's own, and sides on it whose tasks report elsewhere."""

    broker: Valkey
    side: Side


@pytest.fixture
def outage(brokers: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """A broker that may be killed."""
    with ExitStack() as at_end:
        broker = at_end.enter_context(Valkey(tmp_path_factory.mktemp("valkey")))
        databases = iter(range(16))

        def open_side(**changes: Any) -> Bench:
            folder = tmp_path_factory.mktemp("side")
            address = f"{broker.address}/{next(databases)}"
            return at_end.enter_context(Bench(address, folder, changes, {}, reports=next(brokers)))

        yield Outage(broker, open_side)

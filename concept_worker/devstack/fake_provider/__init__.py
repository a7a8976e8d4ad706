"""Paid image providers that cost nothing: the vendors' wires on a real socket, with faults on request."""

from concept_worker.devstack.fake_provider.faults import Fault, FaultKind, Latency
from concept_worker.devstack.fake_provider.server import FakeProvider
from concept_worker.devstack.fake_provider.studio import FakeProviderOptions

__all__ = ["FakeProvider", "FakeProviderOptions", "Fault", "FaultKind", "Latency"]

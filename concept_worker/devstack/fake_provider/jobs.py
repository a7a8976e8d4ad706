"""What is ordered from a wire that works as a queue, and how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import Fault
from concept_worker.devstack.fake_provider.pictures import Picture


class Stage(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    DRAWING = "drawing"
    DONE = "done"
    CANCELED = "canceled"


@dataclass
class Job:
    """One order. `fault` is how it ends, where it does not end well."""

    id: str
    call: Call  # that ordered it
    picture: Picture
    fault: Fault | None = None
    ordered: float = field(default_factory=time.monotonic)
    is_canceled: bool = False

"""The jobs of a wire that works as a queue, and their progress."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum

from concept_worker.devstack.fake_provider.calls import Call
from concept_worker.devstack.fake_provider.faults import Fault
from concept_worker.devstack.fake_provider.pictures import Picture


class Stage(StrEnum):
    """The progress of a job."""

    QUEUED = "queued"
    DRAWING = "drawing"
    DONE = "done"
    CANCELED = "canceled"


@dataclass
class Job:
    """A job. `fault` is its end when it does not end well."""

    id: str
    call: Call  # the call that ordered the job
    picture: Picture
    fault: Fault | None = None
    ordered: float = field(default_factory=time.monotonic)
    is_canceled: bool = False

"""The end of a worker that is in the middle of steps when its time to stop is over.

Celery tells the children of a prefork pool to end, by the same signal as when they hang; here they are told why, and
hand their steps back. Threads cannot be told: Celery waits for them until the platform kills the process, and others
for their leases.
"""

from __future__ import annotations

import logging
import mmap
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from celery.platforms import EX_FAILURE
from celery.utils.dispatch import Signal

from concept_worker.logging import get_logger

log = get_logger(__name__)

leaving = Signal(name="leaving")  # sent in the main thread; whoever has steps in hand puts them down
_stopping = mmap.mmap(-1, 1)  # shared with the children that are forked later


def announce() -> None:
    """From now on the children that are told to end are told because the worker stops."""
    _stopping[0] = 1


def is_announced() -> bool:
    """Whether the worker of this process stops."""
    return bool(_stopping[0])


def leave(connection: Any) -> NoReturn:
    """Have the steps handed back, then the messages (kombu does as its connection closes), and end the process at
    once: a thread that went on would do a second time what others do now.
    """
    log.warning("the time to stop is over; what runs here is handed back")
    leaving.send(sender=None)
    with suppress(Exception):  # a broker that is away: leases and visibility timeout bring everything back
        connection.close()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(EX_FAILURE)

"""The end of a worker whose steps still run when its time to stop is over.

Celery ends the children of a prefork pool with the same signal as children that hang. Here a shared flag tells a child
that the worker stops, and the child releases its step. Threads cannot be ended: Celery waits for them until the
platform kills the process, and other workers wait for their leases. So here the process releases its steps and ends.
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

leaving = Signal(name="leaving")  # sent in the main thread; receivers release their steps
_stopping = mmap.mmap(-1, 1)  # shared with children that are forked later


def announce() -> None:
    """Tell this process and its children that the worker stops: a child that is ended now did not hang."""
    _stopping[0] = 1


def is_announced() -> bool:
    """Return whether the worker of this process stops."""
    return bool(_stopping[0])


def leave(connection: Any) -> NoReturn:
    """Release the steps, then the messages (kombu does so as its connection closes), and end the process at once.

    A thread that went on would do again what other workers take over now.
    """
    log.warning("time to stop is over; running steps are released")
    leaving.send(sender=None)
    with suppress(Exception):  # without a broker, leases and the visibility timeout bring the messages back
        connection.close()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(EX_FAILURE)

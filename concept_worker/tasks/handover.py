"""The end of a worker whose threads are in the middle of steps when its time to stop is over.

Celery tells the children of a prefork pool to end, and their steps hand themselves back (`pipelines/leases.py`).
Threads cannot be told: Celery waits for them until the platform kills the process, and others for their leases.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

import structlog
from celery.platforms import EX_FAILURE
from celery.utils.dispatch import Signal

log = structlog.get_logger(__name__)

leaving = Signal(name="leaving")  # sent in the main thread; whoever has steps in hand puts them down


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

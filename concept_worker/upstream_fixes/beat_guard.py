"""A guard that makes beat stop, which Celery 5.7 does by one exception only.

Celery's handler of SIGTERM raises SystemExit. Python ignores exceptions in a finalizer: when one runs just then, the
signal is lost and beat goes on until it is killed. Here beat's service is told to stop before the exception is raised.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from celery import signals

_ENDING = (signal.SIGTERM, signal.SIGINT)


@signals.beat_init.connect
def stop_surely(sender: Any = None, **_: Any) -> None:
    """Put our handler before Celery's: the service `sender` ends its loop after this round, even without Celery's."""
    for number in _ENDING:
        before = signal.getsignal(number)

        def stop(received: int, frame: FrameType | None, before: Any = before) -> None:
            sender.stop()
            if callable(before):
                before(received, frame)

        signal.signal(number, stop)

"""How this package writes logs: one event a line with typed fields, JSON for machines or colours for people.

Loggers of libraries that print addresses with user ids, keys or message bodies stay at WARNING (or INFO) whatever the
level asked for: a debug session must not become a leak.
"""

from __future__ import annotations

import logging
import sys

import structlog

from concept_worker.settings import LogFormat

# httpx writes whole URLs (user ids, signatures), hpack and httpcore write headers (keys).
_TALKATIVE = ("httpx", "httpcore", "hpack", "h2", "urllib3", "asyncio", "PIL")
# At DEBUG these print the arguments and the body of every message.
_BODY_PRINTERS = ("celery", "celery.pool", "celery.worker.strategy", "celery.app.trace", "kombu", "amqp")

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logging(level: str = "INFO", log_format: LogFormat = LogFormat.JSON) -> None:
    """Send every log line of the process to standard error in `log_format`; safe to call again."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=list(_SHARED),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _renderer(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _BODY_PRINTERS:
        logging.getLogger(name).setLevel(max(threshold, logging.INFO))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _renderer(log_format: LogFormat) -> structlog.typing.Processor:
    if log_format is LogFormat.CONSOLE:
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer(ensure_ascii=False)

"""The logs of this package: one event per line with typed fields, as JSON for machines or in colour for people.

Our loggers use the standard library, under the name `concept_worker`, and never structlog's process-wide
configuration: in a host application they are silent until the host configures logging, and they change nothing of the
host's configuration. A worker calls `configure_logging`.

Some libraries log addresses with user ids, keys or message bodies. A worker keeps their loggers at WARNING (or INFO) at
any log level: a debug session must not leak. A host application sets their levels itself; there, their lines about our
own requests are dropped (`unlogged_requests`). Tracebacks have kinds and places, but no text of foreign errors. A line
has at most `LINE_MAX` bytes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import structlog
from structlog.testing import LogCapture
from structlog.typing import EventDict, Processor, WrappedLogger

from concept_worker.redaction import describe_error, kind_of
from concept_worker.settings import LogFormat

LINE_MAX = 8_000  # bytes
_FIELDS_MAX = 50  # per line
_SMALL = 200  # characters of a collection that stays a collection; a longer one becomes text
_TRIES = (2_000, 500, 100, 20)  # characters per value, tried in turn until the line fits
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}

# httpx writes whole URLs (user ids, signatures), hpack and httpcore write headers (keys).
_TALKATIVE = ("httpx", "httpcore", "hpack", "h2", "urllib3", "asyncio", "PIL")
# At DEBUG these log the arguments and the body of every message.
_BODY_PRINTERS = ("celery", "celery.pool", "celery.worker.strategy", "celery.app.trace", "kombu", "amqp")

# All loggers of the HTTP client: a filter works only on the very logger that gets the record.
_HTTP = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_in_our_request: ContextVar[bool] = ContextVar("concept_worker_in_our_request", default=False)

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

logging.getLogger("concept_worker").addHandler(logging.NullHandler())


class Event(dict[str, Any]):
    """An event with its fields; its text, for handlers of a host application, is one line."""

    def __str__(self) -> str:
        fields = [f"{key}={value}" for key, value in self.items() if key not in _OWN_IN_RECORDS]
        return _cut(" ".join([str(self.get("event", "")), *fields]), _TRIES[0])


_OWN_IN_RECORDS = frozenset({"event", "level", "logger", "timestamp", "exc_info"})


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a module's structured logger, which writes to the standard library's logger of that name."""
    bound = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[_capture, structlog.stdlib.filter_by_level, *_SHARED, _to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return cast("structlog.stdlib.BoundLogger", bound)


def configure_logging(level: str = "INFO", log_format: LogFormat = LogFormat.JSON) -> None:
    """Send all log lines of the process to standard error in `log_format`; safe to call again."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_hide_errors_in_arguments)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=list(_SHARED),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_describe_exception),
                _bounded(_renderer(log_format)),
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


@contextmanager
def unlogged_requests() -> Iterator[None]:
    """Drop the HTTP client's log lines of this thread meanwhile: they have addresses with user ids, and headers.

    The host application's own requests by the same HTTP library are logged as the host configures it.
    """
    for name in _HTTP:
        logging.getLogger(name).addFilter(_is_not_of_our_request)
    token = _in_our_request.set(True)
    try:
        yield
    finally:
        _in_our_request.reset(token)


def _is_not_of_our_request(record: logging.LogRecord) -> bool:
    return not _in_our_request.get()


def _capture(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Give the event to `structlog.testing.capture_logs` while a test uses it; the capture drops the event."""
    processors = structlog.get_config()["processors"]
    if any(isinstance(processor, LogCapture) for processor in processors):
        for processor in processors:
            event = processor(logger, method, event)
    return event


def _to_record(logger: WrappedLogger, method: str, event: EventDict) -> tuple[tuple[Event], dict[str, Any]]:
    """Return the arguments for the standard logger's method, with the extra fields that `ProcessorFormatter` needs."""
    return (Event(event),), {"extra": {"_logger": logger, "_name": method}}


def _hide_errors_in_arguments(record: logging.LogRecord) -> bool:
    """Replace errors by their kinds and remove tracebacks: Celery formats both into its messages."""
    if isinstance(record.args, Mapping) and "exc" in record.args:
        error = record.exc_info[1] if record.exc_info else None
        record.args = {**record.args, "exc": kind_of(error) if error else "error", "traceback": ""}
    elif isinstance(record.args, tuple):
        record.args = tuple(kind_of(value) if isinstance(value, BaseException) else value for value in record.args)
    return True


def _describe_exception(exc_info: Any) -> str:
    return describe_error(exc_info[1]) if exc_info and exc_info[1] else ""


def _renderer(log_format: LogFormat) -> Processor:
    if log_format is LogFormat.CONSOLE:
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _bounded(render: Processor) -> Processor:
    """Return a renderer that shortens values, visibly, until the line has at most `LINE_MAX` bytes."""

    def rendered(logger: WrappedLogger, method: str, event: EventDict) -> str:
        fields = {"event": event.get("event", "")} | dict(list(event.items())[:_FIELDS_MAX])
        shown = {str(key)[:100]: _as_text_unless_small(value) for key, value in fields.items()}
        for most in _TRIES:
            cut = {key: _cut(value, most) if isinstance(value, str) else value for key, value in shown.items()}
            line = str(render(logger, method, cut))
            if len(line.encode(errors="replace")) <= LINE_MAX:
                return line
        return str(render(logger, method, {"event": _cut(str(event.get("event", "")), _TRIES[-1]), "cut": True}))

    return rendered


def _as_text_unless_small(value: Any) -> Any:
    """Return numbers, texts and small collections unchanged, everything else as text."""
    if value is None or isinstance(value, str | bool | float) or (isinstance(value, int) and abs(value) < 10**18):
        return value
    text = _repr(value)
    return value if isinstance(value, dict | list | tuple) and len(text) <= _SMALL else text


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as exc:  # a value whose repr fails must not lose the line
        return f"<{type(value).__name__}: {kind_of(exc)}>"


def _cut(text: str, most: int) -> str:
    """Shorten a long text to its beginning, length and end; write a terminal's control characters as escapes."""
    if len(text) > most:
        text = f"{text[: most // 2]}… ({len(text)} characters) …{text[-(most // 2) :]}"
    return text.translate(_CONTROLS)

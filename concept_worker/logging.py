"""How this package writes logs: one event a line with typed fields, JSON for machines or colours for people.

Our loggers go through the standard library, under the name `concept_worker`, and never through structlog's
process-wide configuration: in a host application they say nothing until it configures logging, and its own set-up stays
as it is. A worker's set-up is `configure_logging`.

Loggers of libraries that print addresses with user ids, keys or message bodies stay at WARNING (or INFO) whatever the
level asked for: a debug session must not become a leak. In a host application their levels are the host's: there, what
they say of our own requests is dropped (`unlogged_requests`). Tracebacks name kinds and places, and no text of other
people's errors; a line has at most `LINE_MAX` bytes.
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
_FIELDS_MAX = 50  # of one line
_SMALL = 200  # characters of a collection that is shown as one
_TRIES = (2_000, 500, 100, 20)  # characters that each value may have, until the line fits
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}

# httpx writes whole URLs (user ids, signatures), hpack and httpcore write headers (keys).
_TALKATIVE = ("httpx", "httpcore", "hpack", "h2", "urllib3", "asyncio", "PIL")
# At DEBUG these print the arguments and the body of every message.
_BODY_PRINTERS = ("celery", "celery.pool", "celery.worker.strategy", "celery.app.trace", "kombu", "amqp")

# The loggers of the HTTP client: a record goes through the filters of its own logger only.
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
    """An event with its fields; as text, for handlers that are not ours, one line."""

    def __str__(self) -> str:
        fields = [f"{key}={value}" for key, value in self.items() if key not in _OWN_IN_RECORDS]
        return _cut(" ".join([str(self.get("event", "")), *fields]), _TRIES[0])


_OWN_IN_RECORDS = frozenset({"event", "level", "logger", "timestamp", "exc_info"})


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The structured logger of a module, over the standard library's logger of that name."""
    bound = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[_capture, structlog.stdlib.filter_by_level, *_SHARED, _to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return cast("structlog.stdlib.BoundLogger", bound)


def configure_logging(level: str = "INFO", log_format: LogFormat = LogFormat.JSON) -> None:
    """Send every log line of the process to standard error in `log_format`; safe to call again."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_hide_errors_in_arguments)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=list(_SHARED),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_described),
                _within_a_line(_renderer(log_format)),
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
    """Drop what the HTTP client logs meanwhile in this thread: addresses with user ids, headers of answers.

    Requests that the host application makes with the same client are logged as the host wishes.
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
    """Hand the event to `structlog.testing.capture_logs` while it is in force; it drops the event."""
    processors = structlog.get_config()["processors"]
    if any(isinstance(processor, LogCapture) for processor in processors):
        for processor in processors:
            event = processor(logger, method, event)
    return event


def _to_record(logger: WrappedLogger, method: str, event: EventDict) -> tuple[tuple[Event], dict[str, Any]]:
    """The arguments of the standard logger's method; the marks are those that `ProcessorFormatter` looks for."""
    return (Event(event),), {"extra": {"_logger": logger, "_name": method}}


def _hide_errors_in_arguments(record: logging.LogRecord) -> bool:
    """Celery formats errors and their whole tracebacks into its messages: let their kinds stand there instead."""
    if isinstance(record.args, Mapping) and "exc" in record.args:
        error = record.exc_info[1] if record.exc_info else None
        record.args = {**record.args, "exc": kind_of(error) if error else "error", "traceback": ""}
    elif isinstance(record.args, tuple):
        record.args = tuple(kind_of(value) if isinstance(value, BaseException) else value for value in record.args)
    return True


def _described(exc_info: Any) -> str:
    return describe_error(exc_info[1]) if exc_info and exc_info[1] else ""


def _renderer(log_format: LogFormat) -> Processor:
    if log_format is LogFormat.CONSOLE:
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _within_a_line(render: Processor) -> Processor:
    """Cut values, and say so, until the rendered line has at most `LINE_MAX` bytes."""

    def rendered(logger: WrappedLogger, method: str, event: EventDict) -> str:
        fields = {"event": event.get("event", "")} | dict(list(event.items())[:_FIELDS_MAX])
        shown = {str(key)[:100]: _shown(value) for key, value in fields.items()}
        for most in _TRIES:
            cut = {key: _cut(value, most) if isinstance(value, str) else value for key, value in shown.items()}
            line = str(render(logger, method, cut))
            if len(line.encode(errors="replace")) <= LINE_MAX:
                return line
        return str(render(logger, method, {"event": _cut(str(event.get("event", "")), _TRIES[-1]), "cut": True}))

    return rendered


def _shown(value: Any) -> Any:
    """Text, or what may stay what it is: a number, a small collection."""
    if value is None or isinstance(value, str | bool | float) or (isinstance(value, int) and abs(value) < 10**18):
        return value
    text = _repr(value)
    return value if isinstance(value, dict | list | tuple) and len(text) <= _SMALL else text


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as exc:  # a value that cannot be shown loses no line
        return f"<{type(value).__name__}: {kind_of(exc)}>"


def _cut(text: str, most: int) -> str:
    """The text, or its beginning and its end, and how long it was; controls of terminals are spelt out."""
    if len(text) > most:
        text = f"{text[: most // 2]}… ({len(text)} characters) …{text[-(most // 2) :]}"
    return text.translate(_CONTROLS)

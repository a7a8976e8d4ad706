"""Log lines: silent in a host application, bounded in a worker, and never with the text of others' errors."""

from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import concept_worker
from concept_worker.errors import ProviderUnavailable
from concept_worker.logging import LINE_MAX, configure_logging, get_logger
from concept_worker.settings import LogFormat

PACKAGE = Path(concept_worker.__file__).parent
LONG: dict[str, object] = {
    "text": "L" * 1_000_000,
    "list": ["x"] * 300_000,
    "nested": {"a": {"b": "c" * 100_000}},
    "controls": "\x00" * 20_000,
    "beyond ASCII": "€" * 20_000,
    "number": 10**5000,
    "bytes": b"x" * 99_999,
}
HOST = """
import logging, structlog
{setup}
before = (structlog.get_config(), list(logging.getLogger().handlers), logging.getLogger().level)
from concept_worker import ConceptClient, Settings
from concept_worker.logging import get_logger
import concept_worker.bootstrap
client = ConceptClient.from_settings(Settings(supabase_url="http://127.0.0.1:9", supabase_secret_key="sb_secret_x"))
try: client.get_tasks("00000000-0000-0000-0000-000000000000")
except Exception: pass
log = get_logger("concept_worker.client")
for say in (log.debug, log.info, log.warning): say("task enqueued", user="abcd****")
client.close()
after = (structlog.get_config(), list(logging.getLogger().handlers), logging.getLogger().level)
assert before == after
"""


@pytest.fixture
def root_logger() -> Iterator[None]:
    """The process's logging as it was, at the end."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


def said_by_host(setup: str) -> str:
    """All that a host application prints which sets up its logs so."""
    command = [sys.executable, "-c", HOST.format(setup=setup)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent, timeout=120)
    return done.stdout + done.stderr


def test_a_host_that_configured_nothing_hears_nothing() -> None:
    """Not even warnings: that is the host's to ask for."""
    assert said_by_host("") == ""


def test_a_host_that_configured_logging_gets_one_line_an_event() -> None:
    """In its own handler, readable without structlog."""
    said = said_by_host("logging.basicConfig(level=logging.INFO, format='%(name)s %(message)s')")
    assert "concept_worker.client task enqueued user=abcd****" in said.splitlines()


def test_a_hosts_structlog_stays_its_own() -> None:
    """Its processors may want what our events do not have."""
    setup = "structlog.configure(processors=[lambda *_: 1 / 0])"
    assert said_by_host(setup) == ""


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_asks_for_our_logger(module: Path) -> None:
    """structlog's own prints to standard output until somebody configures it."""
    tree = ast.parse(module.read_text())
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert [node.lineno for node in attributes if node.attr == "get_logger"] == []


def test_tests_can_listen() -> None:
    """Whatever the level, and whatever is configured."""
    log = get_logger("concept_worker.test").bind(provider="x")
    with capture_logs() as events:
        log.info("heard", number=1)
    assert events == [{"event": "heard", "number": 1, "provider": "x", "log_level": "info"}]
    with capture_logs() as events:
        log.debug("again")
    assert len(events) == 1


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What was logged since the last look."""
    return capsys.readouterr().err


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
@pytest.mark.parametrize("log_format", LogFormat)
def test_a_line_is_bounded(value: object, log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    """And says that it was cut: long texts, lists, controls that JSON spells out, in our events and in a library's."""
    configure_logging("INFO", log_format)
    get_logger("concept_worker.test").warning(
        "long", value=value, **{f"field{number}": "x" * 300 for number in range(60)}
    )
    ours = printed(capsys)
    logging.getLogger("library").warning("long %r", "1" * 50_000 if isinstance(value, int) else value)
    theirs = printed(capsys)
    for line in (ours, theirs):
        assert len(line.encode()) <= LINE_MAX + 1
        assert "long" in line
    assert "characters" in ours or isinstance(value, int)


@pytest.mark.usefixtures("root_logger")
def test_a_cut_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With what matters still in it."""
    configure_logging("INFO", LogFormat.JSON)
    get_logger("concept_worker.test").error("long", text="L" * 100_000, number=7)
    line = json.loads(printed(capsys))
    assert (line["event"], line["number"], line["level"], line["logger"]) == ("long", 7, "error", "concept_worker.test")
    assert "(100000 characters)" in line["text"]


def fail() -> None:
    """Raise one of our errors over one of others', with a secret in its text."""
    try:
        raise ValueError("sk-TOPSECRET")
    except ValueError as exc:
        raise ProviderUnavailable("The image provider is unavailable for now.") from exc


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize("name", ["concept_worker.test", "library"])
def test_a_traceback_names_kinds(name: str, log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    """And places: ours and those of libraries. The text of others' errors is where keys and prompts are."""
    configure_logging("INFO", log_format)
    log = get_logger(name) if name.startswith("concept_worker") else logging.getLogger(name)
    try:
        fail()
    except ProviderUnavailable:
        log.exception("step failed")
    said = printed(capsys)
    assert "TOPSECRET" not in said
    for word in ("ValueError", "ProviderUnavailable: The image provider is unavailable", "test_logging.py:", "in fail"):
        assert word in said


@pytest.mark.usefixtures("root_logger")
def test_celerys_line_about_a_failed_task_has_no_text_of_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It formats the error and its traceback into the message."""
    configure_logging("INFO", LogFormat.JSON)
    error = ValueError("sk-TOPSECRET")
    context = {"name": "step", "description": "raised unexpected", "exc": repr(error), "traceback": str(error)}
    logging.getLogger("celery.app.trace").error("Task %(name)s %(description)s: %(exc)s\n%(traceback)s", context)
    logging.getLogger("celery.backends").error("Chord %r raised: %r", "1", error)
    said = printed(capsys)
    assert "TOPSECRET" not in said
    assert "raised unexpected" in said

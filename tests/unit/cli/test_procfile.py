"""The Procfile's lines as programs."""

from __future__ import annotations

import pytest

from concept_worker.cli import procfile
from concept_worker.cli.procfile import programs


def test_each_line_is_a_program() -> None:
    """Its environment apart from its arguments; a variable has its default, or a value."""
    found = programs()
    assert list(found) == ["worker", "images", "beat", "flower"]
    assert found["worker"].environment == {"REMAP_SIGTERM": "SIGQUIT"}
    assert found["worker"].arguments[:3] == ("worker", "--queues", "concepts,housekeeping")
    assert "--port=5555" in found["flower"].arguments
    assert "--port=1234" in programs(PORT="1234")["flower"].arguments


def test_an_option_is_replaced_or_added() -> None:
    """And the program itself stays as it is."""
    worker = programs()["worker"]
    changed = worker.having(concurrency="3", logfile="x").arguments
    assert changed[changed.index("--concurrency") + 1] == "3"
    assert changed[-2:] == ("--logfile", "x")
    assert worker.arguments == programs()["worker"].arguments


def test_a_line_that_runs_something_else_is_refused() -> None:
    """`dev` would not know how to start it."""
    with pytest.raises(ValueError, match="does not run celery"):
        procfile._program("PORT=1 python -m http.server", {})

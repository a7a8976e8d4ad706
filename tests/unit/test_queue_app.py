"""One configuration, ours, whatever lies around or is set for other applications."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from celery import Celery

from concept_worker import import_path, queue_app
from concept_worker.producer_app import producer_app
from concept_worker.queue_app import QueueApp, configuration, require_promise
from concept_worker.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_BROKER_URL", "redis://host-application/5"),
        ("CELERY_BROKER_WRITE_URL", "redis://host-application/5"),
        ("CELERY_RESULT_BACKEND", "redis://host-application/6"),
        ("CELERY_CONFIG_MODULE", "the_hosts_celeryconfig"),
        ("CELERY_LOADER", "the_hosts.loader:Loader"),
        ("DJANGO_SETTINGS_MODULE", "shop.settings"),
    ],
)
def test_a_hosts_variable_changes_nothing(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A host application's Celery reads these; ours sends where REDIS_URL says, and keeps its import path."""
    monkeypatch.setenv(name, value)
    path = list(sys.path)
    app = producer_app(Settings(redis_url="redis://ours:1/0"))
    assert app.connection_for_write().as_uri(include_password=True) == "redis://ours:1/0"
    assert (app.conf.result_backend, app.conf.task_serializer) == ("disabled://", "json")
    assert sys.path == path


def test_an_app_of_ours_keeps_the_promise() -> None:
    """No setting is missing."""
    require_promise(QueueApp("ours", set_as_current=False).conf)


@pytest.mark.parametrize(
    ("setting", "value"), [("task_acks_late", False), ("accept_content", ["pickle"]), ("worker_consumer", "x:Y")]
)
def test_an_app_that_lacks_a_setting_is_refused(setting: str, value: object) -> None:
    """A worker that lost it would lose rows; the sentence names it."""
    app = QueueApp("changed", set_as_current=False)
    app.conf[setting] = value
    with pytest.raises(ValueError, match=setting):
        require_promise(app.conf)


def test_a_hosts_own_app_is_refused() -> None:
    """Our tasks in an app that another configuration holds."""
    with pytest.raises(ValueError, match=r"task_acks_late.*celery -A concept_worker worker"):
        require_promise(Celery("host", set_as_current=False).conf)


def test_the_wheels_configuration_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In site-packages, the one beside the package is somebody else's."""
    package = tmp_path / "concept_worker"
    package.mkdir()
    monkeypatch.setattr(queue_app, "_PACKAGE", package)
    (tmp_path / "celeryconfig.py").touch()
    assert queue_app.configuration_file() == tmp_path / "celeryconfig.py"
    (package / "celeryconfig.py").touch()
    assert queue_app.configuration_file() == package / "celeryconfig.py"


def test_the_working_directory_leaves_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whichever name it is there; nothing else goes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/elsewhere", str(tmp_path), "."])
    import_path.leave_working_directory()
    assert sys.path == ["/elsewhere"]


def test_a_working_directory_that_has_this_package_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository of a developer."""
    home = Path(queue_app.__file__).resolve().parent.parent
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    import_path.leave_working_directory()
    assert sys.path == ["", "/elsewhere"]


def test_it_is_loaded_under_a_name_of_its_own() -> None:
    """So that a host's `import celeryconfig` finds the host's."""
    assert configuration().__name__ == "concept_worker.celeryconfig"
    assert Path(str(configuration().__file__)) == queue_app.configuration_file()

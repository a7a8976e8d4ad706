"""The stack as its owner sees it: two at once, twice the same, as root anywhere, ended however its parent ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import redis
import uvicorn
from postgrest import APIError

from concept_worker.devstack import Stack, StackError, account
from tests.contract.project import embedded_project, session
from tests.integration.conftest import run_sql
from tests.waiting import until

_SECONDS = 30.0
_POLL_SECONDS = 0.02
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about being root")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can reach, so that root's PostgreSQL can be nobody's."""
    path = Path(tempfile.mkdtemp(prefix="concept-worker-stack-"))
    yield path
    shutil.rmtree(path)


def wait_for(condition: Callable[[], bool]) -> None:
    """Come back when it holds."""
    until(condition, "the condition", _SECONDS)


def works(stack: Stack) -> bool:
    """Whether rows and objects go in and come out."""
    with session(embedded_project(stack)) as api, broker(stack) as redis_client:
        user = str(api.new_user())
        row = api.rows(api.client.table("tasks").insert({"user_id": user, "type": "concept_generation"}))[0]
        bucket = api.client.storage.from_("concept-images")
        bucket.upload(f"{user}/a.png", b"x", {"content-type": "image/png"})
        found = api.rows(api.client.table("tasks").select("*").eq("id", row["id"]))
        return bool(found == [row]) and bucket.download(f"{user}/a.png") == b"x" and bool(redis_client.ping())


def broker(stack: Stack) -> redis.Redis:
    """The stack's broker."""
    return redis.Redis.from_url(stack.environment["REDIS_URL"])


def alive(folder: Path) -> list[int]:
    """Processes that were started for this folder; Linux tells, elsewhere none are seen."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder) in f"{(process / 'cwd').readlink()} {(process / 'cmdline').read_text()}":
                found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid()]


def test_a_second_start_finds_the_data_of_the_first(folder: Path) -> None:
    """Rows, objects, messages and keys are there again."""
    with Stack(folder) as first, session(embedded_project(first)) as api:
        user = api.new_user()
        row = api.rows(api.client.table("tasks").insert({"user_id": str(user), "type": "concept_generation"}))[0]
        api.client.storage.from_("concept-images").upload(f"{user}/a.png", b"x", {"content-type": "image/png"})
        with broker(first) as redis_client:
            redis_client.set("kept", "yes")
        keys = first.keys
    assert alive(folder) == []
    with Stack(folder) as second, session(embedded_project(second)) as api:
        assert second.keys == keys
        assert api.rows(api.client.table("tasks").select("*").eq("id", row["id"])) == [row]
        assert api.client.storage.from_("concept-images").download(f"{user}/a.png") == b"x"
        with broker(second) as redis_client:
            assert redis_client.get("kept") == b"yes"
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600


def test_two_stacks_side_by_side(folder: Path, stack: Stack) -> None:
    """Each has its own ports, keys and rows."""
    with Stack(folder) as other:
        assert other.environment["SUPABASE_URL"] != stack.environment["SUPABASE_URL"]
        assert other.keys != stack.keys
        assert works(other)
        assert works(stack)


def test_one_stack_a_folder(folder: Path) -> None:
    """A second stack in the same folder is told so, and the first goes on."""
    with Stack(folder) as first:
        with pytest.raises(StackError, match="Another embedded stack is using"):
            Stack(folder).start()
        assert works(first)


def test_a_migration_that_was_changed_is_named(folder: Path) -> None:
    """Data made by other migrations is not worked on as if it were of these."""
    with Stack(folder) as stack:
        run_sql(stack, "update supabase_migrations.schema_migrations set statements = array['select 1']")
    with pytest.raises(StackError, match=r"_initial.sql is not what it was when this data was made"):
        Stack(folder).start()


def test_data_of_another_history_is_refused(folder: Path) -> None:
    """Migrations that nobody has any more: data from before 0.1.0, or of a newer version."""
    with Stack(folder) as stack:
        run_sql(
            stack,
            "update supabase_migrations.schema_migrations set version = '20200101000000'"
            " where version = (select min(version) from supabase_migrations.schema_migrations)",
        )
    with pytest.raises(StackError, match="made by other migrations than this version has: 20200101000000"):
        Stack(folder).start()


def test_stopping_twice_is_stopping(folder: Path) -> None:
    """A stopped stack has no keys, and can be started again."""
    stack = Stack(folder)
    with pytest.raises(StackError, match="not running"):
        _ = stack.environment
    stack.start()
    stack.stop()
    stack.stop()
    with stack:
        assert works(stack)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_its_parent(folder: Path, how: signal.Signals) -> None:
    """Killed or ended, a parent takes its servers along; the next stack waits for the last of them."""
    program = "import sys,time,pathlib; from concept_worker.devstack import Stack; "
    program += "s = Stack(pathlib.Path(sys.argv[1])); s.start(); print('ready', flush=True); time.sleep(600)"
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout is not None
        said, running = parent.stdout.readline(), len(alive(folder))
        parent.send_signal(how)
    assert said == b"ready\n"
    assert running > 3 or sys.platform != "linux"
    with Stack(folder) as next_one:
        assert works(next_one)
    wait_for(lambda: alive(folder) == [])


def test_ctrl_c_reaches_the_parent_only(stack: Stack) -> None:
    """The servers are in sessions of their own, so a terminal's signal does not end them before we do."""
    pids = [service.pid for service in stack._services.values()]
    assert all(os.getsid(pid) != os.getsid(0) for pid in pids)


def test_servers_come_back_at_their_ports(folder: Path) -> None:
    """Each server can be killed and started again; clients find it where it was."""
    with Stack(folder) as stack:
        with broker(stack) as redis_client:
            redis_client.set("kept", "yes")
        stack.kill_postgres()
        with session(embedded_project(stack)) as api, pytest.raises(APIError, match="PGRST001"):
            api.rows(api.client.table("tasks").insert({"type": "concept_generation", "user_id": str(UUID(int=1))}))
        stack.start_postgres()
        stack.kill_broker()
        stack.start_broker()
        with broker(stack) as redis_client:
            assert redis_client.get("kept") == b"yes"
        stack.kill_broker()
        stack.start_broker(keep_data=False)
        with broker(stack) as redis_client:
            assert redis_client.get("kept") is None
        stack.kill_layer()
        with pytest.raises(httpx.ConnectError):
            httpx.get(stack.environment["SUPABASE_URL"])
        stack.start_layer()
        assert works(stack)


def test_no_secret_on_a_command_line(stack: Stack, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Everybody on the machine may read command lines; and servers do not get the environment's secrets."""
    monkeypatch.setenv("SOME_API_KEY", "a-very-secret-key")
    with Stack(folder) as running:
        pids, secrets = alive(folder), ["a-very-secret-key", *vars(running.keys).values()]
        lines = [Path(f"/proc/{pid}/{name}").read_text() for pid in pids for name in ("cmdline", "environ")]
    assert pids or sys.platform != "linux"
    assert not [secret for secret in secrets if any(secret in line for line in lines)]


def test_the_broker_wants_its_password(stack: Stack) -> None:
    """Nobody else on the machine reads the queue."""
    with redis.Redis(port=stack.ports.valkey) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_folder_is_closed_to_others(folder: Path) -> None:
    """Others cannot look inside; at most the account of PostgreSQL may pass."""
    with Stack(folder):
        assert folder.stat().st_mode & 0o007 == 0
        assert (folder / "objects").stat().st_mode & 0o077 == 0


def test_a_bare_environment(folder: Path) -> None:
    """No PATH, no HOME, nothing: the stack needs none of it."""
    program = "import sys,pathlib; from concept_worker.devstack import Stack\n"
    program += "with Stack(pathlib.Path(sys.argv[1])) as s: print(s.create_user())"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_long_path_with_spaces(folder: Path) -> None:
    """Deeper than a socket's name may be, and with characters that shells dislike."""
    deep = folder / ("d" * 60) / "a b'c\"d$e" / ("f" * 60)
    for path in [*reversed(deep.parents), deep]:
        if folder in path.parents:
            path.mkdir(exist_ok=True)
    with Stack(deep) as stack:
        assert works(stack)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """One sentence, no traceback of ours."""
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be used"):
        Stack(tmp_path / "file").start()


def test_programs_that_are_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that names the wrong folder is named in the error."""
    monkeypatch.setenv("CONCEPT_POSTGRES_BIN", str(folder))
    with pytest.raises(StackError, match="CONCEPT_POSTGRES_BIN names"):
        Stack(folder / "data").start()


def test_a_migration_that_fails_is_named(folder: Path) -> None:
    """The file and PostgreSQL's reason, in one sentence."""
    source = Path(__file__).resolve().parents[2]
    shutil.copytree(source / "concept_worker", folder / "concept_worker", ignore=shutil.ignore_patterns("__pycache__"))
    migrations = folder / "concept_worker" / "devstack" / "migrations"
    migrations.mkdir()
    (migrations / "20200101000000_wrong.sql").write_text("create table broken (")
    program = "import sys,pathlib; from concept_worker.devstack import Stack\n"
    program += "try: Stack(pathlib.Path(sys.argv[1])).start()\nexcept Exception as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "data")],
        env={"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert "20200101000000_wrong.sql could not be applied: syntax error" in done.stdout, done.stderr


@as_root
def test_root_below_a_closed_folder(folder: Path) -> None:
    """Where nobody can pass, PostgreSQL runs in a user namespace, and no permission changes."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    if not account.namespaces_work(65534, 65534):
        pytest.skip("user namespaces are not allowed here")
    with Stack(closed / "data") as stack:
        assert "user namespace" in stack.note
        assert works(stack)
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_root_without_any_namespace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where namespaces are not allowed either, PostgreSQL runs from a copy in a readable place."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(account, "namespaces_work", lambda uid, gid: False)
    monkeypatch.setattr(account, "_BASE", folder)
    folder.chmod(0o755)
    with Stack(closed / "data") as stack:
        assert "runs as nobody from" in stack.note
        assert works(stack)
    with Stack(closed / "data") as stack:
        assert works(stack)
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user(folder: Path) -> None:
    """Without root, everything runs as the user itself."""
    folder.chmod(0o1777)  # the ordinary user makes its data here
    program = "import sys,pathlib; from concept_worker.devstack import Stack\n"
    program += "with Stack(pathlib.Path(sys.argv[1])) as s: print(s.create_user(), s.note)"
    pythons = [Path(sys.executable), Path(f"/usr/bin/python3.{sys.version_info.minor}")]
    reachable = [str(python) for python in pythons if python.exists() and account.can_reach(python)]
    if not reachable or not account.can_reach(Path(uvicorn.__file__).parent):
        pytest.skip("nobody can reach no Python here")
    done = subprocess.run(
        [reachable[0], "-c", program, str(folder / "data")],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert "runs as this user" in done.stdout, done.stderr

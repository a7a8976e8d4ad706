"""The broker's users: enough for each process, and what each of them may not do."""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from concept_worker.cli.processes import Worker, celery_command
from concept_worker.devstack import PREFIX, BrokerUser, Stack
from concept_worker.devstack.acl import NAMESPACE, rules
from concept_worker.devstack.ports import free_port
from concept_worker.producer_app import producer_app
from concept_worker.settings import Settings
from tests.waiting import until

DATABASE = 254  # of these tests alone
STAGED = f"{PREFIX}concept-worker:staging:a:base.png"
CONCEPTS, UNACKED = f"{PREFIX}concepts", f"{PREFIX}unacked"
RESULT = f"{PREFIX}celery-task-meta-a"
_REFUSALS = ("ACL failure in script", "DEBUG command not allowed")  # where the server has words of its own
_DOCUMENT = Path(__file__).parents[2] / "docs" / "redis-acl.md"

_FLOWER = "looks:in"  # name and password


def address(stack: Stack, user: BrokerUser | None = None) -> str:
    """The broker's for this user, or for the one who may do everything."""
    url = stack.environment["REDIS_URL"] if user is None else stack.environment_of(user)["REDIS_URL"]
    return f"{url.rpartition('/')[0]}/{DATABASE}"


@pytest.fixture
def full(stack: Stack) -> Iterator[Redis]:
    """The one who may do everything; there are messages, pictures and results."""
    with Redis.from_url(address(stack)) as redis:
        redis.flushdb()
        redis.lpush(CONCEPTS, "message")
        redis.hset(UNACKED, "tag", "message")
        redis.set(STAGED, b"picture")
        redis.set(RESULT, b"result")
        yield redis
        redis.flushdb()


def refused(stack: Stack, full: Redis, user: BrokerUser, *command: str) -> bool:
    """Whether the broker refuses it for want of permission, and nothing changes."""
    before = {key: full.dump(key) for key in full.keys()}  # noqa: SIM118 - not a dictionary
    with Redis.from_url(address(stack, user)) as redis:
        try:
            redis.execute_command(*command)
        except ResponseError as exc:
            is_refused = isinstance(exc, NoPermissionError) or any(words in str(exc) for words in _REFUSALS)
            return is_refused and {key: full.dump(key) for key in full.keys()} == before  # noqa: SIM118 - not a dictionary
    return False


OF_NOBODY = [
    *(["CONFIG", "GET", "*"], ["CONFIG", "SET", "dir", "/"], ["FLUSHALL"], ["FLUSHDB"], ["KEYS", "*"]),
    *(["DEBUG", "SLEEP", "0"], ["SHUTDOWN", "NOSAVE"], ["SAVE"], ["REPLICAOF", "127.0.0.1", "1"], ["MONITOR"]),
    *(["ACL", "LIST"], ["ACL", "SETUSER", "x"], ["CLIENT", "LIST"], ["CLIENT", "KILL", "TYPE", "normal"]),
    *(["SWAPDB", "0", "1"], ["RANDOMKEY"], ["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"], ["MODULE", "LIST"]),
    *(["GET", "somebody-elses"], ["SET", "somebody-elses", "x"], ["RENAME", CONCEPTS, f"{PREFIX}images"]),
    ["EVAL", "return redis.call('GET', 'somebody-elses')", "0"],
]
OF_NO_WORKER = [
    *(["LRANGE", CONCEPTS, "0", "-1"], ["RPOP", CONCEPTS], ["BRPOP", CONCEPTS, "1"], ["DEL", CONCEPTS]),
    *(
        ["GET", STAGED],
        ["SET", STAGED, "x"],
        ["DEL", STAGED],
        ["STRLEN", STAGED],
        ["GET", RESULT],
        ["SET", RESULT, "x"],
    ),
    *(["HGET", UNACKED, "tag"], ["HGETALL", UNACKED], ["SCAN", "0"], ["SUBSCRIBE", RESULT], ["INFO"]),
    *(["DUMP", STAGED], ["GETRANGE", STAGED, "0", "1"], ["MGET", STAGED], ["COPY", STAGED, CONCEPTS]),
]
OF_NO_SENDER = [
    *(
        ["LPUSH", f"{PREFIX}images", "x"],
        ["PUBLISH", f"{PREFIX}/0.celery.pidbox", "x"],
        ["PSUBSCRIBE", f"{PREFIX}/0.celeryev/*"],
    ),
    *(["RPUSH", CONCEPTS, "x"], ["SADD", f"{PREFIX}_kombu.binding.celery.pidbox", "x"], ["PUBLISH", RESULT, "x"]),
]


@pytest.mark.parametrize("user", BrokerUser)
@pytest.mark.parametrize("command", OF_NOBODY, ids=" ".join)
def test_what_no_process_may(stack: Stack, full: Redis, user: BrokerUser, command: list[str]) -> None:
    """The server itself, other people's keys, and everything at once."""
    assert refused(stack, full, user, *command)


@pytest.mark.parametrize("user", [BrokerUser.PRODUCER, BrokerUser.BEAT, BrokerUser.FLOWER])
@pytest.mark.parametrize("command", OF_NO_WORKER, ids=" ".join)
def test_what_only_a_worker_may(stack: Stack, full: Redis, user: BrokerUser, command: list[str]) -> None:
    """Take or read messages, pictures and results."""
    assert refused(stack, full, user, *command)


@pytest.mark.parametrize("user", [BrokerUser.PRODUCER, BrokerUser.BEAT])
@pytest.mark.parametrize("command", OF_NO_SENDER, ids=" ".join)
def test_what_no_sender_may(stack: Stack, full: Redis, user: BrokerUser, command: list[str]) -> None:
    """Listen, stop workers, or send what is not theirs to send."""
    assert refused(stack, full, user, *command)


@pytest.mark.parametrize("queue", ["concepts", "images", "housekeeping"])
def test_flower_sends_no_task(stack: Stack, full: Redis, queue: str) -> None:
    """It looks on."""
    assert refused(stack, full, BrokerUser.FLOWER, "LPUSH", f"{PREFIX}{queue}", "x")
    with Redis.from_url(address(stack, BrokerUser.FLOWER)) as redis:
        assert redis.llen(CONCEPTS) == 1


def test_the_clock_starts_no_concept(stack: Stack, full: Redis) -> None:
    """And a producer no housekeeping."""
    assert refused(stack, full, BrokerUser.BEAT, "LPUSH", CONCEPTS, "x")
    assert refused(stack, full, BrokerUser.PRODUCER, "LPUSH", f"{PREFIX}housekeeping", "x")


def test_each_process_has_all_that_it_needs(stack: Stack, full: Redis, tmp_path: Path) -> None:
    """A producer, worker, beat and Flower work together, and the broker refuses none of their commands."""
    full.flushdb()
    full.acl_log_reset()
    port = free_port()
    arguments = {
        "worker": ("worker", "--pool", "threads", "--concurrency", "2", "--queues", "concepts,images,housekeeping"),
        "beat": ("beat", "--pidfile="),
        "flower": ("flower", "--address=127.0.0.1", f"--port={port}"),
    }
    processes = [
        Worker(name, celery_command(*words), tmp_path / f"{name}.log", environment(stack, BrokerUser(name)))
        for name, words in arguments.items()
    ]
    for process in processes:
        process.start()
    try:
        app = producer_app(Settings(namespace=NAMESPACE, redis_url=address(stack, BrokerUser.PRODUCER)))
        until(lambda: answer(f"http://127.0.0.1:{port}/workers?json=1"), "Flower")
        app.send_task("concept_worker.generation.start", task_id=str(uuid4()), queue="concepts")
        until(lambda: b"task-received" in answer(f"http://127.0.0.1:{port}/workers?json=1"), "Flower to see it")
        until(lambda: "housekeeping.reconcile" in (tmp_path / "worker.log").read_text(), "a round of housekeeping")
        asked = producer_app(Settings(namespace=NAMESPACE, redis_url=address(stack, BrokerUser.WORKER)))
        assert asked.control.ping(timeout=2.0)
    finally:
        for process in processes:
            process.stop()
    ours = {user.value for user in BrokerUser}
    assert [entry for entry in full.acl_log() if entry["username"] in ours] == []


def environment(stack: Stack, user: BrokerUser) -> dict[str, str]:
    """Of a process, all in one database."""
    broker = address(stack, user)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONCEPT_")},
        **stack.environment_of(user),
        **{"REDIS_URL": broker, "CONCEPT_RESULT_URL": broker, "CONCEPT_STAGING_URL": broker},
        **{"CONCEPT_RECONCILE_SECONDS": "0.5", "FLOWER_BASIC_AUTH": _FLOWER, "PYTHONPATH": os.pathsep.join(sys.path)},
    }


def answer(url: str) -> bytes:
    """The page, or nothing."""
    request = Request(url, headers={"Authorization": f"Basic {b64encode(_FLOWER.encode()).decode()}"})
    try:
        with urlopen(request, timeout=5) as page:
            return bytes(page.read())
    except OSError:
        return b""


@pytest.mark.parametrize("user", BrokerUser)
def test_the_document_shows_these_users(user: BrokerUser) -> None:
    """Whoever copies it has what is tested here."""
    shown = " ".join(_DOCUMENT.read_text().replace("\\\n", " ").split())
    assert f"ACL SETUSER {user} reset on '>password-of-{user}' {' '.join(rules(user, [0], 'PROJECT:'))}" in shown


def test_a_passwords_hash_is_all_that_the_file_has(stack: Stack) -> None:
    """And only its owner reads the file."""
    file = stack.data_dir / "valkey" / "users.acl"
    assert stack.keys.broker_password not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0

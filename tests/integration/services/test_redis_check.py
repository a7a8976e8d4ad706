"""A Redis is tried before anything depends on it: what will not pass by itself is said with its setting and mend."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from concept_worker.devstack import PREFIX, BrokerUser, Stack
from concept_worker.devstack.acl import rules
from concept_worker.devstack.ports import free_port
from concept_worker.errors import ConceptWorkerError, StoreRefused, StoreUnavailable
from concept_worker.producer_app import producer_app
from concept_worker.redis_address import RedisPlace
from concept_worker.services.redis.check import check_redis
from concept_worker.services.redis.rights import missing_rights
from concept_worker.services.staging import RedisStaging
from concept_worker.settings import Settings
from concept_worker.worker import process
from tests.integration.queue.valkey import Valkey
from tests.integration.services.tls import Server, TlsFront, make_certificates

ALL = ("broker", "control", "results", "staging")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def secured(folder: Path) -> Iterator[TlsFront]:
    """A server that speaks TLS; its password is `pw`."""
    with Server(folder, "--port", "{port}", "--requirepass", "pw") as server:
        server.wait(password="pw")
        with TlsFront(folder, server.port) as front:
            yield front
            front.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server of these tests' own."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


def trouble(url: str, *uses: str) -> str:
    """What is said of an address that is refused."""
    with pytest.raises(StoreRefused, match=r"^REDIS_URL: ") as caught:
        check_redis(RedisPlace("broker", "REDIS_URL", url), uses or ("broker",))
    assert "TOPSECRET" not in str(caught.value)
    return str(caught.value)


class TestTls:
    """Certificates of an authority of one's own."""

    def test_an_unknown_authority_is_refused_by_default(self, secured: TlsFront) -> None:
        """By the check, and by a producer, before its password is sent."""
        url = f"rediss://:pw@localhost:{secured.port}/0"
        assert "CONCEPT_CA_FILE" in trouble(url)
        connection = producer_app(Settings(_env_file=None, redis_url=url)).connection_for_write()
        with connection, pytest.raises(RedisError, match=r"(?i)certificate.verify.failed"):
            connection.connect()

    @pytest.mark.parametrize("named", ["in the address", "by the setting"])
    def test_an_own_authority_is_taken(self, secured: TlsFront, folder: Path, named: str) -> None:
        """By the check, staging, producers and the result backend alike."""
        ca = str(folder / "ca.pem")
        url = f"rediss://:pw@localhost:{secured.port}/0"
        if named == "in the address":
            settings = Settings(_env_file=None, redis_url=f"{url}?ssl_ca_certs={ca}&ssl_cert_reqs=CERT_REQUIRED")
        else:
            settings = Settings(_env_file=None, redis_url=url, ca_file=ca)
        for place in settings.redis_places:
            check_redis(place, [place.role])
        staging = RedisStaging.connect(settings.redis_places[2].url, 60)
        staging.store("k", b"paid")
        assert staging.load("k") == b"paid"
        staging.close()
        with producer_app(settings).connection_for_write() as connection:
            connection.connect()
            assert connection.connected

    @pytest.mark.parametrize("word", ["none", "CERT_NONE"])
    def test_no_check_is_made_where_the_address_says_so(self, secured: TlsFront, word: str) -> None:
        """Heroku's manual asks for it."""
        url = f"rediss://:pw@127.0.0.1:{secured.port}/0?ssl_cert_reqs={word}"
        check_redis(RedisPlace("broker", "REDIS_URL", url), ALL)

    def test_tls_and_none_are_told_apart(self, secured: TlsFront, tmp_path: Path) -> None:
        """The wrong scheme has a sentence, in both directions."""
        with pytest.raises(StoreUnavailable, match="write rediss://"):
            check_redis(RedisPlace("broker", "REDIS_URL", f"redis://:pw@127.0.0.1:{secured.port}/0"), ALL)
        with Server(tmp_path, "--port", "{port}") as plain:
            plain.wait()
            with pytest.raises(ConceptWorkerError, match="write redis://"):
                check_redis(RedisPlace("broker", "REDIS_URL", f"rediss://127.0.0.1:{plain.port}/0"), ALL)


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    """Celery's transactions go over several keys."""
    bus = str(free_port())  # by default 10,000 above its port, which may be no port at all
    with Server(tmp_path, "--port", "{port}", "--cluster-enabled", "yes", "--cluster-port", bus) as server:
        server.wait()
        assert "cluster" in trouble(f"redis://127.0.0.1:{server.port}/0")


def test_a_server_that_is_away_may_come() -> None:
    """Its absence is no wrong setting."""
    with pytest.raises(StoreUnavailable, match=r"^REDIS_URL: it does not answer"):
        check_redis(RedisPlace("broker", "REDIS_URL", f"redis://127.0.0.1:{free_port()}/0"), ALL)


class TestUsers:
    """Passwords, databases and rights."""

    def user(self, server: Valkey, *rules: str) -> str:
        """The address for a user with these rights."""
        with Redis.from_url(server.address) as redis:
            redis.execute_command("ACL", "SETUSER", "scoped", "reset", "on", ">x", *rules)
        return f"{server.address.replace(':queue-tests@', 'scoped:x@')}/0"

    def test_a_wrong_password(self, server: Valkey) -> None:
        """Or none."""
        for login in (":TOPSECRET@", "nobody:TOPSECRET@", ""):
            assert "password is refused" in trouble(f"{server.address.replace(':queue-tests@', login)}/0")

    def test_a_database_that_is_not_there(self, server: Valkey) -> None:
        """Most hosts have one."""
        assert "database of this number" in trouble(f"{server.address}/4000")

    def test_somebody_who_may_do_everything(self, server: Valkey) -> None:
        """And nothing is left of the questions."""
        check_redis(RedisPlace("broker", "REDIS_URL", f"{server.address}/0"), ALL)
        with Redis.from_url(server.address) as redis:
            assert redis.dbsize() == 0

    @pytest.mark.parametrize("command", ["brpop", "evalsha", "zrevrangebyscore", "setex", "multi", "psubscribe"])
    def test_a_command_that_is_missing(self, server: Valkey, command: str) -> None:
        """Is named."""
        url = self.user(server, "~*", "&*", "+@all", f"-{command}")
        assert f"+{command}" in trouble(url, *ALL).split()
        with Redis.from_url(server.address) as redis:
            assert redis.dbsize() == 0

    def test_keys_and_channels_that_are_missing(self, server: Valkey) -> None:
        """A user that is bound to some, as shared hosts make them; with what is named, it lacks nothing."""
        rules = ("~concepts*", "~concept-worker:*", "+@all", "-@dangerous", "-@admin")
        said = trouble(self.user(server, *rules), *ALL)
        mend = said.partition("ACL SETUSER NAME ")[2].split()
        assert {"~unacked", "~images", "&/0.celery.pidbox"} <= set(mend)
        url = self.user(server, *rules, *mend)
        check_redis(RedisPlace("broker", "REDIS_URL", url), ALL)

    def test_a_worker_does_not_start_with_it(self, server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor does beat."""
        url = self.user(server, "~concepts*", "&*", "+@all")  # as before namespaces
        settings = Settings(
            _env_file=None, redis_url=url, supabase_url="https://a.supabase.co", supabase_secret_key="x"
        )
        monkeypatch.setattr(process, "get_settings", lambda: settings)
        for start in (process.check_before_start, process.check_beat):
            with pytest.raises(SystemExit, match="REDIS_URL: its user lacks rights"):
                start()


@pytest.mark.parametrize(
    ("user", "uses"), [(BrokerUser.WORKER, ("broker", "control", "results", "staging")), (BrokerUser.BEAT, ("beat",))]
)
def test_the_users_of_the_manual_lack_nothing(stack: Stack, user: BrokerUser, uses: tuple[str, ...]) -> None:
    """`docs/redis-acl.md`, as the embedded stack has them."""
    with Redis.from_url(stack.environment_of(user)["REDIS_URL"]) as redis:
        assert str(missing_rights(redis, uses, PREFIX)) == ""


@pytest.mark.parametrize(
    ("user", "uses"), [(BrokerUser.WORKER, ("broker", "control", "results", "staging")), (BrokerUser.BEAT, ("beat",))]
)
def test_the_users_of_the_manual_have_one_namespace(server: Valkey, user: BrokerUser, uses: tuple[str, ...]) -> None:
    """With the rights of `docs/redis-acl.md` for one, nothing is lacking there, and all keys elsewhere."""
    with Redis.from_url(server.address) as redis:
        redis.execute_command("ACL", "SETUSER", user, "on", ">x", *" ".join(rules(user, [0], "ours:")).split())
    with Redis.from_url(server.address.replace("redis://:queue-tests@", f"redis://{user}:x@")) as redis:
        assert str(missing_rights(redis, uses, "ours:")) == ""
        assert "~theirs:housekeeping" in str(missing_rights(redis, uses, "theirs:"))


def test_a_listener_that_speaks_no_redis() -> None:
    """A port that something else has."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(StoreUnavailable):
        check_redis(RedisPlace("broker", "REDIS_URL", f"redis://127.0.0.1:{listener.getsockname()[1]}/0"), ALL)

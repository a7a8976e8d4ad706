"""Addresses of Redis as hosts and manuals write them: each is used as meant, or refused with the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from concept_worker.producer_app import producer_app
from concept_worker.redis_address import RedisAddress, with_authority
from concept_worker.services.redis.client import connect_redis
from concept_worker.settings import Settings

TLS = "rediss://:pw@cache.example:6380/0"


@pytest.mark.parametrize("name", ["required", "optional", "none"])
@pytest.mark.parametrize("spell", ["{0}", "CERT_{1}", "cert_{0}"])
def test_both_spellings_of_the_check_mean_the_same(name: str, spell: str) -> None:
    """Celery's words and redis-py's."""
    address = RedisAddress.parse(f"{TLS}?ssl_cert_reqs={spell.format(name, name.upper())}")
    assert (address.url, address.tls["ssl_cert_reqs"]) == (TLS, name)
    assert address.tls["ssl_check_hostname"] == (name != "none")


def test_a_plain_tls_address_is_verified_by_everybody() -> None:
    """As most hosts hand it out."""
    client = connect_redis(TLS, seconds=1.0).connection_pool.connection_kwargs
    app = producer_app(Settings(_env_file=None, redis_url=TLS))
    asked = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert (app.conf.broker_url, app.conf.broker_use_ssl) == (TLS, asked)
    assert {name: client[name] for name in asked} == asked


def test_an_address_without_tls_asks_for_none() -> None:
    """Nothing of it goes to Celery."""
    assert RedisAddress.parse("redis://:pw@cache.example") == RedisAddress("redis://:pw@cache.example/0")
    app = producer_app(Settings(_env_file=None, redis_url="redis://cache.example:6379/3"))
    assert (app.conf.broker_url, app.conf.broker_use_ssl) == ("redis://cache.example:6379/3", False)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sentinel://a:26379;sentinel://b:26379", "Sentinel"),
        ("redis+sentinel://a:26379/mymaster", "Sentinel"),
        ("redis+cluster://a:6379", "cluster"),
        ("redis://a:6379;redis://b:6379", "several servers"),
        ("redis://:word@a:6379,b:6379/0", "several servers"),
        ("cache.redis.cache.example:6380,password=word=,ssl=True", "must begin with redis://"),
        ("cache.example:6379", "must begin with redis://"),
        ("https://cache.example", "must begin with redis://"),
        ("unix:///run/redis.sock", "must begin with redis://"),
        ("redis://:6379/0", "names no host"),
        ("redis://cache.example/production", "number of a database"),
        ("redis://cache.example/0?ssl_cert_reqs=none", "rediss://"),
        ("redis://cache.example/0?ssl=true", "not known"),
        (f"{TLS}?db=3", "not known"),
        (f"{TLS}?ssl_cert_reqs=word", "ssl_cert_reqs"),
        (f"{TLS}?ssl_cert_reqs=", "ssl_cert_reqs"),
        (f"{TLS}?ssl_check_hostname=word", "ssl_check_hostname"),
        (f"{TLS}?ssl_cert_reqs=none&ssl_cert_reqs=required", "twice"),
        (f"{TLS}?ssl_ca_certs=/nowhere/word.pem", "ssl_ca_certs names no file"),
        (f"{TLS}?ssl_certfile=/nowhere/word.pem", "ssl_certfile"),
        ("redis://:wo#rd@cache.example/0", "%23"),
    ],
)
@pytest.mark.parametrize(
    ("field", "name"),
    [("redis_url", "REDIS_URL"), ("result_url", "CONCEPT_RESULT_URL"), ("staging_url", "CONCEPT_STAGING_URL")],
)
def test_an_address_that_we_cannot_use_is_refused(url: str, says: str, field: str, name: str) -> None:
    """The setting and the mend are said, the address is not."""
    with pytest.raises(ValueError, match=rf"^{name} ") as caught:
        Settings(_env_file=None, **{field: url})
    assert says in str(caught.value)
    assert "word" not in str(caught.value).removesuffix("of its password as %2F %3F %23 %40 %3A").replace(
        "password", ""
    )


def test_an_own_authority_is_added_where_none_is_named(tmp_path: Path) -> None:
    """An address may name its own; one without TLS needs none."""
    assert RedisAddress.parse(with_authority(TLS, "/etc/a b.pem")).tls["ssl_ca_certs"] == "/etc/a b.pem"
    named = f"{TLS}?ssl_ca_certs=/etc/c.pem"
    assert with_authority(named, "/etc/a.pem") == named
    assert with_authority("redis://a/0", "/etc/a.pem") == "redis://a/0"
    with pytest.raises(ValueError, match=r"^CONCEPT_CA_FILE names no file of certificates"):
        Settings(_env_file=None, ca_file=str(tmp_path / "missing.pem"))

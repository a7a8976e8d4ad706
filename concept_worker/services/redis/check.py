"""Checks of a Redis at startup and by `doctor`: it answers, it is the one that the setting names, and we may use it."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterator

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from concept_worker.errors import ConceptWorkerError, StoreRefused, StoreUnavailable
from concept_worker.redis_address import RedisPlace
from concept_worker.services.redis.client import connect_redis
from concept_worker.services.redis.errors import PASSING, code_of
from concept_worker.services.redis.rights import missing_rights
from concept_worker.settings import Settings

_SECONDS = 3.0  # timeout of each command

_LOGIN = "its user or password is refused"
_UNKNOWN_CA = (
    "its certificate cannot be verified ({why}); name its authority's file in CONCEPT_CA_FILE, "
    "or, where the host says that there is none to verify, add ?ssl_cert_reqs=none to the address"
)
_NO_TLS = "it does not speak TLS as we do; write redis:// if it speaks none"
_CLOSED = "it closes the connection; write rediss:// if it wants TLS"
_DATABASE = "it has no database of this number; most hosts have only /0"
_CLUSTER = "it is a cluster, which Celery cannot use; take a server without cluster mode"
_AWAY = "it does not answer"
_CODES = ("MOVED", "CROSSSLOT", "ASK")


def uses_of(settings: Settings, place: RedisPlace) -> list[str]:
    """Return the uses that a worker makes of a Redis (`rights.py`)."""
    return [place.role, "control"] if place.role == "broker" and settings.remote_control else [place.role]


def check_redis(place: RedisPlace, uses: Collection[str]) -> None:
    """Make sure that a Redis answers, and that its user has the rights which these uses (`rights.py`) need.

    Raises:
        StoreUnavailable: Redis may be available later.
        StoreRefused: the trouble lasts; the message names the setting and the mend.
    """
    with connect_redis(place.url, seconds=_SECONDS) as redis:
        try:
            if "beat" not in uses:  # beat's user may not run INFO
                _refuse_cluster(redis, place)
            missing = missing_rights(redis, uses, place.prefix)
        except RedisError as exc:
            raise named_trouble(exc, place) from None
    if missing.rules:
        raise StoreRefused(f"{place.setting}: its user lacks rights; the mend: ACL SETUSER NAME {missing}")


def named_trouble(error: RedisError, place: RedisPlace) -> ConceptWorkerError:
    """Translate the error of the first command; the message names the setting, and the mend where there is one."""
    says = _permanent_reason(error)
    if says:
        return StoreRefused(f"{place.setting}: {says}")
    if isinstance(error, RedisConnectionError | RedisTimeoutError | InvalidResponse) or code_of(error) in PASSING:
        return StoreUnavailable(f"{place.setting}: {_describe_absence(error, place)}")
    return StoreRefused(f"{place.setting}: it refuses the first question", code_of(error))


def _describe_absence(error: RedisError, place: RedisPlace) -> str:
    """Describe what may be behind a connection that is open but leads to no answer."""
    if any(isinstance(link, ConnectionRefusedError) for link in _causes(error)):
        return _AWAY
    if place.url.startswith("rediss://"):
        return f"{_AWAY}; write redis:// if it speaks no TLS"
    return _CLOSED if "closed by server" in str(error) or "reset by peer" in str(error) else _AWAY


def _permanent_reason(error: RedisError) -> str | None:
    """Return the sentence for an error that lasts, or None."""
    tls = next((link for link in _causes(error) if isinstance(link, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return _UNKNOWN_CA.format(why=tls.verify_message)
    if tls is not None and tls.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return _NO_TLS
    if isinstance(error, AuthenticationError):
        return _LOGIN
    if isinstance(error, NoPermissionError):
        return f"its user may not connect: {error}"
    if "db index" in str(error).lower():
        return _DATABASE
    return _CLUSTER if str(error).startswith(_CODES) else None


def _refuse_cluster(redis: Redis, place: RedisPlace) -> None:
    try:
        is_cluster = bool(redis.info("cluster").get("cluster_enabled"))
    except NoPermissionError:
        return  # a cluster then shows itself by MOVED, CROSSSLOT or ASK
    if is_cluster:
        raise StoreRefused(f"{place.setting}: {_CLUSTER}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__

"""The checks that Redis keeps every message: persistence, eviction, databases of their own, a budget for staging.

When an ACL forbids a check, the result is a warning, never a good finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from concept_worker.cli.findings import Finding
from concept_worker.redis_address import RedisAddress
from concept_worker.services.redis.client import connect_redis
from concept_worker.services.redis.strangers import strangers_on
from concept_worker.settings import NO_NAMESPACE, Settings

_SECONDS = 3.0  # to wait for each answer


def care_of(settings: Settings) -> Iterator[Finding]:
    """Yield one warning per trouble, and one good finding per server without trouble; skip servers without answer."""
    addresses = {place.role: place.url for place in settings.redis_places}
    yield from _shared(addresses)
    servers: dict[tuple[Any, ...], list[str]] = {}
    for name, url in addresses.items():
        servers.setdefault(_place(url)[:2], []).append(name)
    for names in servers.values():
        yield from _server(names, addresses[names[0]], has_budget=bool(settings.staging_budget_mb))


def strangers_of(settings: Settings) -> Iterator[Finding]:
    """Yield this deployment's name in Redis, and a warning for others there: two names for one project make rows wait.

    Yield nothing for a broker without answer.
    """
    broker = settings.redis_places[0]
    ours = broker.prefix.rstrip(":") or NO_NAMESPACE
    try:
        strangers = strangers_on(broker)
    except (RedisConnectionError, RedisTimeoutError):
        return  # another check reports that it does not answer
    except RedisError as exc:
        yield Finding("namespace", True, f"{ours}; may not look for other deployments (SCAN: {exc})", warns=True)
        return
    if not strangers:
        yield Finding("namespace", True, ours)
        return
    others = ", ".join(f"{prefix.rstrip(':') or NO_NAMESPACE} ({count} waiting)" for prefix, count in strangers.items())
    mend = "if one of them is this project, give all its processes the same CONCEPT_NAMESPACE"
    yield Finding("namespace", True, f"{ours}; other deployments on this Redis: {others}; {mend}", warns=True)


def _shared(addresses: dict[str, str]) -> Iterator[Finding]:
    for (one, url), (other, other_url) in combinations(addresses.items(), 2):
        if _place(url) == _place(other_url):
            mend = f"set CONCEPT_{'RESULT' if other == 'results' else 'STAGING'}_URL to a database of its own"
            yield Finding(f"{one} and {other}", True, f"share one database; {mend}", warns=True)


def _place(url: str) -> tuple[Any, ...]:
    """Return host, port and database of an address."""
    parts = urlsplit(RedisAddress.parse(url).url)
    return parts.hostname, parts.port or 6379, parts.path


def _server(names: list[str], url: str, *, has_budget: bool) -> Iterator[Finding]:
    what = f"Redis of {', '.join(names)}"
    with connect_redis(url, seconds=_SECONDS) as redis:
        try:
            troubles = [*_memory(redis, needs_limit="staging" in names and not has_budget), *_persistence(redis)]
        except (RedisConnectionError, RedisTimeoutError):
            return  # another check reports that it does not answer
    for trouble in troubles:
        yield Finding(what, True, trouble, warns=True)
    if not troubles:
        yield Finding(what, True, "noeviction, appendonly")


def _memory(redis: Redis, *, needs_limit: bool) -> Iterator[str]:
    try:
        memory = redis.info("memory")
    except (RedisConnectionError, RedisTimeoutError):
        raise
    except RedisError as exc:
        yield f"may not be asked for its memory settings (INFO: {exc}); make sure of maxmemory-policy noeviction"
        if needs_limit:
            yield "staging has no budget, because maxmemory may not be read; set CONCEPT_STAGING_BUDGET_MB"
        return
    policy = memory.get("maxmemory_policy", "not told")
    if policy != "noeviction":
        yield f"maxmemory-policy is {policy}: a full server drops messages; set noeviction"
    if needs_limit and not int(memory.get("maxmemory", 0)):
        yield "staging has no budget: set maxmemory, or CONCEPT_STAGING_BUDGET_MB"


def _persistence(redis: Redis) -> Iterator[str]:
    try:
        if int(redis.info("persistence").get("aof_enabled", 0)):
            return
        saves = str(redis.config_get("save").get("save", ""))
    except (RedisConnectionError, RedisTimeoutError):
        raise
    except RedisError as exc:
        yield f"may not be asked whether it keeps its data ({exc}); make sure of appendonly yes"
        return
    if saves:
        yield "appendonly is off: a restart loses what came since the last snapshot; set appendonly yes"
    else:
        yield "persistence is off: a restart loses queues and staged pictures; set appendonly yes"

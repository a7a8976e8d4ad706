"""The Celery app of producers: it sends, and nothing else."""

from __future__ import annotations

from celery import Celery

from concept_worker.redis_address import RedisAddress
from concept_worker.settings import Settings

# A producer is a web request: three quick tries, then a clear error.
PUBLISHING = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}


def producer_app(settings: Settings) -> Celery:
    """Make a Celery app that only sends, for any broker, and that does not become the process's current app.

    It has no result backend, because the outcome is in the task row. With one, each send would subscribe to its
    result, and a broker that does not answer would hold the caller for twenty seconds.
    """
    from concept_worker.queue_app import QueueApp
    from concept_worker.upstream_fixes import (  # these import Redis's client, which a producer may never need
        connection_guard,
        odd_key_guard,
    )

    connection_guard.install()
    odd_key_guard.install()
    app = QueueApp("concept_worker", set_as_current=False)
    transport = {**app.conf.broker_transport_options, **PUBLISHING}  # also for other messages, such as a revoke
    transport.pop("global_keyprefix", None)  # of the process's settings, which may be another deployment's
    if settings.redis_prefix:
        transport["global_keyprefix"] = settings.redis_prefix
    broker = RedisAddress.parse(settings.redis_places[0].url)
    app.conf.update(broker_url=broker.url, broker_use_ssl=dict(broker.tls) or False)
    app.conf.update(result_backend="disabled://", broker_transport_options=transport)
    return app

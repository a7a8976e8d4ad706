"""Plain Celery as it comes: only where things are, and which queue a task goes to."""

from __future__ import annotations

from celery import Celery, signals

from concept_worker.queue_app import configuration
from concept_worker.worker.process import check_before_start

signals.celeryd_after_setup.disconnect(check_before_start)  # it refuses settings that promise nothing: these
celeryconfig = configuration()
app = Celery("plain", include=["benchmarks.plain_celery.steps"])
prefix = celeryconfig.broker_transport_options.get("global_keyprefix", "")
app.conf.update(
    broker_url=celeryconfig.broker_url,
    result_backend=celeryconfig.result_backend,
    # The deployment's names in Redis belong to the address.
    broker_transport_options={"global_keyprefix": prefix},
    result_backend_transport_options={"global_keyprefix": prefix},
    task_routes=celeryconfig.task_routes,
    task_default_queue=celeryconfig.task_default_queue,
)

"""Plain Celery with every setting of this project: late acknowledgement, prefetch 1, visibility, retries on loss …"""

from __future__ import annotations

from celery import Celery

from concept_worker.queue_app import configuration

app = Celery("plain", include=["benchmarks.plain_celery.steps"])
app.config_from_object(configuration())

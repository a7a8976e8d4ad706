"""The configuration of Celery. Every line says why; docs/architecture.md and docs/reliability.md say more."""

from __future__ import annotations

from kombu import Queue as KombuQueue

from concept_worker.pipelines.registry import STEPS
from concept_worker.redis_address import RedisAddress
from concept_worker.routing import QUEUE_OF, Queue, TaskName
from concept_worker.settings import get_settings

_settings = get_settings()

# Addresses. TLS options are separate settings, so that every reader (kombu, the result backend, Flower) checks the
# certificate unless the address says otherwise. By an address alone, kombu checks none and the backend does not start.
_broker, _results, _ = (RedisAddress.parse(place.url) for place in _settings.redis_places)
broker_url = _broker.url
broker_use_ssl = dict(_broker.tls) or False
result_backend = _results.url
redis_backend_use_ssl = dict(_results.tls) or None

# Messages are JSON only: reading one can never run code.
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]

# Every key and channel in Redis begins with the deployment's namespace, so several deployments may share a database.
_prefix = {"global_keyprefix": _settings.redis_prefix} if _settings.redis_prefix else {}

# Explicit queues: a misspelt name is an error at the sender, not a queue without a consumer.
task_queues = [KombuQueue(queue.value) for queue in Queue]
task_default_queue = Queue.CONCEPTS.value
task_create_missing_queues = False
_queues = {**QUEUE_OF, **{name: step.queue for name, step in STEPS.items()}}
task_routes = {name.value: {"queue": queue.value} for name, queue in _queues.items()}

# A message is acknowledged after its step, so the message of a worker that dies is redelivered.
task_acks_late = True
# The message of a child that dies is redelivered, too. Celery sends it as a retry, which is bounded, so that a poison
# message cannot loop for ever; where no retry can be sent, Celery rejects the message into its queue.
task_reject_on_worker_lost = True
task_retry_on_worker_lost = True
# Take one message per slot: a waiting message is free for another worker, and priorities work.
worker_prefetch_multiplier = 1

# Prefork only (the images queue): a child that hangs in pixels is killed at the time when its lease is not extended any
# more, and another worker goes on with the run; a child that has grown is replaced. A threads pool has no time limits;
# there HTTP timeouts do that work. No soft limit: it raises inside the step, and one hang would fail the row without a
# retry.
_limit = {"time_limit": _settings.step_seconds}
task_annotations = {name.value: _limit for name, queue in _queues.items() if queue is Queue.IMAGES}
# In kilobytes: half of what a child may take at most (`services/decoding/memory.py`); the rest is enough for a step.
worker_max_memory_per_child = _settings.child_memory_mb * 1000 // 2 or None

# The broker redelivers an unacknowledged message after this time, so no step and no countdown may be longer: with late
# acknowledgement, a longer step would run several times at once.
_transport = {
    **_prefix,
    "visibility_timeout": _settings.visibility_seconds,
    # How often a worker searches for messages to redeliver. With the defaults a lost one came back after 99 s, not 16.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Notice a half-open connection.
    "socket_timeout": 30,
    "socket_keepalive": True,
}
broker_transport_options = _transport
result_backend_transport_options = {**_prefix, "visibility_timeout": _settings.visibility_seconds}

# A broker that does not answer when a step ends must not turn finished work into FAILURE: retry storing the result.
result_backend_always_retry = True
result_backend_max_retries = 20
# Longer than any pipeline, so that no chord loses its parts. The truth is in the task row, not in the result.
result_expires = 86_400
result_chord_expires = 86_400
# True would store raw arguments beside the results.
result_extended = False

# Running steps go on when the connection drops; killing them would lose paid work. 6.0 will change the default.
worker_cancel_long_running_tasks_on_connection_loss = False
# True would make a worker remember finished tasks: a redelivered header would not be counted, and its chord be lost.
worker_deduplicate_successful_tasks = False
# This consumer drops messages that would end a worker, and end it again after each restart.
worker_consumer = "concept_worker.worker.broker_guard:GuardedConsumer"
broker_connection_retry_on_startup = True
# A worker outlives an outage of the broker; the supervisor restarts one that does not.
broker_connection_max_retries = None

# With REMAP_SIGTERM=SIGQUIT (Procfile) a stopping worker waits this long for its steps. Then a prefork pool kills its
# children, and a threads pool ends the process (`worker/handover.py`); both release their steps and messages.
worker_soft_shutdown_timeout = _settings.soft_shutdown_seconds
# An idle worker stops at once; messages that it holds for later return to the queue all the same.
worker_enable_soft_shutdown_on_idle = False

# Any program that may publish on the broker can inspect workers, revoke tasks and stop workers: turn it off if unused.
worker_enable_remote_control = _settings.remote_control

# Events for Flower.
worker_send_task_events = True
task_send_sent_event = True
task_track_started = True

# concept_worker.logging configures the logs, not Celery.
worker_hijack_root_logger = False
worker_redirect_stdouts = False

# Housekeeping searches for stalled and lost rows this often. An older message is useless, so it expires.
beat_schedule = {
    "reconcile": {
        "task": TaskName.RECONCILE.value,
        "schedule": _settings.reconcile_seconds,
        "options": {"expires": _settings.reconcile_seconds},
    },
    "sweep": {
        "task": TaskName.SWEEP.value,
        "schedule": _settings.sweep_seconds,
        "options": {"expires": _settings.sweep_seconds},
    },
}
# In memory: Celery's default is a pickle in the working directory, which may be another user's, or not writable.
beat_scheduler = "celery.beat:Scheduler"
timezone = "UTC"
enable_utc = True

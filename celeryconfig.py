"""How the queue behaves. Every line says why; the figures behind them are in docs/architecture.md."""

from __future__ import annotations

from kombu import Queue as KombuQueue

from concept_worker.pipelines.registry import STEPS
from concept_worker.redis_address import RedisAddress
from concept_worker.routing import QUEUE_OF, Queue, TaskName
from concept_worker.settings import get_settings

_settings = get_settings()

# Where. TLS is asked for beside the addresses, so that every reader of them (kombu, the result backend, Flower) checks
# the certificate unless the address says otherwise; by themselves kombu does not, and the backend does not start.
_broker, _results, _ = (RedisAddress.parse(place.url) for place in _settings.redis_places)
broker_url = _broker.url
broker_use_ssl = dict(_broker.tls) or False
result_backend = _results.url
redis_backend_use_ssl = dict(_results.tls) or None

# What travels: JSON only, so that a message can never run code by being read.
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]

# Explicit queues: a misspelt name is an error at the sender, not a queue that nobody reads.
task_queues = [KombuQueue(queue.value) for queue in Queue]
task_default_queue = Queue.CONCEPTS.value
task_create_missing_queues = False
_queues = {**QUEUE_OF, **{name: step.queue for name, step in STEPS.items()}}
task_routes = {name.value: {"queue": queue.value} for name, queue in _queues.items()}

# A message is acknowledged when its step has ended, so a worker that dies gives it back.
task_acks_late = True
# A child that dies takes the message back too. The retry bounds it, so that a poison message cannot loop for ever;
# rejecting is what is left where no retry can be sent.
task_reject_on_worker_lost = True
task_retry_on_worker_lost = True
# Take one message per slot: a waiting message is free for another worker, and priorities work.
worker_prefetch_multiplier = 1

# Prefork only (the images queue): a child that hangs in pixels is killed when its lease is left to end, and the run
# goes on elsewhere; one that has grown is replaced. Threads know no limits: there HTTP timeouts stand in. No soft
# limit: it raises inside the step, and a hang would be the row's failure at once, without a second try.
_limit = {"time_limit": _settings.step_seconds}
task_annotations = {name.value: _limit for name, queue in _queues.items() if queue is Queue.IMAGES}
# In kilobytes: half of what a child may take at most (`services/decoding/memory.py`); the rest is enough for a step.
worker_max_memory_per_child = _settings.child_memory_mb * 1000 // 2 or None

# The broker hands an unacknowledged message out again after this long, so no step and no countdown may be longer:
# with late acknowledgement a longer step would run several times at once.
_transport = {
    "visibility_timeout": _settings.visibility_seconds,
    # How often a worker looks for messages to give back; by default a lost one came back after 99 s instead of 16.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A half-open connection is noticed.
    "socket_timeout": 30,
    "socket_keepalive": True,
}
broker_transport_options = _transport
result_backend_transport_options = {"visibility_timeout": _settings.visibility_seconds}

# A broker that is away when a step ends must not turn finished work into FAILURE: keep trying to store the result.
result_backend_always_retry = True
result_backend_max_retries = 20
# Longer than any pipeline, so that no chord loses its parts; the truth is in the task row, not here.
result_expires = 86_400
result_chord_expires = 86_400
# Would store raw arguments beside the results.
result_extended = False

# Running steps go on when the connection drops; killing them would lose paid work. 6.0 will change the default.
worker_cancel_long_running_tasks_on_connection_loss = False
# Its memory of finished tasks makes a redelivered header skip its chord count: the chord is lost.
worker_deduplicate_successful_tasks = False
# Drops messages that would end a worker, and end it again after each restart.
worker_consumer = "concept_worker.worker.broker_guard:GuardedConsumer"
broker_connection_retry_on_startup = True
# A worker outlives an outage of the broker; the supervisor restarts one that does not.
broker_connection_max_retries = None

# With REMAP_SIGTERM=SIGQUIT (Procfile) a stopping worker waits this long, then kills its children and hands their
# messages back. Threads cannot be killed: there a step that takes longer is the platform's to kill.
worker_soft_shutdown_timeout = _settings.soft_shutdown_seconds
# An idle worker stops at once; what it holds for later goes back to the queue all the same.
worker_enable_soft_shutdown_on_idle = False

# Whoever may publish on the broker can ask workers over it, revoke tasks and stop workers: off where nobody needs that.
worker_enable_remote_control = _settings.remote_control

# What Flower shows.
worker_send_task_events = True
task_send_sent_event = True
task_track_started = True

# Logs are ours (concept_worker.logging).
worker_hijack_root_logger = False
worker_redirect_stdouts = False

# Housekeeping: stalled and lost rows are looked for this often. A message that waited longer is of no use.
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
# In memory: the usual schedule is a pickle in the working directory, which may be anybody's, or not writable.
beat_scheduler = "celery.beat:Scheduler"
timezone = "UTC"
enable_utc = True

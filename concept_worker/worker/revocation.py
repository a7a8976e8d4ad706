"""The mirror of revocation: when an operator revokes a task, its row becomes canceled."""

from __future__ import annotations

from typing import Any

from celery import signals

from concept_worker.errors import ConceptWorkerError
from concept_worker.logging import get_logger
from concept_worker.models import TaskStatus
from concept_worker.routing import START_OF
from concept_worker.worker.process import services

log = get_logger(__name__)

_STARTS = {name.value for name in START_OF.values()}


@signals.task_revoked.connect
def mirror_revocation(sender: Any = None, request: Any = None, expired: bool = False, **_: Any) -> None:
    """Cancel the row of an entry message that an operator revoked.

    A revoked step does not cancel its row: the run is resumed when the lease expires. An expired message does not
    either, because no operator asked for that: the row waits for the next message.
    """
    if expired:
        log.warning("expired message dropped", task_id=str(request.id))
        return
    if getattr(sender, "name", None) not in _STARTS:  # the sender is the task; the request has no task name
        return
    try:
        services().task_service.update_task_status(request.id, TaskStatus.CANCELED)
    except ConceptWorkerError as exc:
        log.info("revoked task left as it is", task_id=str(request.id), reason=str(exc))

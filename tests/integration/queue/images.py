"""concept_worker's Celery app with pictures that hang: the product, broken from outside."""

from __future__ import annotations

import json
import os
import threading
from typing import Any
from uuid import UUID

from redis import Redis

from concept_worker.celery import app
from concept_worker.services.image_service import ImageService
from tests.integration.queue.overrides import CHANGES, REPORTS, changed

__all__ = ["app"]

reports = Redis.from_url(os.environ[REPORTS])
changed(app, json.loads(os.environ.get(CHANGES, "{}")))


def _hanging(self: ImageService, *args: Any, user_id: UUID, **kwargs: Any) -> Any:
    """Hang as often as the test ordered it for this user, and say in which process."""
    if reports.lpop(f"hang:{user_id}"):
        reports.rpush(f"hung:{user_id}", os.getpid())
        threading.Event().wait()
    return paint(self, *args, user_id=user_id, **kwargs)


paint = ImageService.create_palette_variations
ImageService.create_palette_variations = _hanging  # type: ignore[method-assign]

"""Requests of OpenAI's wires: the same arguments always make the same bytes, and carry the same idempotency key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from concept_worker.services.http.channel import Outgoing
from concept_worker.services.providers.openai_images.wire import IDEMPOTENCY_KEY


def json_request(call: str, path: str, fields: Mapping[str, object], seed: int | None) -> Outgoing:
    """Return a POST of `fields`. The wire has no seed, so the seed goes into the idempotency key."""
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return keyed_request(call, path, "application/json", body, seed)


def keyed_request(call: str, path: str, content_type: str, body: bytes, seed: int | None) -> Outgoing:
    """Return a POST of `body`, with an idempotency key made of path, seed and body."""
    key = hashlib.sha256(b"\0".join((path.encode(), str(seed).encode(), body))).hexdigest()
    headers = {"content-type": content_type, "accept": "application/json", IDEMPOTENCY_KEY: f"cw-{key}"}
    return Outgoing(call, "POST", path, body, headers)

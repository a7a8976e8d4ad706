"""What the table of request shapes is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from concept_worker.devstack.layer.recorder import Recorder

BODY = b'{"p_task_id": 1}'
WHOLE: tuple[Message, ...] = ({"type": "http.request", "body": BODY},)
CUT: tuple[Message, ...] = ({"type": "http.request", "body": BODY[:5], "more_body": True}, {"type": "http.disconnect"})


async def reading(_: Scope, receive: Receive, __: Send) -> None:
    """An application that reads the body to its end."""
    while (await receive()).get("more_body"):
        pass


@pytest.mark.parametrize(("messages", "bodies"), [(WHOLE, [{"object": ["p_task_id"]}]), (CUT, [])])
def test_a_request_whose_sender_died_has_no_shape(
    tmp_path: Path, messages: Sequence[Message], bodies: list[object]
) -> None:
    """Tests kill processes in the middle of requests."""
    coming = iter(messages)
    file = tmp_path / "shapes"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/rest/v1/rpc/begin", "query_string": b"", "headers": headers}

    async def receive() -> Message:
        return next(coming)

    async def send(_: Message) -> None: ...

    asyncio.run(Recorder(reading, str(file))(scope, receive, send))
    lines = file.read_text().splitlines() if file.exists() else []
    assert [json.loads(line)["body"] for line in lines] == bodies

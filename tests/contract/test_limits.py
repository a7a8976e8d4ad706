"""Bodies and heads are read up to a limit, after rights are known; odd ones are refused in the neighbours' words."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.layer.recorder import UNRECORDED

_MB = 2**20
_SENT = 96 * _MB
_HELD = 40 * _MB  # what the layer may hold of it, a few spooled and buffered pieces and the allocator's slack
_UPLOAD = "/storage/v1/object/concept-images/x/y/{}.png"
_PNG = {"content-type": "image/png"}


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    """The layer's address, no key."""
    address = stack.environment["SUPABASE_URL"]
    with httpx.Client(base_url=address, headers={UNRECORDED: "1"}, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def layer(stack: Stack) -> psutil.Process:
    """The layer's process."""
    processes = psutil.Process().children(recursive=True)
    (found,) = [
        process for process in processes
        if process.cmdline()[1:4] == ["-P", "-m", "concept_worker.devstack.layer"]
        and f'"port": {stack.ports.layer}' in process.cmdline()[4]
    ]  # fmt: skip
    return found


@pytest.fixture
def keys(stack: Stack) -> dict[str, dict[str, str]]:
    """Headers of nobody, of somebody who signed in, and of the service."""
    publishable = {"apikey": stack.keys.publishable_key}
    token = stack.user_token(stack.create_user())
    return {
        "anon": publishable,
        "user": {**publishable, "Authorization": f"Bearer {token}"},
        "service": {"apikey": stack.keys.secret_key},
    }


class _Flood:
    """A body that is made while it is sent, and the most that the layer held meanwhile."""

    def __init__(self, layer: psutil.Process, around: tuple[bytes, bytes] = (b"", b"")) -> None:
        self._layer, self._around = layer, around
        self._before = layer.memory_info().rss
        self.held = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self._around[0]
        for _ in range(_SENT // _MB):
            yield b"[" * _MB
            self.held = max(self.held, self._layer.memory_info().rss - self._before)
        yield self._around[1]


def _form(name: bytes = b"a.png") -> tuple[bytes, bytes]:
    head = b'--b\r\nContent-Disposition: form-data; name=""; filename="%b"\r\nContent-Type: image/png\r\n\r\n' % name
    return head, b"\r\n--b--\r\n"


@pytest.mark.parametrize("who", ["anon", "user", "service"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/rest/v1/tasks", "application/json"),
        ("/rest/v1/rpc/claim_task", "application/json"),
        ("/auth/v1/admin/users", "application/json"),
        ("/storage/v1/object/list/concept-images", "application/json"),
        ("/storage/v1/object/sign/concept-images/a/b.png", "application/json"),
        (_UPLOAD, "image/png"),
        (_UPLOAD, "multipart/form-data; boundary=b"),
    ],
)
def test_no_body_is_held(
    http: httpx.Client, layer: psutil.Process, keys: dict[str, dict[str, str]], path: str, kind: str, who: str
) -> None:
    """Chunked, so that nobody knows its length before: refused, and never in memory."""
    flood = _Flood(layer, _form() if "multipart" in kind else (b"", b""))
    answer = http.post(path.format(uuid4()), content=flood, headers={**keys[who], "content-type": kind})
    assert answer.status_code in (400, 401, 403, 413)
    assert (answer.json().get("statusCode") or str(answer.status_code)) in ("401", "403", "413")
    assert flood.held < _HELD


@pytest.mark.parametrize("path", ["/rest/v1/tasks", "/auth/v1/admin/users", _UPLOAD])
def test_an_announced_length_is_believed(stack: Stack, keys: dict[str, dict[str, str]], path: str) -> None:
    """Too long a body is refused before any of it came, even from one who may write."""
    head = (
        f"POST {path.format(uuid4())} HTTP/1.1\r\nHost: localhost\r\n{UNRECORDED}: 1\r\nContent-Length: 700000000\r\n"
    )
    head += f"apikey: {keys['service']['apikey']}\r\nContent-Type: application/json\r\n\r\n"
    assert b"413" in _said(stack, head.encode())


def test_a_body_that_ends_early_stores_nothing(
    stack: Stack, http: httpx.Client, keys: dict[str, dict[str, str]]
) -> None:
    """Half an object is no object."""
    path = _UPLOAD.format(uuid4())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{UNRECORDED}: 1\r\nContent-Length: 100\r\n"
    head += f"apikey: {keys['service']['apikey']}\r\nContent-Type: image/png\r\n\r\nhalf"
    _said(stack, head.encode(), end=True)
    assert http.get(path, headers=keys["service"]).json()["statusCode"] == "404"


def test_an_upload_passes_through_without_staying(
    http: httpx.Client, layer: psutil.Process, keys: dict[str, dict[str, str]]
) -> None:
    """Nearly all that a bucket takes, as form and as bare body, up and down."""
    content, path = bytes(19 * _MB), _UPLOAD.format(uuid4())
    http.post(path, content=b"warm", headers={**keys["service"], **_PNG})
    before = layer.memory_info().rss
    over = {**keys["service"], "x-upsert": "true"}
    for request in ({"content": content, "headers": {**over, **_PNG}},
                    {"files": {"": ("a.png", content, "image/png")}, "headers": over}):  # fmt: skip
        assert http.post(path, **request).status_code == 200
        assert http.get(path, headers=keys["service"]).content == content
    assert layer.memory_info().rss - before < 12 * _MB


_NESTED = "[" * 100_000 + "]" * 100_000
_ODD: list[Any] = [
    _NESTED, '{"a":' * 100_000 + "1" + "}" * 100_000, "\0", '{"a": "\0"}', '{"paths": ["\\ud800"], "expiresIn": 5}',
    "NaN",
    '{"expiresIn": NaN}', '{"expiresIn": 1e999}', '{"expiresIn": [5]}', '{"expiresIn": "٣"}', "1", "[]", "null", '"x"',
    f'{{"expiresIn": {"9" * 5000}}}', '{"paths": [1, null, {}], "expiresIn": 5}', '{"prefix": 5}', '{"search": ["x"]}',
    '{"limit": -1}', '{"limit": 1e30}', '{"limit": 99999999999999999999}', '{"offset": true}', '{"sortBy": "name"}',
    '{"sortBy": {"column": ["name"]}}', '{"sortBy": {"column": "name", "order": "asc; drop"}}', '{"prefixes": "x"}',
    '{"prefixes": ["a\\u0000b"]}', '{"prefix": "a\\u0000b"}', '{"id": "a/b"}', '{"id": "\\u0000"}',
    '{"email": 5, "id": null}',
    '{"email": "\\u0000"}', '{"email": "\\udc00"}', '{"id": [1]}', '{"user_metadata": {"a": "\\u0000"}}', b"\xff\xfe",
    '{"id": "b", "file_size_limit": 1e999}', '{"id": "b", "file_size_limit": "NaN"}', '{"id": "b", "name": {"a": 1}}',
    '{"id": "b", "allowed_mime_types": [5]}', '{"bucketId": 5, "sourceKey": 5, "destinationKey": 5}', "",
]  # fmt: skip
_PLACES = [
    ("POST", "/rest/v1/tasks"), ("PATCH", "/rest/v1/tasks?id=is.null"), ("POST", "/rest/v1/rpc/open_tasks"),
    ("POST", "/auth/v1/admin/users"), ("POST", "/storage/v1/object/list/concept-images"),
    ("POST", "/storage/v1/bucket"),
    ("POST", "/storage/v1/object/sign/concept-images"), ("POST", "/storage/v1/object/sign/concept-images/a/b.png"),
    ("DELETE", "/storage/v1/object/concept-images"), ("POST", "/storage/v1/object/move"),
    ("POST", "/storage/v1/object/copy"), ("PUT", "/storage/v1/bucket/no-such-bucket"),
]  # fmt: skip


@pytest.mark.parametrize("place", _PLACES, ids=" ".join)
def test_odd_json_is_the_senders_mistake(
    http: httpx.Client, keys: dict[str, dict[str, str]], place: tuple[str, str]
) -> None:
    """With every right there is: 4xx in JSON, or taken for what it is, never a failure of the server's."""
    for body in _ODD:  # text and bytes
        headers = {**keys["service"], "content-type": "application/json"}
        answer = http.request(*place, content=body, headers=headers)
        assert answer.status_code < 500 or "EMB501" in answer.text, (body[:60], answer.text[:200])
        if body is _NESTED:
            assert answer.status_code == 400, answer.text[:200]
            assert "PGRST102" in answer.text or "InvalidRequest" in answer.text


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /rest/v1/tasks?a=" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"431"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 900_000, b"431"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: x\r\n" * 100_000, b"431"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", b"421"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\n\r\n", b"421"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: x/storage/v1/object/sign/\r\n\r\n", b"421"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\n\r\n", b"421"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: localhost\r\napikey: a\r\napikey: b\r\n\r\n", b"400"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: [::1]:5\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", b"400"),
        (b"GET /rest/v1/tasks HTTP/1.1\r\nHost: stack.localhost:99\r\n\r\n", b"401"),
        (
            b"GET /rest/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            b"401",
        ),
    ],
)
def test_heads(stack: Stack, head: bytes, status: bytes) -> None:
    """Too long, of another host, with a header twice: refused by the head alone."""
    unrecorded = f"HTTP/1.1\r\n{UNRECORDED}: 1\r\n".encode()
    assert _said(stack, head.replace(b"HTTP/1.1\r\n", unrecorded, 1)).startswith(b"HTTP/1.1 " + status)


def test_no_other_origin_reads(http: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    """A page elsewhere is not allowed by CORS: its browser asks no further and shows no answer."""
    origin = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET"):
        answer = http.request(method, "/rest/v1/tasks?limit=0", headers={**keys["service"], **origin})
        assert "access-control-allow-origin" not in answer.headers


def test_no_header_is_made_of_a_form(http: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    """What an upload says of itself comes back in headers, so it is one line of text."""
    path = _UPLOAD.format(uuid4())
    form: dict[str, Any] = {"files": {"": ("a.png", b"x", "image/png")}, "headers": keys["service"]}
    for age in ("1\r\nSet-Cookie: a=b", "1\nX: y", "é", "x" * 300):
        assert http.post(path, data={"cacheControl": age}, **form).status_code == 400
    for extra in (_NESTED, "x", '{"a": "\\ud800"}'):
        assert http.post(path, data={"metadata": extra}, **form).status_code == 400
    assert http.post(path, data={"cacheControl": "60", "metadata": json.dumps({"a": 1})}, **form).status_code == 200


def test_a_form_that_is_none(http: httpx.Client, keys: dict[str, dict[str, str]]) -> None:
    """No boundary, no file, two files, no end: 400."""
    head, tail = _form()
    for kind, body in (
        ("multipart/form-data", head), ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", head + b"1\r\n" + head + b"2" + tail),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1' + tail),
    ):  # fmt: skip
        answer = http.post(_UPLOAD.format(uuid4()), content=body, headers={**keys["service"], "content-type": kind})
        assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")


def _said(stack: Stack, sent: bytes, *, end: bool = False) -> bytes:
    """An answer, whole where it says its length; after `end` nothing more is sent."""
    with socket.create_connection(("127.0.0.1", stack.ports.layer), timeout=30) as connection:
        try:
            connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # refused before all of it was sent; the answer is there to be read
        said = b""
        while not _is_whole(said) and (more := connection.recv(4096)):
            said += more
        return said


def _is_whole(said: bytes) -> bool:
    """Whether head and body are there: they may come in two pieces."""
    head, end, body = said.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and (length is None or len(body) >= int(length[1]))

"""Answers of gateways, of PostgREST and of Storage as they come over the wire: which pass, and what the row says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from supabase import Client

from concept_worker.errors import ConceptWorkerError, SchemaMissing, StoreRefused, StoreUnavailable, StoreUnreachable
from concept_worker.models import RunReference, TaskType
from concept_worker.pipelines.backoff import Backoff
from concept_worker.services.supabase.client import connect, disconnect
from concept_worker.services.supabase.concept_store import SupabaseConceptStore
from concept_worker.services.supabase.object_store import SupabaseObjectStore
from concept_worker.services.supabase.task_store import SupabaseTaskStore
from concept_worker.settings import Settings
from tests.gateway import Gateway, Reply

BUCKET = "concept-images"
SECRET = "host db.internal, row 5 of somebody"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain"
TIMEOUT = 30.0  # above what a slow machine needs

AWAY = r" is not available right now \((status|code) \w+\)$"
ELSEWHERE = r"^something else answered in place of the .* check SUPABASE_URL$"
PAUSED = "^the Supabase project is paused; its owner must restore it$"
SILENCE = "^the database or image store did not answer$"
SCHEMA = r"^the database does not know this part of the schema yet \(code \w+\); .* must apply the migrations$"
KEY = r"refused our access \((status|code) \w+\); the operator must check SUPABASE_SECRET_KEY"
ADDRESS = r"is not at this address \(status \d+\); the operator must check SUPABASE_URL$"
LARGE = r"larger than the .* takes \(status \d+\)"
REFUSED = r" refused the request \((status|code) \w+\)$"


@dataclass(frozen=True)
class Shape:
    """One answer as somebody was seen to give it, and what it means to us."""

    who: str
    reply: Reply
    error: type[ConceptWorkerError]
    sentence: str


def said(who: str, status: int, body: Mapping[str, Any], error: type[ConceptWorkerError], sentence: str) -> Shape:
    """A JSON answer."""
    return Shape(f"{status} {who}", Reply.of(status, body), error, sentence)


def page(
    who: str, status: int, body: str, error: type[ConceptWorkerError], sentence: str, kind: str = HTML, **headers: str
) -> Shape:
    """An answer that is no JSON."""
    return Shape(f"{status} {who}", Reply(status, body.encode(), kind, headers), error, sentence)


def kong(status: int, message: str, error: type[ConceptWorkerError], sentence: str) -> Shape:
    """Kong's JSON, which has no code."""
    return said("Kong", status, {"message": message, "request_id": "c0ffee"}, error, sentence)


def cloudflare(status: int) -> Shape:
    """Cloudflare's page about the server behind it."""
    return page("Cloudflare", status, f"<!DOCTYPE html><title>{SECRET} | {status}</title>", StoreUnavailable, AWAY)


# What anybody between us and Supabase may answer, to any request.
GATEWAYS = [
    kong(502, "An invalid response was received from the upstream server", StoreUnavailable, AWAY),
    kong(503, "name resolution failed", StoreUnavailable, AWAY),
    kong(504, "The upstream server is timing out", StoreUnavailable, AWAY),
    kong(500, "An unexpected error occurred", StoreUnavailable, AWAY),
    kong(429, "API rate limit exceeded", StoreUnreachable, AWAY),
    kong(404, "no Route matched with those values", StoreRefused, ADDRESS),
    kong(401, "No API key found in request", StoreRefused, KEY),
    kong(403, "You cannot consume this service", StoreRefused, KEY),
    kong(413, "Request size limit exceeded", StoreRefused, LARGE),
    said("hosted: wrong key", 401, {"message": "Invalid API key", "hint": SECRET}, StoreRefused, KEY),
    said("hosted: wrong path", 404, {"error": "requested path is invalid"}, StoreRefused, ADDRESS),
    said("hosted: quota", 402, {"message": "exceed_egress_quota"}, StoreRefused, "check its plan and quotas$"),
    said("hosted: Storage timeout", 544, {"message": "DatabaseTimeout"}, StoreUnavailable, AWAY),
    said("hosted: worker limit", 546, {"code": "WORKER_LIMIT", "message": SECRET}, StoreUnavailable, AWAY),
    said("hosted: paused", 540, {"message": "Project paused"}, StoreUnreachable, PAUSED),
    page("hosted: paused", 540, "<html>Project paused</html>", StoreUnreachable, PAUSED),
    page("paused, behind a cache", 503, "<h1>Project paused</h1>", StoreUnreachable, PAUSED),
    page("paused, as a success", 200, "<p>This project is paused.</p>", StoreUnreachable, PAUSED),
    *(cloudflare(status) for status in (520, 521, 522, 523, 524, 525, 526, 527, 530)),
    page("nginx", 502, "<html><h1>502 Bad Gateway</h1><hr>nginx</html>", StoreUnavailable, AWAY),
    page("envoy", 503, "upstream connect error or disconnect/reset before headers", StoreUnavailable, AWAY, TEXT),
    page("envoy", 504, "upstream request timeout", StoreUnavailable, AWAY, TEXT),
    page("load balancer", 503, "", StoreUnavailable, AWAY, ""),
    page("load balancer", 500, "", StoreUnavailable, AWAY, ""),
    page("request timeout", 408, "", StoreUnavailable, AWAY, ""),
    page("too early", 425, "", StoreUnavailable, AWAY, ""),
    page("nginx", 413, "<html>Request Entity Too Large</html>", StoreRefused, LARGE),
    page("nginx", 414, "<html>Request-URI Too Large</html>", StoreRefused, LARGE),
    page("node", 431, "", StoreRefused, LARGE, ""),
    page("nginx", 404, "<html>404 Not Found</html>", StoreRefused, ADDRESS),
    page("Traefik", 404, "404 page not found", StoreRefused, ADDRESS, TEXT),
    page("nginx", 405, "<html>Not Allowed</html>", StoreRefused, ADDRESS),
    page("http to https", 301, "", StoreRefused, ADDRESS, HTML, location="https://db.example/"),
    page("moved for good", 308, "", StoreRefused, ADDRESS, "", location="https://db.example/"),
    page("maintenance", 302, "", StoreUnavailable, ELSEWHERE, HTML, location="https://status.example/"),
    page("login", 307, "/login", StoreUnavailable, ELSEWHERE, TEXT, location="/login"),
    page("captive portal", 200, "<html>Welcome to our Wi-Fi</html>", StoreUnavailable, ELSEWHERE),
    page("captive portal", 511, "<html>Sign in</html>", StoreUnavailable, ELSEWHERE),
    page("empty", 200, "", StoreUnavailable, ELSEWHERE, "application/json"),
    page("cut JSON", 200, '[{"id": "4', StoreUnavailable, ELSEWHERE, "application/json"),
    page("cut JSON", 502, '{"message": "An inv', StoreUnavailable, AWAY, "application/json"),
    page("JSON bomb", 500, "[" * 100_000, StoreUnavailable, AWAY, "application/json"),
    said("error as a success", 200, {"message": "upstream failed", "status": 503}, StoreUnavailable, ELSEWHERE),
    said("error as a success", 200, {"error": "upstream failed"}, StoreUnavailable, ELSEWHERE),
    page("no gzip", 200, "[]", StoreUnavailable, SILENCE, "application/json", **{"content-encoding": "gzip"}),
    page("no gzip", 502, "oops", StoreUnavailable, SILENCE, TEXT, **{"content-encoding": "gzip"}),
    Shape("200 cut", Reply(200, b"[{", missing=40), StoreUnavailable, SILENCE),
    Shape("502 cut", Reply(502, b"<html>", HTML, missing=40), StoreUnavailable, SILENCE),
    page("WAF", 406, "<html>Not Acceptable! Mod_Security</html>", StoreRefused, REFUSED),
    page("not implemented", 501, "", StoreRefused, REFUSED, ""),
]


def postgrest(status: int, code: str, error: type[ConceptWorkerError], sentence: str) -> Shape:
    """PostgREST's own words."""
    body = {"code": code, "message": SECRET, "details": SECRET, "hint": None}
    return said(code, status, body, error, sentence)


POSTGREST = [
    *(postgrest(503, code, StoreUnavailable, AWAY) for code in ("PGRST000", "PGRST001", "PGRST002")),
    *(postgrest(503, code, StoreUnavailable, AWAY) for code in ("08006", "53300", "57P01", "57P03")),
    *(postgrest(500, code, StoreUnavailable, AWAY) for code in ("40001", "40P01", "55P03", "57014", "58030", "XX000")),
    *(postgrest(400, code, StoreUnavailable, AWAY) for code in ("40001", "53400", "42P05", "26000", "08P01")),
    postgrest(504, "PGRST003", StoreUnavailable, AWAY),
    postgrest(405, "25006", StoreUnreachable, r"takes no writes right now \(code 25006\)$"),
    *(postgrest(404, code, SchemaMissing, SCHEMA) for code in ("PGRST202", "PGRST205", "42P01", "42883")),
    *(postgrest(400, code, SchemaMissing, SCHEMA) for code in ("PGRST204", "PGRST200", "42703", "0A000")),
    postgrest(300, "PGRST203", SchemaMissing, SCHEMA),
    *(postgrest(401, code, StoreRefused, KEY) for code in ("PGRST301", "PGRST302", "PGRST303", "42501")),
    postgrest(403, "42501", StoreRefused, KEY),
    *(postgrest(409, code, StoreRefused, REFUSED) for code in ("23503", "23505")),
    *(postgrest(400, code, StoreRefused, REFUSED) for code in ("22P02", "23514", "P0001", "PGRST100", "21000")),
    *(postgrest(500, code, StoreRefused, REFUSED) for code in ("42P17", "P0002", "54001", "PGRSTX00", "XX001")),
    postgrest(501, "EMB501", StoreRefused, REFUSED),
    page("cut", 503, '{"code": "PGRST00', StoreUnavailable, AWAY, "application/json"),
    said("a number as code", 400, {"code": 400, "message": SECRET}, StoreRefused, REFUSED),
    said("a number as code", 502, {"code": 502, "message": SECRET}, StoreUnavailable, AWAY),
]


def storage(
    http: int, status: int | str, name: str, error: type[ConceptWorkerError], sentence: str, **more: str
) -> Shape:
    """Storage's own words: the status is in the body, as a string or a number."""
    body = {"statusCode": status, "error": name, "message": SECRET, **more}
    return said(f"{status} {name}", http, body, error, sentence)


STORAGE = [
    storage(400, "544", "DatabaseTimeout", StoreUnavailable, AWAY),
    storage(400, "503", "SlowDown", StoreUnavailable, AWAY),
    storage(400, "429", "too_many_connections", StoreUnreachable, AWAY),
    storage(400, 423, "ResourceLocked", StoreUnavailable, AWAY),
    storage(400, "400", "ResourceLocked", StoreUnavailable, AWAY),
    storage(500, "500", "DatabaseError", StoreUnavailable, AWAY),
    storage(500, 500, "Internal Server Error", StoreUnavailable, AWAY),
    storage(503, "400", "Error", StoreUnavailable, AWAY),
    storage(502, "odd", "Error", StoreUnavailable, AWAY),
    storage(400, "400", "InvalidJWT", StoreRefused, KEY),
    storage(400, "403", "Unauthorized", StoreRefused, KEY),
    storage(401, 401, "Unauthorized", StoreRefused, KEY),
    storage(400, "404", "Bucket not found", StoreRefused, "CONCEPT_STORAGE_BUCKET"),
    storage(404, "404", "not_found", StoreRefused, "CONCEPT_STORAGE_BUCKET", code="NoSuchBucket"),
    storage(404, 404, "Not Found", StoreRefused, ADDRESS),
    storage(400, "413", "Payload too large", StoreRefused, LARGE),
    storage(413, 413, "Payload Too Large", StoreRefused, LARGE, code="FST_ERR_CTP_BODY_TOO_LARGE"),
    storage(400, "415", "invalid_mime_type", StoreRefused, REFUSED),
    storage(400, "409", "Duplicate", StoreRefused, REFUSED),
    storage(400, "odd", "Error", StoreRefused, REFUSED),
]

Call = Callable[[Client, str], Any]
RUN = RunReference(task_id=uuid4(), number=1, type=TaskType.GENERATION)
ROW = {"id": str(uuid4()), "user_id": str(uuid4()), "type": "concept_generation", "metadata": {}}
NOBODY = UUID(int=0)

REST_CALLS: dict[str, Call] = {
    "rpc": lambda client, _: SupabaseTaskStore(client).finish_step(RUN, "generate_palettes", [], 50, 60),
    "rpc of concepts": lambda client, _: SupabaseConceptStore(client).store(RUN, {}, []),
    "select": lambda client, _: SupabaseTaskStore(client).get(NOBODY, NOBODY),
    "insert": lambda client, _: SupabaseTaskStore(client).create(ROW),
    "update": lambda client, _: SupabaseTaskStore(client).accept_inputs(NOBODY, NOBODY, {}),
    "delete": lambda client, _: SupabaseTaskStore(client).delete(NOBODY, NOBODY),
}
STORAGE_CALLS: dict[str, Call] = {
    "upload": lambda client, url: SupabaseObjectStore(client, url).store(BUCKET, "a/b.png", b"png", "image/png"),
    "download": lambda client, url: SupabaseObjectStore(client, url).load(BUCKET, "a/b.png"),
    "sign": lambda client, url: SupabaseObjectStore(client, url).sign(BUCKET, ["a/b.png"], 60),
    "list": lambda client, url: SupabaseObjectStore(client, url).list(BUCKET, "a"),
    "remove": lambda client, url: SupabaseObjectStore(client, url).remove(BUCKET, ["a/b.png"]),
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Nothing is behind it."""
    with Gateway() as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[Client]:
    """Our connection through it."""
    made = connect(gateway.url, "sb_secret_x", TIMEOUT)
    yield made
    disconnect(made)


def met(gateway: Gateway, client: Client, reply: Reply, call: Call) -> ConceptWorkerError:
    """The error that the call ends in when it gets the reply."""
    gateway.clear()
    gateway.order(reply)
    with pytest.raises(ConceptWorkerError) as caught:
        call(client, gateway.url)
    return caught.value


def check(gateway: Gateway, client: Client, shape: Shape, calls: Mapping[str, Call]) -> None:
    """Every call meets the same error and sentence, after one request, and nothing of the body is in it."""
    for name, call in calls.items():
        error = met(gateway, client, shape.reply, call)
        assert type(error) is shape.error, f"{name}: {error!r}"
        assert re.search(shape.sentence, str(error)), f"{name}: {error}"
        assert "internal" not in str(error), name
        assert len(gateway.requests) == 1, name


def named(shape: Shape) -> str:
    """The shape in a test's name."""
    return shape.who


@pytest.mark.parametrize("shape", GATEWAYS, ids=named)
class TestAnybodyBetween:
    """The status says whether it may pass."""

    def test_to_rest(self, gateway: Gateway, client: Client, shape: Shape) -> None:
        """Whatever is asked."""
        check(gateway, client, shape, REST_CALLS)

    def test_to_storage(self, gateway: Gateway, client: Client, shape: Shape) -> None:
        """The same answers, the same errors."""
        check(gateway, client, shape, STORAGE_CALLS)


@pytest.mark.parametrize("shape", POSTGREST, ids=named)
def test_the_databases_own_code_refines_the_status(gateway: Gateway, client: Client, shape: Shape) -> None:
    """Either way."""
    check(gateway, client, shape, REST_CALLS)


@pytest.mark.parametrize("shape", STORAGE, ids=named)
def test_storages_own_status_refines_https(gateway: Gateway, client: Client, shape: Shape) -> None:
    """It sends nearly everything as 400."""
    check(gateway, client, shape, STORAGE_CALLS)


@pytest.mark.parametrize(
    "reply",
    [
        Reply.of(400, {"statusCode": "404", "error": "not_found", "message": "Object not found"}),
        Reply.of(404, {"statusCode": 404, "error": "Not found", "message": "The resource was not found"}),
        Reply.of(404, {"statusCode": "404", "error": "not_found", "message": "x", "code": "NoSuchKey"}),
    ],
)
def test_a_picture_is_missing_only_when_storage_says_so(gateway: Gateway, client: Client, reply: Reply) -> None:
    """Else it would be made, and paid, again: the tables above have the other kinds of 404."""
    gateway.clear()
    gateway.order(reply)
    assert SupabaseObjectStore(client, gateway.url).load(BUCKET, "a/b.png") is None


@pytest.mark.parametrize("call", [REST_CALLS["rpc"], STORAGE_CALLS["upload"]], ids=["rest", "storage"])
def test_an_answer_that_is_slower_than_we_wait_is_none(gateway: Gateway, call: Call) -> None:
    """The gateway holds it until we leave."""
    hasty = connect(gateway.url, "sb_secret_x", 0.2)
    error = met(gateway, hasty, Reply(200, b"[]", hold=30.0), call)
    disconnect(hasty)
    assert type(error) is StoreUnavailable
    assert re.search(SILENCE, str(error))


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_page_is_no_picture(gateway: Gateway, client: Client, kind: str) -> None:
    """Though it comes with status 200, and could be read as JSON."""
    error = met(gateway, client, Reply(200, b'"a page"', kind), STORAGE_CALLS["download"])
    assert type(error) is StoreUnavailable


@pytest.mark.parametrize(("said_seconds", "kept"), [("7", 7.0), ("0", 0.0), ("soon", 0.0), ("-3", 0.0)])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("call", [REST_CALLS["rpc"], STORAGE_CALLS["upload"]], ids=["rest", "storage"])
def test_a_wait_that_is_asked_for_is_kept(
    gateway: Gateway, client: Client, call: Call, status: int, said_seconds: str, kept: float
) -> None:
    """Where it is one."""
    error = met(gateway, client, Reply.of(status, {"message": "slow down"}, **{"retry-after": said_seconds}), call)
    assert isinstance(error, StoreUnavailable)
    assert error.retry_after == kept


def test_a_missing_schema_is_waited_for_longer(gateway: Gateway, client: Client) -> None:
    """The tries of one step outlast the minute in which a deployment's migrations are seen."""
    reply = Reply.of(404, {"code": "PGRST202", "message": SECRET})
    error = met(gateway, client, reply, REST_CALLS["rpc"])
    assert isinstance(error, SchemaMissing)
    settings = Settings()
    backoff = Backoff(base=settings.retry_base_seconds, cap=settings.retry_cap_seconds)
    assert sum(backoff.delay(error, retries) for retries in range(settings.retry_attempts - 1)) >= 60.0


def test_the_code_goes_with_the_refusal(gateway: Gateway, client: Client) -> None:
    """Services look at it: a foreign key is an unknown user."""
    error = met(gateway, client, Reply.of(409, {"code": "23503", "message": SECRET}), REST_CALLS["insert"])
    assert isinstance(error, StoreRefused)
    assert error.code == "23503"


def test_an_answer_of_null_is_one(gateway: Gateway, client: Client) -> None:
    """The concept of a run that was replaced."""
    gateway.clear()
    gateway.order(Reply(200, b"null"))
    assert SupabaseConceptStore(client).store(RUN, {}, []) is None

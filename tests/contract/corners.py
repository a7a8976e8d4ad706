"""Requests at the edges of what the project asks, by hand: errors, ranges, odd bodies, odd values, every role.

A request that the layer answers otherwise carries the name of its deviation, declared in docs/embedded-supabase.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.exchange import ALICE, ANON, BOB, USER, Request, task_id

ROWS = "return=representation"
OBJECT = "application/vnd.pgrst.object+json"
ONE, ABSENT = f"id=eq.{task_id(1)}", f"id=eq.{task_id(77)}"
_FRESH = {"id": task_id(50), "user_id": str(ALICE), "type": "concept_generation"}
_CLAIM = {"p_task_id": task_id(0), "p_user_id": None, "p_lease_seconds": 30, "p_max_runs": 5}
_STEP = {
    "p_task_id": task_id(1), "p_run": 2, "p_step": "s", "p_owner": "o", "p_progress": 3, "p_lease_seconds": 30,
    "p_max_interruptions": 3,
}  # fmt: skip
_FINISH = {
    "p_task_id": task_id(1), "p_run": 2, "p_step": "store_base_image", "p_output": {"n": ["big"]}, "p_progress": 3,
    "p_lease_seconds": 30,
}  # fmt: skip


@dataclass(frozen=True)
class Corner:
    """A request, and the name of the deviation it shows, if any."""

    request: Request
    deviation: str | None = None

    def __str__(self) -> str:
        return str(self.request)[:150]


def corners() -> list[Corner]:
    """Every corner once."""
    found = [
        *_reads(),
        *_embeds(),
        *_ranges(),
        *_inserts(),
        *_upserts(),
        *_changes(),
        *_calls(),
        *_odd_bodies(),
        *_strangers(),
        *_refusals(),
    ]
    return list({str(corner.request): corner for corner in found}.values())


def _ask(method: str, path: str, body: Any = None, *, role: str = "service_role", **headers: str) -> Corner:
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    return Corner(Request(method, path, text, {k.replace("_", "-"): v for k, v in headers.items()}, role))


def _deviating(name: str, *corners: Corner) -> Iterator[Corner]:
    for corner in corners:
        yield Corner(corner.request, name)


_FILTERS = f"""
{ONE} {ABSENT} id=eq.null id=is.null stage=is.null stage=not.is.null stage=is.NULL stage=is.foo progress=eq.x id=eq.zz
nope=eq.1 progress=in.(10,20) progress=in.() stage=in.(generate_palettes,"a,b") stage=in.("q\\"uo\\\\te") stage=in.("")
stage=in.a progress=in.(x) progress=gt.10&progress=lt.40 progress=gte.10 progress=lte.10 progress=neq.10
progress=not.eq.10 progress=not.in.(10,20) stage=like.* stage=ilike.G* stage=like.a,b id=like.a* stage=match.^a
or=(progress.eq.10,stage.eq.generate_palettes) or=(progress.eq.10,and(progress.gt.20,stage.is.null))
or=(progress.eq.10,not.and(progress.gt.20,stage.is.null)) and=(progress.gt.10,progress.lt.40)
not.or=(progress.eq.10,stage.eq.x) or=(stage.in.(a,b),progress.eq.20) or=(stage.eq."a,b",{ONE.replace("=", ".", 1)})
or=(progress.eq.10 or=progress.eq.10 or=() or=(progress.eq.10,) progress=foo.1 progress=eq progress=10 progress=
metadata->>s=eq.v1 metadata->k=eq.1 metadata->n->a->>2=eq.é metadata=cs.{{"k":1}} metadata=cd.{{"k":1,"s":"x"}}
metadata=eq.{{"k":1}} metadata->>nope=is.null progress=match.1 stage=imatch.^G stage=isdistinct.x
created_at=lt.2001-03-01 created_at=lt.nonsense created_at=eq.2001-01-01T00:00:00.120%2B00:00
created_at=eq.2001-01-01T00:00:00.120+00:00 progress=not.not.eq.1 stage=eq. progress=is.true
progress=gt.9223372036854775808 progress=gt.99999 stage=eq.\\\\ stage=cs.{{a}} stage=ov.{{a}} {ONE}&{ABSENT}
stage=eq.%C3%BCn%C3%AF%20%E2%98%82 stage=eq.(x) stage=eq.%22a%22 stage=eq.a,b stage=eq.'; progress=eq.1);--
status=in.(pending,processing)&progress=gt.0 error_message=eq.It's%20broken. user_id=eq.{ALICE}&status=eq.pending
select=* select=id,progress select=p:progress,id::text select=metadata->k,metadata->>s,metadata->n->a->1 select=nope
select=x:metadata->n->>a select=id,id select= select="id" select=id::nope select=id::uuid,a:progress::text select=*,id
select=a:b:c select=id: select=id,,progress select=*&select=id select=%20id%20,%20progress select=metadata->>'k'
order=nope order=progress.desc order=progress.desc.nullslast,id order=stage.nullsfirst order=progress.foo order=
select=metadata->"1" select=metadata->-1 select=metadata->--1 select=metadata->n->a->-1 select=metadata->n->a->"1"
select=metadata->n->a->99999999999 select=metadata->n->a->²  select=metadata->- select=id::text[] select=id::_text
select=progress::decimal select=progress::%20text select=x:metadata->"a"text metadata->--1=eq.1 order=metadata->--1
order=metadata->n->a->-1.desc stage=is.un\u212anown select=a%00b select=x%00:id select=a:* *=eq.1 limit=٣ columns=id,id
order=progress, order=metadata->k.desc order=created_at.asc,id.desc on_conflict=id columns=id
""".split()


def _reads() -> Iterator[Corner]:
    yield from (_ask("GET", f"/tasks?{query}") for query in _FILTERS)
    yield _ask("GET", "/tasks")
    for path in ("/nope", "/Tasks", "/tas%20ks", "/rpc/nope", "/rpc/guard_task_update"):
        yield _ask("GET", path)
        yield _ask("POST", path, "{}")
    yield _ask("PATCH", "/nope?id=eq.1", {})
    yield _ask("DELETE", "/nope?id=eq.1")


_EMBEDS = [
    "/concepts?select=*,color_variations(*)",
    "/concepts?select=id,color_variations(id,position)&order=id&limit=2",
    "/concepts?select=color_variations(position)",
    "/concepts?select=id,v:color_variations(n:name,position::text,colors->0)",
    "/concepts?select=id,color_variations(position)&color_variations.position=eq.1",
    "/concepts?select=id,color_variations(position)&color_variations.position=gt.0&color_variations.order=position.desc",
    "/concepts?select=id,color_variations(position)&color_variations.order=position&color_variations.limit=1",
    "/concepts?select=id,color_variations(position)&color_variations.limit=1&color_variations.offset=1",
    "/concepts?select=id,color_variations(position)&color_variations.or=(position.eq.1,position.eq.2)",
    "/concepts?select=id,color_variations(position)&color_variations.not.or=(position.eq.1,position.eq.2)",
    "/concepts?select=id,v:color_variations(position)&v.position=eq.1",
    "/concepts?select=id,v:color_variations(position)&color_variations.position=eq.1",
    "/concepts?select=id,color_variations!inner(position)&color_variations.position=eq.1",
    "/concepts?select=id,color_variations!inner(position)&color_variations.position=eq.77",
    "/concepts?select=id,color_variations!left(position)&color_variations.position=eq.77",
    "/color_variations?select=position,concepts(id,tasks(id,progress))&order=concept_id,position",
    "/color_variations?select=id,concepts!inner(id)&concepts.id=is.null",
    "/color_variations?select=id,concepts(nope)",
    "/tasks?select=id,task_steps(step,state)&order=id",
    "/tasks?select=id,concepts(id,color_variations(position))",
    "/tasks?select=id,concepts(id)&concepts.id=is.null&id=not.is.null",
    "/tasks?select=id,nope(id)",
    "/tasks?select=id,color_variations(id)",
    "/concepts?select=id,concepts(id)",
    "/concepts?select=id,color_variations(position)&color_variations.nope=eq.1",
    "/concepts?select=id,color_variations(position)&color_variations.position=eq.x",
    "/concepts?select=id,color_variations(id,concepts(id,color_variations(position)))",
    "/concepts?select=id,color_variations(position)&id=in.()",
]


def _embeds() -> Iterator[Corner]:
    for path in _EMBEDS:
        for headers in ({}, {"Prefer": "count=exact"}):
            yield _ask("GET", path, **headers)
    yield _ask("GET", "/concepts?select=*,color_variations(*)", role=USER)
    yield _ask("GET", "/concepts?select=*,color_variations(*)", role=ANON)
    yield from _deviating(
        "embedding",
        _ask("GET", "/tasks?task_steps.step=eq.a"),
        _ask("GET", "/concepts?select=id,color_variations(position)&tasks.id=is.null"),
        _ask("GET", "/concepts?select=id,color_variations(position)&color_variations=is.null"),
        _ask("GET", "/concepts?select=id,...tasks(progress)"),
        _ask("GET", "/concepts?select=id,tasks!concepts_task_id_fkey(id)"),
        _ask("GET", "/concepts?select=id,tasks()"),
        _ask("GET", "/color_variations?select=id,concepts(id)&order=concepts(id)"),
        _ask("POST", "/tasks?select=id,task_steps(step)", _FRESH, Prefer=ROWS),
        _ask("DELETE", f"/tasks?select=id,task_steps(step)&{ONE}", Prefer=ROWS),
    )


def _ranges() -> Iterator[Corner]:
    windows = [
        "limit=2", "limit=2&offset=1", "limit=0", "limit=x", "limit=-1", "offset=-1", "offset=6", "offset=7",
        "offset=8", "limit=0&offset=1", "limit=0&offset=9", "progress=in.()", ONE, "order=progress&limit=3&offset=2",
    ]  # fmt: skip
    for window in windows:
        for headers in ({}, {"Prefer": "count=exact"}, {"Accept": OBJECT},
                        {"Accept": OBJECT, "Prefer": "count=exact"}):  # fmt: skip
            yield _ask("GET", f"/tasks?select=id,progress&{window}", **headers)
            yield _ask("HEAD", f"/tasks?select=id,progress&{window}", **headers)


def _inserts() -> Iterator[Corner]:
    wrong: list[Any] = [
        {"nope": 1}, {"type": "z"}, {"user_id": str(task_id(7))}, {"user_id": None}, {"user_id": "z"},
        {"id": task_id(1)}, {"progress": "zz"}, {"progress": 101}, {"progress": 1.5}, {"progress": 99999},
        {"error_message": "x" * 1001}, {"metadata": None}, {"stage": "nul\x00"}, {"created_at": "no time"},
        {"status": "completed"}, {"stage": {"a": 1}}, {"stage": 5}, {"metadata": "text"}, {"stage": "😀 \"'\\,"},
        {"metadata": {"a": [1, None, "é😀"], "b": 1e300, "c": 12345678901234567890}},
    ]  # fmt: skip
    whole: list[Any] = [
        "", "x", "{", "5", '"a"', "null", "[1]", "[]", "{}", "[{}]", "[[]]", '{"a":NaN}', '{"id":1,"id":2}', [_FRESH],
        [_FRESH, {**_FRESH, "id": task_id(51), "stage": "q"}], [_FRESH, 5], [_FRESH, _FRESH],
        [_FRESH, {**_FRESH, "id": task_id(51)}],
    ]  # fmt: skip
    for body in [*({**_FRESH, **change} for change in wrong), _FRESH, *whole]:
        yield _ask("POST", "/tasks", body, Prefer=ROWS)
        yield _ask("POST", "/tasks", body)
    two = [_FRESH, {**_FRESH, "id": task_id(51), "progress": 5}]
    yield _ask("POST", "/tasks?select=id,progress", _FRESH, Prefer=ROWS)
    yield _ask("POST", "/tasks?select=nope", _FRESH, Prefer=ROWS)
    yield _ask("POST", "/tasks?columns=id,user_id,type", {**_FRESH, "nope": 1}, Prefer=ROWS)
    yield _ask("POST", '/tasks?columns="id","user_id","type","stage"', two, Prefer=ROWS)
    yield _ask("POST", '/tasks?columns="id","user_id","type","progress"', two, Prefer=ROWS)
    yield _ask("POST", '/tasks?columns="id","user_id","type","progress"', two, Prefer=f"{ROWS},missing=default")
    yield _ask("POST", "/tasks?columns=id,nope", [_FRESH], Prefer=ROWS)
    yield _ask("POST", "/tasks?columns=", [_FRESH], Prefer=ROWS)
    yield _ask("POST", "/tasks", _FRESH, Prefer=ROWS, Accept=OBJECT)
    yield _ask("POST", "/tasks", [*two[:1], {**_FRESH, "id": task_id(51)}], Prefer=ROWS, Accept=OBJECT)
    yield _ask("POST", "/tasks", _FRESH, Accept=OBJECT)
    yield _ask("POST", "/tasks", "[]", Prefer=ROWS, Accept=OBJECT)


def _upserts() -> Iterator[Corner]:
    bodies: list[Any] = [
        _FRESH, {**_FRESH, "id": task_id(0), "stage": "up"}, [{**_FRESH, "id": task_id(0)}, _FRESH], "[]", "{}",
        {**_FRESH, "id": task_id(2), "stage": "terminal"}, [_FRESH, _FRESH],
    ]  # fmt: skip
    preferences = [
        f"resolution=merge-duplicates,{ROWS}", f"resolution=ignore-duplicates,{ROWS}", "resolution=merge-duplicates",
        "return=minimal,resolution=merge-duplicates", f"{ROWS},count=exact,resolution=merge-duplicates",
        "return=minimal,count=exact", "count=exact", f"{ROWS},missing=default",
    ]  # fmt: skip
    for body in bodies:
        for preference in preferences:
            yield _ask("POST", "/tasks", body, Prefer=preference)
            yield _ask("POST", "/tasks?on_conflict=id", body, Prefer=preference)
    yield _ask("POST", "/tasks?on_conflict=stage", _FRESH, Prefer=f"{ROWS},resolution=merge-duplicates")
    yield _ask("POST", "/tasks?on_conflict=nope", _FRESH, Prefer=f"{ROWS},resolution=merge-duplicates")


def _changes() -> Iterator[Corner]:
    preferences: list[dict[str, str]] = [
        {"Prefer": ROWS}, {}, {"Prefer": "return=minimal"}, {"Prefer": f"{ROWS},count=exact"},
        {"Prefer": "count=exact"}, {"Prefer": ROWS, "Accept": OBJECT}, {"Accept": OBJECT},
    ]  # fmt: skip
    bodies: list[Any] = [
        "{}", {"stage": "z"}, {"stage": None, "progress": 3}, "[]", "[{}]", [{"stage": "z"}], "", "x",
        [{"stage": "z"}, {"stage": "y"}], {"nope": 1}, {"progress": "x"}, {"status": "bad"}, {"metadata": {"a": 1}},
        {"status": "processing"}, {"user_id": str(task_id(3))},
    ]  # fmt: skip
    for query in (ONE, ABSENT, "status=eq.pending", f"id=eq.{task_id(2)}"):
        for headers in preferences:
            yield from (_ask("PATCH", f"/tasks?{query}", body, **headers) for body in bodies)
            yield _ask("DELETE", f"/tasks?{query}", **headers)
    for query in ("nope=eq.1", "id=eq.z", "or=(x", f"{ONE}&select=id", f"{ONE}&select=nope"):
        yield _ask("PATCH", f"/tasks?{query}", {"stage": "q"}, Prefer=ROWS)
        yield _ask("DELETE", f"/tasks?{query}", Prefer=ROWS)


def _calls() -> Iterator[Corner]:
    arguments: list[Any] = [
        _CLAIM, {**_CLAIM, "p_task_id": task_id(77)}, {**_CLAIM, "p_task_id": "z"}, {**_CLAIM, "extra": 1}, "{}", "x",
        {name: value for name, value in _CLAIM.items() if name != "p_max_runs"}, {**_CLAIM, "p_max_runs": "many"},
        {**_CLAIM, "p_max_runs": None},
    ]  # fmt: skip
    for body in arguments:
        for headers in ({}, {"Accept": OBJECT}, {"Prefer": "count=exact"}, {"Prefer": ROWS}):
            yield _ask("POST", "/rpc/claim_task", body, **headers)
    for query in ("select=id,run", "select=nope", "run=eq.5", "run=eq.x", "order=id&limit=1", "limit=0", "offset=5"):
        yield _ask("POST", f"/rpc/claim_task?{query}", _CLAIM)
        yield _ask("POST", f"/rpc/claim_task?{query}", _CLAIM, Prefer="count=exact")
    for headers in ({}, {"Accept": OBJECT}, {"Prefer": "count=exact"}):
        yield _ask("POST", "/rpc/begin_step", _STEP, **headers)
        yield _ask("POST", "/rpc/begin_step", {**_STEP, "p_step": "store_base_image"}, **headers)
    exact = json.dumps(_FINISH).replace('"big"', "12345678901234567890.123456789")
    yield _ask("POST", "/rpc/finish_step", exact)
    yield _ask("GET", f"/rpc/claim_task?p_task_id={task_id(0)}&p_user_id={ALICE}&p_lease_seconds=3&p_max_runs=5")


def _odd_bodies() -> Iterator[Corner]:
    """JSON that some parsers take and others do not."""
    start = json.dumps(_FRESH)[:-1]
    fields = [
        '"stage": "\\ud800"', '"\\ud800": 1', '"metadata": {"a\\u0000": 1}', '"a\\u0000": 1',
        f'"progress": {"9" * 5000}', '"progress": NaN', '"progress": 1e999', '"stage": "a\x00b"',
    ]  # fmt: skip
    for field in fields:
        yield _ask("POST", "/tasks", f"{start}, {field}}}")
    yield _ask("POST", "/tasks", "[" * 100_000 + "]" * 100_000)
    yield _ask("POST", "/tasks?columns=id,id,user_id,type", _FRESH)
    for query in ("order=x", "x=eq.1", "select=x"):
        yield _ask("POST", f"/rpc/open_tasks?{query}", {"p_task_ids": [task_id(0)]})


def _strangers() -> Iterator[Corner]:
    """Row level security and privileges, as somebody who is signed in and as nobody."""
    for role in (USER, ANON):
        yield from (_ask("GET", f"/{table}?select=*", role=role) for table in ("tasks", "concepts", "color_variations"))
        yield _ask("GET", "/task_steps", role=role)
        yield _ask("GET", f"/tasks?id=eq.{task_id(5)}", role=role, Accept=OBJECT)
        yield _ask("GET", f"/tasks?user_id=eq.{BOB}", role=role, Prefer="count=exact")
        for headers in ({}, {"Prefer": ROWS}):
            yield _ask("POST", "/tasks", _FRESH, role=role, **headers)
            yield _ask("PATCH", f"/tasks?{ONE}", {"stage": "mine"}, role=role, **headers)
            yield _ask("DELETE", f"/tasks?{ONE}", role=role, **headers)
        yield _ask("POST", "/rpc/claim_task", _CLAIM, role=role)
        yield _ask("POST", "/rpc/nope", "{}", role=role)


def _refusals() -> Iterator[Corner]:
    """What the layer answers otherwise, on purpose."""
    yield from _deviating(
        "whole-table-change",
        _ask("DELETE", "/tasks", Prefer=ROWS),
        _ask("PATCH", "/tasks", {"stage": "q"}, Prefer=ROWS),
    )
    yield from _deviating("aggregates", _ask("GET", "/tasks?select=count()"))
    yield from _deviating("operators", _ask("GET", "/tasks?stage=fts.a"), _ask("GET", "/tasks?stage=eq(any).{a,b}"))
    yield from _deviating(
        "preferences", _ask("POST", "/tasks", _FRESH, Prefer="return=headers-only"),
        _ask("GET", "/tasks", Prefer="count=planned"), _ask("POST", "/tasks", _FRESH, Prefer="tx=rollback"),
        _ask("GET", "/tasks", Prefer="handling=strict,foo=bar"),
    )  # fmt: skip
    yield from _deviating("nul-byte", _ask("GET", "/tasks?stage=eq.a%00b"))
    yield from _deviating(
        "casts", *(_ask("GET", f"/tasks?select=id::{name}") for name in ("x y z", "setof text", "record", "tasks"))
    )
    yield from _deviating(
        "row-functions", *(_ask("GET", f"/tasks?select={name}") for name in ("count", "row_to_json", "ctid")),
        _ask("GET", "/tasks?order=count"),
    )  # fmt: skip
    yield from _deviating(
        "depth", _ask("GET", f"/tasks?or=({'or(' * 200}id.is.null{')' * 201}"),
        _ask("POST", "/tasks", json.dumps(_FRESH)[:-1] + f', "metadata": {"[" * 100_000}{"]" * 100_000}}}'),
    )  # fmt: skip
    yield from _deviating("formats", _ask("GET", "/tasks", Accept="text/csv"))
    yield from _deviating("range-header", _ask("GET", "/tasks", Range="0-1", Range_Unit="items"))
    yield from _deviating(
        "limited-change", _ask("PATCH", f"/tasks?limit=1&order=id&{ONE}", {"stage": "q"}, Prefer=ROWS)
    )
    yield from _deviating(
        "other-paths",
        _ask("GET", "/"),
        _ask("GET", "/tasks/x"),
        _ask("PUT", f"/tasks?{ONE}", {**_FRESH, "id": task_id(1)}),
    )
    yield from _deviating("unnamed-argument", _ask("POST", "/rpc/claim_task", "[]"))

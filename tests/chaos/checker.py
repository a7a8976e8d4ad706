"""Counts broken promises. Written from the promise alone: reads rows, objects and the provider's bill, no product code.

1. An accepted row ends.  2. A completed one has exactly one concept, with every picture; another has none.
3. A paid call whose answer was recorded is not paid again.  4. No object without a row, after a sweep.
5. A terminal row never changes.  6. At each look: status, run and progress only grow, and a completed row is readable
with all its pictures.  7. What a client was told is so: an id that it was given is a row, a request that was refused
made none, one of unknown outcome made one row or none, never two.
"""

from __future__ import annotations

import io
import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.chaos.database import TERMINAL, fetch
from tests.chaos.history import ClientCall, Told, histories
from tests.chaos.journal import Story
from tests.chaos.violation import Violation

PAID = ("image", "refine", "palettes")
_TOKEN = re.compile(r"\b[KW]\d{4}\b")
_STAGED = re.compile(r"([0-9a-f-]{36}):\w+$")


@dataclass
class Evidence:
    """What is looked at; all of it as plain values."""

    accepted: Mapping[str, str]  # task: the word that names it in its texts
    deleted: frozenset[str]  # by their users, surely or perhaps
    tasks: list[dict[str, Any]]
    concepts: list[dict[str, Any]]
    variations: list[dict[str, Any]]
    objects: Mapping[str, bool]  # path: whether it is a picture
    staged: list[str]  # keys
    changed: Mapping[str, str]
    backward: Mapping[str, str]  # rows that were seen to go back, or completed without their pictures
    calls: list[ClientCall]
    bill: list[tuple[str, str, bool]]  # word, endpoint, whether the provider lost its answer on purpose
    story: Story


@dataclass
class Bill:
    """Paid calls against the ideal of one for each task and endpoint, and against what may be paid twice."""

    paid: int = 0
    extra: int = 0
    allowed: int = 0  # extra ones that the promise leaves open, whether or not they were made
    reasons: Counter[str] = field(default_factory=Counter)


def check(evidence: Evidence) -> tuple[list[Violation], Bill]:
    """All broken promises, and the bill."""
    billed, bill = _bill(evidence)
    found = [*_rows(evidence), *_concepts(evidence), *billed, *_leftovers(evidence)]
    found += [Violation(5, task, how) for task, how in evidence.changed.items()]
    found += [Violation(6, task, how) for task, how in evidence.backward.items()]
    found += histories(evidence.calls, {str(task["id"]): task for task in evidence.tasks}, evidence.deleted)
    return found, bill


def _rows(evidence: Evidence) -> Iterable[Violation]:
    known = {str(task["id"]) for task in evidence.tasks}
    for task in evidence.tasks:
        if task["status"] not in TERMINAL:
            yield Violation(1, str(task["id"]), f"is {task['status']}, run {task['run']}, stage {task['stage']}")
    for task_id in evidence.accepted.keys() - known - evidence.deleted:
        yield Violation(1, task_id, "was accepted and is gone")


def _concepts(evidence: Evidence) -> Iterable[Violation]:
    pictures: dict[Any, list[dict[str, Any]]] = {}
    for variation in evidence.variations:
        pictures.setdefault(variation["concept_id"], []).append(variation)
    made: dict[Any, list[dict[str, Any]]] = {}
    for concept in evidence.concepts:
        made.setdefault(concept["task_id"], []).append(concept)
        for path in [concept["image_path"], *(one["image_path"] for one in pictures.get(concept["id"], []))]:
            if not evidence.objects.get(path):
                yield Violation(2, str(concept["task_id"]), f"picture {path} is missing or broken")
    for task in evidence.tasks:
        own = made.get(task["id"], [])
        if task["status"] == "completed":
            asked = json.loads(task["metadata"])["num_palettes"]
            if [concept["id"] for concept in own] != [task["result_id"]]:
                yield Violation(2, str(task["id"]), f"completed with {len(own)} concepts")
            for concept in own:
                positions = sorted(one["position"] for one in pictures.get(concept["id"], []))
                if positions != list(range(1, asked + 1)):
                    yield Violation(2, str(task["id"]), f"variations {positions}, asked for {asked}")
        elif own:
            yield Violation(2, str(task["id"]), f"is {task['status']} and has a concept")


def _bill(evidence: Evidence) -> tuple[list[Violation], Bill]:
    """Every call beyond the first must have its reason.

    One more is allowed for each call (a) that a process had begun, and not recorded, when it died; (b) whose answer
    the provider itself lost after charging; (c) whose picture waited only in a staging store that lost its data;
    (d) whose process was frozen for longer than a lease, so that another one took the step over.
    """
    word_of = {call.task: call.word for call in evidence.calls if call.task} | dict(evidence.accepted)
    for task in evidence.tasks:
        found = _TOKEN.search(task["metadata"])
        word_of.setdefault(str(task["id"]), found.group() if found else "")
    allowed: Counter[tuple[str, str]] = Counter()
    bill, violations = Bill(), []
    for word, endpoint, reason in _allowances(evidence, word_of):
        allowed[word, endpoint] += 1
        bill.reasons[reason] += 1
    paid = Counter((word, endpoint) for word, endpoint, _ in evidence.bill)
    task_of = {word: task for task, word in word_of.items()}
    for (word, endpoint), count in paid.items():
        bill.paid += count
        bill.extra += count - 1
        if count > 1 + allowed[word, endpoint]:
            what = f"{endpoint} paid {count} times, allowed {1 + allowed[word, endpoint]} ({word})"
            violations.append(Violation(3, task_of.get(word, word), what))
    bill.allowed = sum(allowed[key] for key in paid)
    return violations, bill


def _allowances(evidence: Evidence, word_of: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    story = evidence.story
    for call in story.calls:
        word = word_of.get(call.task, call.task)
        if call.ended is None and call.pid in story.deaths:
            yield word, call.endpoint, "worker died with the call in hand"
        elif any(
            call.begun < until and since < (call.ended or until) for since, until in story.frozen.get(call.pid, [])
        ):
            yield word, call.endpoint, "worker was frozen for longer than a lease with the call in hand"
        elif call.recorded and call.ended is not None and call.endpoint != "palettes":
            stored = min(
                (at for at, step, _ in story.begins.get(call.task, []) if step == "create_variations"), default=1e18
            )
            if any(call.begun < loss < stored for loss in story.losses):
                yield word, call.endpoint, "staging lost its data"
    for word in _asked_twice(evidence):
        for endpoint in PAID:
            yield word, endpoint, "deleted, and then asked for again by a client that had lost its answer"
    for word, endpoint, lost in evidence.bill:
        if lost:
            yield word, endpoint, "provider lost its answer, or its job"


def _asked_twice(evidence: Evidence) -> Iterable[str]:
    """Yield the words of rows that their users deleted, and that a client asked for again by the same id."""
    unknown = {call.task for call in evidence.calls if call.told is Told.UNKNOWN}
    for call in evidence.calls:
        if call.told is Told.ROW and call.task in unknown & evidence.deleted:
            yield call.word


def _leftovers(evidence: Evidence) -> Iterable[Violation]:
    referred = {one["image_path"] for one in [*evidence.concepts, *evidence.variations]}
    for path in evidence.objects.keys() - referred:
        yield Violation(4, path.split("/")[1], f"object {path} has no row")
    for key in evidence.staged:
        found = _STAGED.search(key)
        yield Violation(4, found.group(1) if found else key, f"staged {key} is left")


def rows_and_objects(database: str, storage: str, key: str) -> dict[str, Any]:
    """The part of the evidence that lies in the database and the buckets."""
    objects = fetch(database, "select bucket_id, name from storage.objects")
    return {
        "tasks": fetch(database, "select *, metadata::text as metadata from public.tasks order by created_at"),
        "concepts": fetch(database, "select * from public.concepts"),
        "variations": fetch(database, "select * from public.color_variations"),
        "objects": {one["name"]: _is_picture(storage, key, f"{one['bucket_id']}/{one['name']}") for one in objects},
    }


def bill_of(calls: Iterable[Any], lost: Iterable[str]) -> list[tuple[str, str, bool]]:
    """The provider's paid calls by the word in their texts."""
    paid = []
    for call in calls:
        word = _TOKEN.search(json.dumps(call.body))
        if call.paid and call.endpoint in PAID and word:
            paid.append((word.group(), call.endpoint, call.fault in lost or call.job_failed))
    return paid


def _is_picture(storage: str, key: str, path: str) -> bool:
    request = urllib.request.Request(
        f"{storage}/storage/v1/object/authenticated/{path}",
        headers={"apikey": key, "Authorization": f"Bearer {key}", "x-contract-suite": "1"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            Image.open(io.BytesIO(answer.read())).load()
    except (urllib.error.URLError, OSError, ValueError, SyntaxError):
        return False
    return True

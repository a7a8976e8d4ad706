"""What housekeeping asks of things that were stored, at one moment: what nobody refers to, what is past its time."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.services.moment import Moment, at

OPEN = ("pending", "processing")


def orphans(moment: Moment, limit: int = 9) -> list[str]:
    """The names of the objects that `orphan_objects` gives, of two buckets and older than 100 s."""
    call = f"orphan_objects(array['concept-images', 'palette-images'], 100, {limit})"
    return [row["name"] for row in moment.rows(f"select * from public.{call}")]


def store(moment: Moment, name: str, seconds: float = -101, bucket: str = "concept-images") -> None:
    """An object of that age."""
    values = f"'{bucket}', '{name}', {at(seconds)}, 'x'"
    moment.run(f"insert into storage.objects (bucket_id, name, created_at, version) values ({values})")


def test_an_object_that_nobody_refers_to_is_an_orphan(moment: Moment) -> None:
    """When it is old enough, in these buckets; the oldest come first."""
    moment.run("insert into storage.buckets (id, name) values ('other', 'other')")
    nobody = uuid4()
    for name, seconds, bucket in (
        ("old", -101, "concept-images"),
        ("older", -102, "palette-images"),
        ("just", -100, "concept-images"),
        ("young", -99, "concept-images"),
        ("theirs", -101, "other"),
    ):
        store(moment, f"u/{nobody}/{name}", seconds, bucket)
    assert orphans(moment) == [f"u/{nobody}/older", f"u/{nobody}/old"]
    assert orphans(moment, 1) == [f"u/{nobody}/older"]


def test_what_a_row_refers_to_is_no_orphan(moment: Moment) -> None:
    """By its path, or by the folder of an open task or of a stored concept; a task that is over keeps nothing."""
    ends = {status: moment.task(status) for status in ("pending", "processing", "completed", "failed", "canceled")}
    stored = uuid4()
    moment.task("completed", id=f"'{stored}'")
    concept = moment.concept(image_path="'u/a/base.png'", task_id=f"'{stored}'")
    moment.run(
        f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
        values ('{concept}', 1, 'x', '[]', 'u/a/v.png')"""
    )
    for name in ("u/a/base.png", "u/a/v.png", f"u/{stored}/x.png", *(f"u/{task}/x.png" for task in ends.values())):
        store(moment, name)
    assert set(orphans(moment)) == {f"u/{ends[status]}/x.png" for status in ("completed", "failed", "canceled")}


def expired(moment: Moment, *, limit: int = 9, dry: bool = False) -> dict[str, Any]:
    """What `expire_concepts` answers, of those older than 100 s."""
    answer = moment.value(f"public.expire_concepts(100, {limit}, {dry})::text")
    found: dict[str, Any] = json.loads(answer) if isinstance(answer, str) else answer
    return found


def test_old_concepts_go_with_all_that_is_theirs(moment: Moment) -> None:
    """The oldest first; what is younger, and another one's task, stay."""
    concepts = {age: moment.concept(created_at=at(-age), image_path=f"'c{age}'") for age in (103, 102, 101, 100, 99)}
    tasks = {age: moment.task("completed", result_id=f"'{concept}'") for age, concept in concepts.items()}
    for age, concept in concepts.items():
        moment.run(
            f"""insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
            values ('{concept}', 1, 'x', '[]', 'v{age}')"""
        )
    odd = moment.task(result_id=f"'{concepts[103]}'")
    before = moment.everything()
    assert expired(moment, dry=True)["concepts"] == 3
    assert moment.everything() == before
    answer = expired(moment, limit=2)
    assert (answer["concepts"], sorted(answer["paths"])) == (2, ["c102", "c103", "v102", "v103"])
    left = moment.everything()
    assert {row["id"] for row in left["concepts"]} == {concepts[age] for age in (101, 100, 99)}
    assert {row["id"] for row in left["tasks"]} == {odd, *(tasks[age] for age in (101, 100, 99))}
    assert len(left["color_variations"]) == 3
    assert expired(moment)["concepts"] == 1
    assert expired(moment) == {"concepts": 0, "paths": []}


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "canceled"])
def test_the_original_of_an_open_refinement_stays(moment: Moment, status: str) -> None:
    """Of any other it goes."""
    original, other = (moment.concept(created_at=at(-101)) for _ in range(2))
    moment.task(status, metadata=f"""'{{"original_concept_id": "{original}"}}'""")
    expired(moment)
    left = {row["id"] for row in moment.everything()["concepts"]}
    assert left == ({original} if status in OPEN else set())
    assert other not in left

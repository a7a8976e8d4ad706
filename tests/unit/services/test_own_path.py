"""Paths of images in the one spelling that we write, and no other."""

from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import ValidationError

from concept_worker.errors import InvalidRequest
from concept_worker.models import StoredImage
from concept_worker.payloads import PALETTES_MAX
from concept_worker.services.image_persistence_service import BASE_NAME, own_path, variation_name

USER = UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
TASK = "a1b2c3d4-e5f6-4718-9203-a4b5c6d7e8f9"
NAMES = [BASE_NAME, *(variation_name(position) for position in range(1, PALETTES_MAX + 1))]

HOSTILE_FOLDERS = [
    "", ".", "..", "x", "%2e%2e", "%2E%2e", ".%2e", "..%2f" + TASK, "%252e%252e", TASK.upper(), TASK.replace("-", ""),
    TASK[:-1], TASK + "0", "{" + TASK + "}", "urn:uuid:" + TASK, TASK + "\n", " " + TASK, TASK + "%2f..", TASK + "\\..",
    TASK.replace("1", "\u0661"), TASK.replace("1", "\uff11"), TASK.replace("a", "\u0430"), TASK + "\x00", TASK + "/..",
    TASK.replace("-", "\u2010"), TASK + "?", TASK + "#",
]  # fmt: skip
HOSTILE_NAMES = [
    "", ".", "..", "x", "base.PNG", "base.png/", "base.png\n", "base.png\x00", "base.png?token=x", "base.png#x",
    "base.png%00", "base%2epng", "base.png%2f..", "base_png", "base.png.", "../base.png", "..\\base.png", "/base.png",
    "variation-1.png", "variation-001.png", "variation-\u0661\u0662.png", "variation-\uff11\uff12.png",
    "variation-0\n.png", "variation--1.png", "base.png\u2028", " base.png", "base.png ", "b\u0430se.png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_our_own_paths_pass(name: str) -> None:
    """Base image and variations, unchanged."""
    path = f"{USER}/{TASK}/{name}"
    assert own_path(path, USER) == path
    assert StoredImage(name=name, size=1).name == name


@pytest.mark.parametrize(
    "path",
    [
        *(f"{USER}/{folder}/base.png" for folder in HOSTILE_FOLDERS),
        *(f"{USER}/{TASK}/{name}" for name in HOSTILE_NAMES),
        f"{UUID(int=1)}/{TASK}/base.png",
        f"{str(USER).upper()}/{TASK}/base.png",
        f"/{USER}/{TASK}/base.png",
        f"{USER}//base.png",
        f"{USER}\\{TASK}\\base.png",
        f"{USER}\n/{TASK}/base.png",
        f"{USER}/{TASK}",
        f"{USER}/%2e%2e/x",
        "",
    ],
)
def test_any_other_spelling_is_refused(path: str) -> None:
    """With the same sentence, which names no id."""
    with pytest.raises(InvalidRequest) as caught:
        own_path(path, USER)
    assert str(caught.value) == "original_image_path: must be an image path of one of your own concepts"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_checkpoint_names_no_other_image(name: str) -> None:
    """Its names become paths."""
    with pytest.raises(ValidationError):
        StoredImage(name=name, size=1)

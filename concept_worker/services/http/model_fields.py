"""Fields that a model takes besides its prompt: a vendor of many models has one wire, but as many inputs as models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """A group of models with the same input, by a pattern of their names."""

    names: str
    draws: Mapping[str, object] = field(default_factory=dict)  # besides the prompt, for a new picture
    edits: Mapping[str, object] = field(default_factory=dict)  # besides the prompt, for a changed picture
    original: str = "image"  # the field for the picture to change
    is_list: bool = False  # true when that field takes several pictures
    has_seed: bool = False


def model_fields(
    families: Sequence[Family], model: str, prompt: str, *, seed: int, original: str | None = None
) -> dict[str, object]:
    """Return the input of `model`, always in the same order; `original` is the address of the picture to change.

    A model of an unknown family gets the prompt, and the original in the field `image`.
    """
    family = next((one for one in families if re.fullmatch(one.names, model)), Family(names=""))
    fields: dict[str, object] = {"prompt": prompt, **(family.draws if original is None else family.edits)}
    if original is not None:
        fields[family.original] = [original] if family.is_list else original
    return {**fields, "seed": seed} if family.has_seed else fields

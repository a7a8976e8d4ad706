"""The facts of each paid provider: how its generator is built, and where the links of its answers lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from concept_worker.services.concept_generator import ConceptGenerator
from concept_worker.settings import Settings


def _no_links(_: Settings) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Vendor:
    """One paid provider. `build` raises a `ValueError` that names the missing or wrong setting.

    `link_hosts` says the hosts of links, `*.` for any name below; a provider that answers with bytes has none.
    """

    build: Callable[[Settings], ConceptGenerator]
    link_hosts: Callable[[Settings], Sequence[str]] = _no_links

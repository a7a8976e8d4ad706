"""What a worker writes into its log while it speaks with a provider: no secret, no name, no word of a prompt."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.models import TaskStatus
from tests.integration.providers.wired import KEY, Wired

WORDS = ["Zanzibarbara", "Quixomorning", "Flimmerbeak"]  # of the logo, the theme and the wish in every request
TROUBLES = [
    Fault(kind=FaultKind.STATUS, times=1),
    Fault(kind=FaultKind.CUT, times=1),
]
ENDS = [FaultKind.HTML, FaultKind.BROKEN_JSON, FaultKind.FOREIGN_LINK, FaultKind.TRUNCATED]


@pytest.mark.parametrize(
    "wires",
    ["jigsawstack_worker", "openai_worker", "links_worker"],
    indirect=True,
    ids=["jigsawstack-DEBUG", "openai-INFO", "links-DEBUG"],
)
def test_no_log_line_has_a_secret(wires: Wired, stack: Stack, user_id: UUID) -> None:
    """A generation and a refinement from a signed link, through troubles that pass and troubles that end runs."""
    wires.fake.faults.add(
        *(fault.model_copy(update={"endpoint": end}) for fault in TROUBLES for end in ("image", "palettes"))
    )
    made = wires.generate(user_id, num_palettes=2)
    concept = wires.concept(made)
    link = wires.system.client.get_links(concept, user_id)[concept.image_path]
    refined = wires.refine_link(user_id, link)
    for kind in ENDS:
        wires.fake.faults.clear()
        wires.fake.faults.add(Fault(kind=kind))
        assert wires.generate(user_id).status is TaskStatus.FAILED
    log = wires.log_after([made, refined])

    secrets = [
        *(KEY, "Bearer ", "x-api-key", str(user_id), *WORDS),
        *("token=", "X-Amz-Signature", link.partition("token=")[2]),
        *(value for name, value in stack.environment.items() if name.endswith(("KEY", "SECRET", "PASSWORD"))),
    ]
    password = urlsplit(wires.system.settings.redis_url).password
    assert password
    assert len(secrets) > 10
    assert [secret for secret in [*secrets, password] if secret in log] == []

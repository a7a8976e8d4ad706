"""Every fault of a provider, once and for ever, through a real worker: how the row ends, what it says, what it cost.

The tables are the specification: a row of them is a fault, the sentence that the user reads, and the calls that were
made and paid. Pictures are paid once, whatever happens to their answers.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from concept_worker.devstack.fake_provider import Fault, FaultKind
from concept_worker.models import ConceptRow, PaletteSource, TaskRow, TaskStatus
from tests.integration.providers.wired import ATTEMPTS, KEY, LOGO, THEME, WISH, Wired

K = FaultKind
JIGSAWSTACK, OPENAI, LINKS = "jigsawstack_worker", "openai_worker", "links_worker"

DRAWING = "Error in generation task processing: Base concept generation failed: "
COLLECTING = "Error in generation task processing: Collecting the image failed: "
PREPARING = "Error in generation task processing: Error getting image data: "
REFINING = "Error in refinement task processing: Image refinement failed: "

AWAY = "The image provider is unavailable for now."
BUSY = "The image provider asked us to wait."
SLOW = "The image provider did not answer in time."
LOST = "The connection to the image provider was lost."
SLOW_CHARGED = "The image provider did not answer in time; the call may have been charged."
LOST_CHARGED = "The connection to the image provider was lost; the call may have been charged."
AWAY_CHARGED = "The image provider's gateway gave up on the answer; the call may have been charged."
REQUEST = "The image provider refused the request."
ACCESS = "The image provider refused our access; the operator must check its key."
ACCOUNT = "The image provider refused our account; the operator must check its plan."
GONE = "The image provider does not offer this here; the operator must check its address and models."
CONTENT = "The image provider declined this content; please describe it in other words."
NOT_AN_IMAGE = "The image provider answered with something that is not an image."
UNUSABLE = "The image provider's answer is not what was asked for."
UNREADABLE = "The image provider's answer cannot be read."
LINK = "The image provider's link cannot be followed; the operator must check the hosts that downloads may reach."
LINK_GONE = "The image provider's link has expired or leads to no image."
LINK_AWAY = "The server of the image link is unavailable for now."


def status(code: int, **more: Any) -> Fault:
    """The wire's own error answer."""
    return Fault(kind=K.STATUS, status=code, **more)


# May pass: the worker, the fault, the sentence if it stays; then calls and paid calls when it comes once, and when it
# stays. Refused pictures are not paid. Of lost answers JigsawStack's first is paid, and the others come from its cache;
# OpenAI bills each, so a lost answer there is asked for once more and no oftener.
PASSING = [
    (JIGSAWSTACK, status(408), AWAY, (2, 1), (ATTEMPTS, 0)),
    (JIGSAWSTACK, status(503), AWAY, (2, 1), (ATTEMPTS, 0)),
    (JIGSAWSTACK, Fault(kind=K.TEXT_ERROR, status=502), AWAY, (2, 1), (ATTEMPTS, 0)),
    (JIGSAWSTACK, Fault(kind=K.RATE_LIMITED), BUSY, (2, 1), (ATTEMPTS, 0)),
    (JIGSAWSTACK, Fault(kind=K.RATE_LIMITED, wait_ms=100), BUSY, (2, 1), (ATTEMPTS, 0)),
    (JIGSAWSTACK, Fault(kind=K.HANG), SLOW, (2, 1), (ATTEMPTS, 1)),
    (JIGSAWSTACK, Fault(kind=K.DRIP), SLOW, (2, 1), (ATTEMPTS, 1)),
    (JIGSAWSTACK, Fault(kind=K.DRIP_HEADERS), SLOW, (2, 1), (ATTEMPTS, 1)),
    (JIGSAWSTACK, Fault(kind=K.DISCONNECT), LOST, (2, 1), (ATTEMPTS, 1)),
    (JIGSAWSTACK, Fault(kind=K.CUT), LOST, (2, 1), (ATTEMPTS, 1)),
    (OPENAI, status(500), AWAY, (2, 1), (ATTEMPTS, 0)),
    (OPENAI, status(503), AWAY, (2, 1), (ATTEMPTS, 0)),
    (OPENAI, Fault(kind=K.RATE_LIMITED, wait_ms=100), BUSY, (2, 1), (ATTEMPTS, 0)),
    (OPENAI, status(504), AWAY_CHARGED, (2, 1), (2, 0)),
    (OPENAI, status(524), AWAY_CHARGED, (2, 1), (2, 0)),
    (OPENAI, Fault(kind=K.HANG), SLOW_CHARGED, (2, 2), (2, 2)),
    (OPENAI, Fault(kind=K.DISCONNECT), LOST_CHARGED, (2, 2), (2, 2)),
    (OPENAI, Fault(kind=K.CUT), LOST_CHARGED, (2, 2), (2, 2)),
]

# Will not pass: the worker, the fault, the row's sentence, and the pictures paid for. One call, whatever happens.
LASTING = [
    (JIGSAWSTACK, status(400), DRAWING + REQUEST, 0),
    (JIGSAWSTACK, status(401), DRAWING + ACCESS, 0),
    (JIGSAWSTACK, status(402), DRAWING + ACCOUNT, 0),
    (JIGSAWSTACK, status(403), DRAWING + ACCESS, 0),
    (JIGSAWSTACK, status(404), DRAWING + GONE, 0),
    (JIGSAWSTACK, status(422), DRAWING + REQUEST, 0),
    (JIGSAWSTACK, Fault(kind=K.TEXT_ERROR, status=400), DRAWING + REQUEST, 0),
    (JIGSAWSTACK, Fault(kind=K.CONTENT), DRAWING + CONTENT, 0),
    (JIGSAWSTACK, Fault(kind=K.HTML), DRAWING + NOT_AN_IMAGE, 0),
    (JIGSAWSTACK, Fault(kind=K.FAILURE), DRAWING + UNUSABLE, 0),
    (JIGSAWSTACK, Fault(kind=K.EMPTY), DRAWING + NOT_AN_IMAGE, 0),
    (JIGSAWSTACK, Fault(kind=K.BROKEN_JSON), DRAWING + UNREADABLE, 0),
    (JIGSAWSTACK, Fault(kind=K.UNKNOWN_TYPE), DRAWING + NOT_AN_IMAGE, 0),
    (JIGSAWSTACK, Fault(kind=K.SVG), DRAWING + NOT_AN_IMAGE, 1),
    (JIGSAWSTACK, Fault(kind=K.FOREIGN_LINK), COLLECTING + LINK, 1),
    (JIGSAWSTACK, Fault(kind=K.HUGE), DRAWING + "The image is longer than 8192 pixels on a side.", 1),
    (JIGSAWSTACK, Fault(kind=K.TRUNCATED), PREPARING, 1),
    (OPENAI, status(401), DRAWING + ACCESS, 0),
    (OPENAI, Fault(kind=K.CONTENT), DRAWING + CONTENT, 0),
    (OPENAI, Fault(kind=K.QUOTA), DRAWING + ACCOUNT, 0),
    (OPENAI, Fault(kind=K.HTML), DRAWING + UNREADABLE, 0),
    (OPENAI, Fault(kind=K.FAILURE), DRAWING + NOT_AN_IMAGE, 0),
    (OPENAI, Fault(kind=K.BROKEN_JSON), DRAWING + UNREADABLE, 0),
    (OPENAI, Fault(kind=K.BAD_BASE64), DRAWING + NOT_AN_IMAGE, 1),
    (OPENAI, Fault(kind=K.FOREIGN_LINK), COLLECTING + LINK, 1),
]

# Another picture than asked for is a picture.
ACCEPTED = [
    (JIGSAWSTACK, Fault(kind=K.WRONG_SIZE)),
    (JIGSAWSTACK, Fault(kind=K.JPEG)),
    (OPENAI, Fault(kind=K.WRONG_SIZE)),
]

PASSING_PALETTES = [
    (JIGSAWSTACK, status(503), ATTEMPTS),
    (JIGSAWSTACK, Fault(kind=K.RATE_LIMITED, wait_ms=100), ATTEMPTS),
    (JIGSAWSTACK, Fault(kind=K.HANG), ATTEMPTS),
    (JIGSAWSTACK, Fault(kind=K.CUT), ATTEMPTS),
    (OPENAI, status(500), ATTEMPTS),
    (OPENAI, Fault(kind=K.DISCONNECT), 2),
]
LASTING_PALETTES = [
    (JIGSAWSTACK, status(401)),
    (JIGSAWSTACK, status(422)),
    (JIGSAWSTACK, Fault(kind=K.CONTENT)),
    (JIGSAWSTACK, Fault(kind=K.HTML)),
    (JIGSAWSTACK, Fault(kind=K.BROKEN_JSON)),
    (JIGSAWSTACK, Fault(kind=K.NONE)),
    (OPENAI, Fault(kind=K.QUOTA)),
    (OPENAI, Fault(kind=K.FAILURE)),
    (OPENAI, Fault(kind=K.REFUSAL)),
]
# What is good in an answer is kept: the fault, and how many of three palettes are the provider's.
REPAIRED_PALETTES = [
    (JIGSAWSTACK, Fault(kind=K.FEWER), 1),
    (JIGSAWSTACK, Fault(kind=K.MORE), 3),
    (JIGSAWSTACK, Fault(kind=K.OBJECTS), 3),
    (OPENAI, Fault(kind=K.TEXT), 3),
    (OPENAI, Fault(kind=K.JUNK), 3),
]


def name(row: tuple[Any, ...]) -> str:
    """A readable id for a row of the tables."""
    words = [row[0].removesuffix("_worker")]
    for value in row[1:]:
        if isinstance(value, Fault):
            number = str(value.status) if value.kind in (K.STATUS, K.TEXT_ERROR) else ""
            wait = "wait" if value.wait_ms else ""
            words += [part for part in (value.kind.value, number, wait) if part]
        elif value in ("store", "refine") or isinstance(value, int):
            words.append(str(value))
    return "-".join(words)


def table(names: str, rows: list[Any]) -> pytest.MarkDecorator:
    """One test a row; the first column is the worker."""
    return pytest.mark.parametrize(f"wires, {names}", rows, indirect=["wires"], ids=map(name, rows))


def at(endpoint: str, fault: Fault, times: int | None = None) -> Fault:
    """The fault, for calls of one endpoint only."""
    return fault.model_copy(update={"endpoint": endpoint, "times": times})


def assert_safe(row: TaskRow, wires: Wired) -> None:
    """Nothing of the provider, the request or the user is in what the user reads."""
    said = f"{row.error_message} {row.metadata.get('retry')}"
    internals = [KEY, wires.fake.url, "127.0.0.1", "169.254", "http", LOGO, THEME, WISH, str(row.user_id), "Traceback"]
    assert [internal for internal in internals if internal in said] == []


class TestPictures:
    """A generation whose picture does not come, or is none."""

    @table("fault, sentence, once, for_ever", PASSING)
    def test_what_passes_is_not_seen(
        self, wires: Wired, user_id: UUID, fault: Fault, sentence: str, once: Any, for_ever: Any
    ) -> None:
        """Once, then well: completed after one more call."""
        wires.fake.faults.add(at("image", fault, times=1))
        row = wires.generate(user_id)
        assert (row.status, row.error_message, wires.bill()["image"]) == (TaskStatus.COMPLETED, None, once)

    @table("fault, sentence, once, for_ever", PASSING)
    def test_what_does_not_pass_fails_the_row(
        self, wires: Wired, user_id: UUID, fault: Fault, sentence: str, once: Any, for_ever: Any
    ) -> None:
        """For ever: failed after as many calls as there are attempts, or after one more where each may be charged."""
        wires.fake.faults.add(at("image", fault))
        row = wires.generate(user_id)
        assert_safe(row, wires)
        assert (row.status, row.error_message) == (TaskStatus.FAILED, DRAWING + sentence)
        assert wires.bill() == {"image": for_ever}

    @table("fault, sentence, paid", LASTING)
    def test_what_will_not_pass_fails_the_row_at_once(
        self, wires: Wired, user_id: UUID, fault: Fault, sentence: str, paid: int
    ) -> None:
        """Failed after one call; what was drawn all the same is paid, nothing else."""
        wires.fake.faults.add(at("image", fault))
        row = wires.generate(user_id)
        assert_safe(row, wires)
        assert (row.status, row.result_id) == (TaskStatus.FAILED, None)
        assert row.error_message is not None
        assert row.error_message.startswith(sentence)
        assert wires.bill() == {"image": (1, paid)}

    @table("fault", ACCEPTED)
    def test_another_picture_than_asked_for_is_kept(self, wires: Wired, user_id: UUID, fault: Fault) -> None:
        """Another size, or a JPEG that calls itself PNG: paid for, and a picture."""
        wires.fake.faults.add(at("image", fault))
        row = wires.generate(user_id)
        assert (row.status, wires.bill()["image"]) == (TaskStatus.COMPLETED, (1, 1))

    @table("wait", [(JIGSAWSTACK, 400), (OPENAI, 400)])
    def test_the_wait_that_the_provider_asks_for_is_kept(self, wires: Wired, user_id: UUID, wait: int) -> None:
        """The next try comes no sooner: by our own backoff it would come within 20 ms."""
        wires.fake.faults.add(Fault(kind=K.RATE_LIMITED, endpoint="image", times=1, wait_ms=wait))
        row = wires.generate(user_id)
        waits = [line["seconds"] for line in wires.lines(row) if line.get("reason", "").endswith(BUSY)]
        assert len(waits) == 1
        assert waits[0] > 0.25


class TestPalettes:
    """A generation whose palettes do not come, or are none: the paid picture is not thrown away."""

    @table("fault, calls", PASSING_PALETTES)
    def test_what_passes_is_not_seen(self, wires: Wired, user_id: UUID, fault: Fault, calls: int) -> None:
        """Once, then well: the palettes are the provider's, and the picture is paid once."""
        wires.fake.faults.add(at("palettes", fault, times=1))
        row = wires.generate(user_id, num_palettes=2)
        assert (row.status, wires.sources(row)) == (TaskStatus.COMPLETED, [PaletteSource.PROVIDER] * 2)
        assert (wires.calls("palettes"), wires.bill()["image"]) == (2, (1, 1))

    @table("fault, calls", PASSING_PALETTES)
    def test_what_does_not_pass_is_made_here(self, wires: Wired, user_id: UUID, fault: Fault, calls: int) -> None:
        """For ever: completed with local palettes after every attempt, and the picture is paid once."""
        wires.fake.faults.add(at("palettes", fault))
        row = wires.generate(user_id, num_palettes=2)
        assert (row.status, wires.sources(row)) == (TaskStatus.COMPLETED, [PaletteSource.LOCAL] * 2)
        assert (wires.calls("palettes"), wires.bill()["image"]) == (calls, (1, 1))

    @table("fault", LASTING_PALETTES)
    def test_what_will_not_pass_is_made_here_at_once(self, wires: Wired, user_id: UUID, fault: Fault) -> None:
        """Completed with local palettes after one call, and the picture is paid once."""
        wires.fake.faults.add(at("palettes", fault))
        row = wires.generate(user_id, num_palettes=2)
        assert (row.status, wires.sources(row)) == (TaskStatus.COMPLETED, [PaletteSource.LOCAL] * 2)
        assert (wires.calls("palettes"), wires.bill()["image"]) == (1, (1, 1))

    @table("fault, theirs", REPAIRED_PALETTES)
    def test_what_is_good_is_kept(self, wires: Wired, user_id: UUID, fault: Fault, theirs: int) -> None:
        """Exactly as many palettes as asked for, the rest made here and marked; one call."""
        wires.fake.faults.add(at("palettes", fault))
        row = wires.generate(user_id, num_palettes=3)
        expected = [PaletteSource.PROVIDER] * theirs + [PaletteSource.LOCAL] * (3 - theirs)
        assert (wires.sources(row), wires.bill()["palettes"]) == (expected, (1, 1))


# A refinement uploads the original (JigsawStack), then asks for the change: the endpoint, the fault, and for one fault
# and for ever the calls and the paid calls of both.
REFINEMENTS = [
    (JIGSAWSTACK, "store", status(503), AWAY, {"store": (2, 0), "refine": (1, 1)}, {"store": (ATTEMPTS, 0)}),
    (
        *(JIGSAWSTACK, "refine", status(503), AWAY),
        *({"store": (2, 0), "refine": (2, 1)}, {"store": (ATTEMPTS, 0), "refine": (ATTEMPTS, 0)}),
    ),
    (
        *(JIGSAWSTACK, "refine", Fault(kind=K.HANG), SLOW),
        *({"store": (2, 0), "refine": (2, 1)}, {"store": (ATTEMPTS, 0), "refine": (ATTEMPTS, 1)}),
    ),
    (OPENAI, "refine", Fault(kind=K.CUT), LOST_CHARGED, {"refine": (2, 2)}, {"refine": (2, 2)}),
]


class TestRefinements:
    """A refinement whose picture does not come; its original was downloaded before, and is not downloaded again."""

    @table("endpoint, fault, sentence, once, for_ever", REFINEMENTS)
    def test_what_passes_is_not_seen(
        self, wires: Wired, original: ConceptRow, endpoint: str, fault: Fault, sentence: str, once: Any, for_ever: Any
    ) -> None:
        """Once, then well: completed, and one picture paid, or two where the first answer was lost and billed."""
        wires.fake.faults.add(at(endpoint, fault, times=1))
        row = wires.refine(original)
        assert (row.status, wires.bill()) == (TaskStatus.COMPLETED, once)

    @table("endpoint, fault, sentence, once, for_ever", REFINEMENTS)
    def test_what_does_not_pass_fails_the_row(
        self, wires: Wired, original: ConceptRow, endpoint: str, fault: Fault, sentence: str, once: Any, for_ever: Any
    ) -> None:
        """For ever: failed after every attempt, and what could not be uploaded is not asked for."""
        wires.fake.faults.add(at(endpoint, fault))
        row = wires.refine(original)
        assert_safe(row, wires)
        assert (row.status, row.error_message) == (TaskStatus.FAILED, REFINING + sentence)
        assert wires.bill() == for_ever

    @table("code, sentence", [(JIGSAWSTACK, 422, REQUEST), (OPENAI, 403, ACCESS)])
    def test_what_will_not_pass_fails_the_row_at_once(
        self, wires: Wired, original: ConceptRow, code: int, sentence: str
    ) -> None:
        """One call, not paid."""
        wires.fake.faults.add(at("refine", status(code)))
        row = wires.refine(original)
        assert (row.status, row.error_message) == (TaskStatus.FAILED, REFINING + sentence)
        assert wires.bill()["refine"] == (1, 0)


class TestLinks:
    """A picture that is ready, but whose link does not lead to it."""

    @table("fault", [(LINKS, status(503)), (LINKS, Fault(kind=K.CUT)), (LINKS, Fault(kind=K.HANG))])
    def test_a_link_that_works_later_costs_nothing_more(self, wires: Wired, user_id: UUID, fault: Fault) -> None:
        """The next try follows the link that was kept; the picture is not asked for again."""
        wires.fake.faults.add(at("result", fault, times=1))
        row = wires.generate(user_id)
        assert (row.status, wires.bill()["image"], wires.calls("result")) == (TaskStatus.COMPLETED, (1, 1), 2)

    @table("code, sentence, calls", [(LINKS, 503, LINK_AWAY, ATTEMPTS), (LINKS, 404, LINK_GONE, 1)])
    def test_a_link_that_never_works_fails_the_row(
        self, wires: Wired, user_id: UUID, code: int, sentence: str, calls: int
    ) -> None:
        """Away is waited for, gone is not; the picture is paid once in both cases."""
        wires.fake.faults.add(at("result", status(code)))
        row = wires.generate(user_id)
        assert_safe(row, wires)
        assert (row.status, row.error_message) == (TaskStatus.FAILED, COLLECTING + sentence)
        assert (wires.bill()["image"], wires.calls("result")) == ((1, 1), calls)

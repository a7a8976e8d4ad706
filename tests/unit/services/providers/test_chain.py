"""Who draws when the first provider cannot, and who never does."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from concept_worker.bootstrap import build_generator
from concept_worker.errors import (
    AccountRefused,
    BadProviderAnswer,
    CircuitOpen,
    ConceptWorkerError,
    ContentDeclined,
    InvalidImage,
    MaybeCharged,
    ProviderPaused,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from concept_worker.models import Origin, Palette, Receipt
from concept_worker.payloads import Brief, Wish
from concept_worker.services.concept_generator import ConceptGenerator, Picture
from concept_worker.services.providers.chain import ProviderChain
from concept_worker.settings import Settings

BRIEF = Brief(logo_description="an owl", theme_description="calm")


@dataclass
class Scripted(ConceptGenerator):
    """A generator that meets one trouble, or draws its name."""

    name: str
    trouble: ConceptWorkerError | None = None
    has_palettes: bool = True
    asked: list[str] = field(default_factory=list)

    def _answer(self, call: str) -> Picture:
        self.asked.append(call)
        if self.trouble is not None:
            raise self.trouble
        return Picture(self.name.encode(), Origin(provider=self.name))

    @property
    def proposes_palettes(self) -> bool:
        return self.has_palettes

    def draw(self, brief: Brief, *, seed: int) -> Picture | Receipt:
        return self._answer("image")

    def refine(self, original: bytes, wish: Wish, *, seed: int) -> Picture | Receipt:
        return self._answer("refine")

    def propose_palettes(self, brief: Brief, count: int) -> list[Palette]:
        self._answer("palettes")
        return []

    def collect(self, receipt: Receipt) -> Picture:
        return self._answer("collect")

    def abandon(self, receipt: Receipt) -> None:
        self._answer("abandon")

    def close(self) -> None:
        self.asked.append("close")


def chain_of(first: Scripted, second: Scripted, *, palettes: tuple[str, ...] = ("first", "second")) -> ProviderChain:
    """Two in a row."""
    return ProviderChain({"first": first, "second": second}, pictures=("first", "second"), palettes=palettes)


def drawn_by(trouble: ConceptWorkerError | None) -> tuple[bytes | type[Exception], list[str]]:
    """What comes of a picture when the first meets this, and what the second was asked."""
    first, second = Scripted("first", trouble), Scripted("second")
    try:
        answer = chain_of(first, second).draw(BRIEF, seed=1)
    except ConceptWorkerError as exc:
        return type(exc), second.asked
    assert isinstance(answer, Picture)
    assert answer.origin.provider == answer.content.decode()
    return answer.content, second.asked


@pytest.mark.parametrize(
    "trouble", [AccountRefused("key"), CircuitOpen("open", 30.0)], ids=lambda one: type(one).__name__
)
def test_the_next_draws_when_one_is_away_for_good(trouble: ConceptWorkerError) -> None:
    """It is certain that the first draws nothing."""
    assert drawn_by(trouble) == (b"second", ["image"])


@pytest.mark.parametrize(
    "trouble",
    [
        MaybeCharged("lost"),
        ProviderUnavailable("away"),
        RateLimited("busy", 1.0),
        ProviderPaused("full", 1.0),
        ContentDeclined("declined"),
        ProviderRefused("parameter"),
        BadProviderAnswer("junk"),
        InvalidImage("broken"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_nobody_else_draws_otherwise(trouble: ConceptWorkerError) -> None:
    """An unknown outcome may be a paid picture; declined content is not carried on; the rest passes or is ours."""
    assert drawn_by(trouble) == (type(trouble), [])


def test_the_last_ones_trouble_is_told() -> None:
    """Nobody is left to ask."""
    first, second = Scripted("first", AccountRefused("key")), Scripted("second", ProviderUnavailable("away"))
    with pytest.raises(ProviderUnavailable):
        chain_of(first, second).refine(b"", Wish(refinement_prompt="bolder"), seed=1)


def test_palettes_have_an_order_of_their_own() -> None:
    """Another provider than for pictures, and nobody else when it is alone."""
    first, second = Scripted("first"), Scripted("second")
    chain_of(first, second, palettes=("second",)).propose_palettes(BRIEF, 3)
    assert (first.asked, second.asked) == ([], ["palettes"])


def test_who_proposes_no_palettes_is_passed_over() -> None:
    """And a chain of such providers says the same of itself."""
    first, second = Scripted("first", has_palettes=False), Scripted("second")
    chain_of(first, second).propose_palettes(BRIEF, 3)
    assert (first.asked, second.asked) == ([], ["palettes"])
    assert not chain_of(first, second, palettes=("first",)).proposes_palettes


def test_a_receipt_is_collected_by_its_own_provider() -> None:
    """Whoever is first now: the picture lies with the one that took the order."""
    first, second = Scripted("first"), Scripted("second")
    chain = chain_of(first, second)
    assert chain.collect(Receipt(provider="second", job="1")).content == b"second"
    chain.abandon(Receipt(provider="second", job="1"))
    assert (first.asked, second.asked) == ([], ["collect", "abandon"])


def test_a_receipt_of_a_stranger_is_kept_and_said() -> None:
    """The operator took a provider out of the settings while it was drawing."""
    chain = chain_of(Scripted("first"), Scripted("second"))
    with pytest.raises(BadProviderAnswer, match="operator"):
        chain.collect(Receipt(provider="third", job="1"))
    chain.abandon(Receipt(provider="third", job="1"))


def test_one_provider_alone_collects_no_strangers_receipt() -> None:
    """The operator changed the provider; the new one would not know the job, and be paid for another picture."""
    settings = Settings(_env_file=None, provider="replicate", replicate_api_token="key")
    generator = build_generator(settings)
    with pytest.raises(BadProviderAnswer, match="no longer set up"):
        generator.collect(Receipt(provider="runware", job="1"))
    generator.close()


def test_all_are_closed() -> None:
    """Each has connections."""
    first, second = Scripted("first"), Scripted("second")
    chain_of(first, second).close()
    assert (first.asked, second.asked) == (["close"], ["close"])

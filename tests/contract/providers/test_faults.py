"""Every fault of a provider: which error it becomes, how many calls it takes, and how many of them are paid."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, FakeProviderOptions, Fault, FaultKind
from concept_worker.devstack.fake_provider.pictures import PlainArtist
from concept_worker.errors import (
    AccountRefused,
    BadProviderAnswer,
    ConceptWorkerError,
    ContentDeclined,
    InvalidImage,
    MaybeCharged,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from concept_worker.imaging.codec import decode_image

WIRES = ("jigsawstack", "openai")
K = FaultKind

# fault → error, whether the call is paid; for both wires, one call each: adapters never repeat by themselves.
IMAGE_FAULTS: list[tuple[Fault, type[ConceptWorkerError], bool]] = [
    (Fault(kind=K.STATUS, status=400), ProviderRefused, False),
    (Fault(kind=K.STATUS, status=401), AccountRefused, False),
    (Fault(kind=K.STATUS, status=402), AccountRefused, False),
    (Fault(kind=K.STATUS, status=403), AccountRefused, False),
    (Fault(kind=K.STATUS, status=404), AccountRefused, False),
    (Fault(kind=K.STATUS, status=405), AccountRefused, False),
    (Fault(kind=K.STATUS, status=422), ProviderRefused, False),
    (Fault(kind=K.STATUS, status=302), AccountRefused, False),
    (Fault(kind=K.CONTENT), ContentDeclined, False),
    (Fault(kind=K.STATUS, status=408), ProviderUnavailable, False),
    (Fault(kind=K.STATUS, status=409), ProviderUnavailable, False),
    (Fault(kind=K.STATUS, status=500), ProviderUnavailable, False),
    (Fault(kind=K.STATUS, status=502), ProviderUnavailable, False),
    (Fault(kind=K.STATUS, status=503), ProviderUnavailable, False),
    (Fault(kind=K.STATUS, status=504), ProviderUnavailable, False),
    (Fault(kind=K.TEXT_ERROR, status=502), ProviderUnavailable, False),
    (Fault(kind=K.TEXT_ERROR, status=400), ProviderRefused, False),
    (Fault(kind=K.STATUS, status=503, retry_after="3"), RateLimited, False),
    (Fault(kind=K.RATE_LIMITED, wait_ms=30_000), RateLimited, False),
    (Fault(kind=K.RATE_LIMITED, wait_ms=-30_000), RateLimited, False),
    (Fault(kind=K.RATE_LIMITED), RateLimited, False),
    (Fault(kind=K.HTML), BadProviderAnswer, False),
    (Fault(kind=K.FAILURE), BadProviderAnswer, False),
    (Fault(kind=K.EMPTY), BadProviderAnswer, False),
    (Fault(kind=K.BROKEN_JSON), BadProviderAnswer, False),
    (Fault(kind=K.UNKNOWN_TYPE), BadProviderAnswer, False),
    (Fault(kind=K.SVG), BadProviderAnswer, True),
    (Fault(kind=K.HUGE), InvalidImage, True),
    (Fault(kind=K.FOREIGN_LINK), BadProviderAnswer, True),
    (Fault(kind=K.DISCONNECT), ProviderUnavailable, True),
    (Fault(kind=K.CUT), ProviderUnavailable, True),
]
SLOW = [
    Fault(kind=K.HANG),
    Fault(kind=K.DRIP, seconds=0.02),
    Fault(kind=K.DRIP_HEADERS, seconds=0.02),
    Fault(kind=K.LATE, seconds=30),
]
PALETTE_FAULTS: list[tuple[Fault, type[ConceptWorkerError], bool]] = [
    *(row for row in IMAGE_FAULTS if row[0].kind not in (K.SVG, K.HUGE, K.FOREIGN_LINK)),
    (Fault(kind=K.NONE), BadProviderAnswer, True),
]


def name(value: Any) -> str | None:
    """A readable id for a row of the tables."""
    if isinstance(value, Fault):
        return f"{value.kind}-{value.status}" if value.kind in (K.STATUS, K.TEXT_ERROR) else value.kind.value
    return None


def on(wire: str, fault: Fault, error: type[ConceptWorkerError]) -> type[ConceptWorkerError]:
    """The error on this wire: a lost answer is an unknown bill only where repeats are not free."""
    lost = fault.kind in (K.DISCONNECT, K.CUT, *(slow.kind for slow in SLOW)) or fault.status in (502, 504)
    return MaybeCharged if wire == "openai" and lost and error is ProviderUnavailable else error


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "error", "paid"), IMAGE_FAULTS, ids=name)
def test_image_faults(
    fake: Any, build: Any, image: Any, wire: str, fault: Fault, error: type[ConceptWorkerError], paid: bool
) -> None:
    """One call, one error of exactly this class, one safe sentence."""
    generator = build(wire, download_allow_private=False)
    fake.faults.add(fault)
    with pytest.raises(ConceptWorkerError) as caught:
        image(generator)
    assert type(caught.value) is on(wire, fault, error)
    assert len(fake.calls) == 1
    assert fake.paid() == paid
    for internal in ("fox", fake.url, "127.0.0.1", "169.254", str(fault.status), fake.api_key):
        assert internal not in str(caught.value)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "error", "paid"), PALETTE_FAULTS, ids=name)
def test_palette_faults(
    fake: Any, build: Any, palettes: Any, wire: str, fault: Fault, error: type[ConceptWorkerError], paid: bool
) -> None:
    """The same table for palettes, and the empty list."""
    fake.faults.add(fault)
    with pytest.raises(ConceptWorkerError) as caught:
        palettes(build(wire))
    assert type(caught.value) is on(wire, fault, error)
    assert len(fake.calls) == 1
    assert fake.paid() == paid


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", SLOW, ids=name)
def test_slow_answers_end_at_the_deadline(
    fake: Any, build: Any, image: Any, palettes: Any, eventually: Any, wire: str, fault: Fault
) -> None:
    """A hang, a drip in body or headers, and a late first byte are transient; the work was done and paid once."""
    generator = build(wire, image_timeout_seconds=0.25, palette_timeout_seconds=0.25)
    fake.faults.add(fault)
    for ask in (image, palettes):
        with pytest.raises(ConceptWorkerError) as caught:
            ask(generator)
        assert type(caught.value) is on(wire, fault, ProviderUnavailable)
    eventually(lambda: fake.paid() == 2)
    assert len(fake.calls) == 2


@pytest.mark.parametrize("kind", [K.HANG, K.DISCONNECT, K.CUT])
def test_a_lost_answer_is_not_paid_twice(fake: Any, build: Any, image: Any, eventually: Any, kind: FaultKind) -> None:
    """The retry of the same request comes from the provider's cache: two calls, one of them paid, same picture."""
    fake.faults.add(Fault(kind=kind, times=1))
    with pytest.raises(ProviderUnavailable):
        image(build("jigsawstack", image_timeout_seconds=0.5))
    eventually(lambda: fake.remembered() == 1)
    again = image(build("jigsawstack"))
    assert [(call.paid, call.cache_hit) for call in fake.calls] == [(True, False), (False, True)]
    assert again == image(build("jigsawstack"))


@pytest.mark.parametrize("honours", [False, True], ids=["as the vendor", "as some relays"])
def test_a_repeat_is_free_only_where_keys_are_honoured(build: Any, image: Any, eventually: Any, honours: bool) -> None:
    """The same request carries the same key; whether that saves its price is the server's to say."""
    with FakeProvider(FakeProviderOptions(honours_keys=honours)) as server:
        server.faults.add(Fault(kind=K.DISCONNECT, times=1))
        generator = build("openai", openai_base_url=server.openai_url)
        with pytest.raises(MaybeCharged):
            image(generator)
        eventually(lambda: server.remembered() == 1)
        image(generator)
        assert server.paid() == (1 if honours else 2)


@pytest.mark.parametrize("wire", WIRES)
def test_an_unreachable_provider_is_transient(fake: Any, build: Any, image: Any, wire: str) -> None:
    """Nobody listens there."""
    away = "http://127.0.0.1:9"
    with pytest.raises(ConceptWorkerError) as caught:
        image(build(wire, jigsawstack_api_url=away, openai_base_url=away))
    assert type(caught.value) is ProviderUnavailable
    assert fake.calls == []


@pytest.mark.parametrize("wire", WIRES)
def test_a_wrong_key_is_refused(build: Any, image: Any, wire: str) -> None:
    """The operator must act, and the sentence says so."""
    with pytest.raises(ProviderRefused, match="operator"):
        image(build(wire, jigsawstack_api_key="wrong", openai_api_key="wrong"))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("setting", ["ftp://127.0.0.1", "127.0.0.1"])
def test_a_wrong_address_is_refused(build: Any, image: Any, wire: str, setting: str) -> None:
    """A base URL that is none is no reason to retry."""
    with pytest.raises(ProviderRefused, match="operator"):
        image(build(wire, jigsawstack_api_url=setting, openai_base_url=setting))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", [K.JPEG, K.WRONG_SIZE])
def test_another_image_than_asked_is_still_an_image(
    fake: Any, build: Any, image: Any, wire: str, kind: FaultKind
) -> None:
    """A JPEG labelled PNG, or another size: told by content, and paid for."""
    fake.faults.add(Fault(kind=kind))
    assert decode_image(image(build(wire))).width in (16, 96)


@pytest.mark.parametrize("wire", WIRES)
def test_a_truncated_image_fails_when_it_is_decoded(fake: Any, build: Any, image: Any, wire: str) -> None:
    """Complete as an answer, cut as a picture: the pipeline's own check says so."""
    fake.faults.add(Fault(kind=K.TRUNCATED))
    with pytest.raises(InvalidImage):
        decode_image(image(build(wire)))


@pytest.mark.parametrize("wire", WIRES)
def test_a_picture_beyond_the_limit_is_refused(build: Any, image: Any, wire: str) -> None:
    """More bytes than an image may have that is not nothing but pixels."""

    class Wordy(PlainArtist):
        """Writes a page into each picture."""

        def draw(self, prompt: str, seed: int, width: int, height: int) -> bytes:
            picture = super().draw(prompt, seed, width, height)
            words = b"tEXtComment\0" + b"w" * 2048
            chunk = struct.pack(">I", len(words) - 4) + words + struct.pack(">I", zlib.crc32(words))
            return picture[:33] + chunk + picture[33:]  # behind the header

    with FakeProvider(FakeProviderOptions(artist=Wordy())) as wordy:
        generator = build(wire, max_image_bytes=1024, openai_base_url=wordy.openai_url, jigsawstack_api_url=wordy.url)
        with pytest.raises((BadProviderAnswer, InvalidImage)):
            image(generator)
        assert len(wordy.calls) == 1


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("kind", "count"), [(K.FEWER, 2), (K.MORE, 5), (K.OBJECTS, 5), (K.TEXT, 5), (K.JUNK, 5)])
def test_wrong_palettes_are_repaired(
    fake: Any, build: Any, palettes: Any, wire: str, kind: FaultKind, count: int
) -> None:
    """What is good is kept, at most what was asked for, five distinct colours each."""
    good = palettes(build(wire))
    fake.reset()
    fake.faults.add(Fault(kind=kind))
    repaired = palettes(build(wire))
    assert repaired == good[:count]
    assert all(len(set(palette.colors)) == 5 for palette in repaired)
    assert len(fake.calls) == 1


def test_openai_says_two_things_with_429(fake: Any, build: Any, image: Any) -> None:
    """An empty account is no rate limit: waiting does not fill it."""
    fake.faults.add(Fault(kind=K.QUOTA))
    with pytest.raises(ProviderRefused, match="plan"):
        image(build("openai"))


def test_openai_declines_in_words(fake: Any, build: Any, palettes: Any) -> None:
    """A refusal of the model comes with status 200."""
    fake.faults.add(Fault(kind=K.REFUSAL))
    with pytest.raises(ProviderRefused, match="other words"):
        palettes(build("openai"))


def test_openai_declined_content_is_told_by_its_code(fake: Any, build: Any, image: Any) -> None:
    """The user can mend that, the operator cannot."""
    fake.faults.add(Fault(kind=K.CONTENT))
    with pytest.raises(ProviderRefused, match="other words"):
        image(build("openai"))


@pytest.mark.parametrize("wire", WIRES)
def test_faults_of_links_and_stores(fake: Any, build: Any, image: Any, refined: Any, wire: str) -> None:
    """A refinement whose upload fails draws nothing."""
    original = image(build(wire))
    fake.reset()
    endpoint = {"jigsawstack": "store", "openai": "refine"}[wire]
    fake.faults.add(Fault(kind=K.STATUS, status=503, endpoint=endpoint, times=1))
    with pytest.raises(ProviderUnavailable):
        refined(build(wire), original)
    assert fake.paid() == 0
    assert decode_image(refined(build(wire), original)).width == 256
    assert fake.paid() == 1

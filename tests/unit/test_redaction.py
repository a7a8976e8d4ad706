"""What may be said of addresses, ids and errors."""

from __future__ import annotations

import errno

import pytest
from pydantic import SecretStr

from concept_worker.errors import ConceptWorkerError, StoreUnavailable
from concept_worker.redaction import counts_of, describe_error, kind_of, mask_url, short_id
from concept_worker.settings import Settings, header_value


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:SECRET@h:6379/0", "redis://***@h:6379/0"),
        ("redis://user:SECRET@h/0", "redis://***@h/0"),
        ("redis://:SEC/RET@h:6379/0", "redis://***@h:6379/0"),
        ("redis://:SEC#RET@h:6379/0", "redis://***"),
        ("redis://:SEC?RET@h:6379/0", "redis://***"),
        ("redis://:SEC@RET@h:6379/0", "redis://***@h:6379/0"),
        ("redis://:SEC://RET@h:6379/0", "redis://***@h:6379/0"),
        ("redis://:SECRET", "redis://:***"),
        ("rediss://[::1]:6379/0?password=SECRET", "rediss://[::1]:6379/0"),
        ("https://h/v1?api-key=SECRET", "https://h/v1"),
        ("https://h/v1?api-key=SEC@RET", "https://***"),
        ("https://h/v1#SECRET", "https://h/v1"),
        ("user:SECRET@h", "***@h"),
        ("", ""),
    ],
)
def test_addresses_have_no_passwords(url: str, masked: str) -> None:
    """Nor where a parser would take the password for something else."""
    assert mask_url(url) == masked


REDISES = ("redis_url", "result_url", "staging_url")
ADDRESSES = (*REDISES, "supabase_url", "openai_base_url", "jigsawstack_api_url")


@pytest.mark.parametrize("name", ADDRESSES)
def test_settings_are_shown_without_passwords(name: str) -> None:
    """However they are shown."""
    place = "redis://***@host:1/5" if name in REDISES else "https://***@host:1/v1"
    query = "" if name in REDISES else "?key=TOPSECRET"
    settings = Settings(**{name: f"{place.replace('***', 'user:TOPSECRET')}{query}"})
    assert "TOPSECRET" not in f"{settings!r} {settings}"
    assert place in repr(settings)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("password", ["TOPSECRET/y", "TOPSECRET#y", "TOPSECRET?y", "1/TOPSECRET", "[TOPSECRET"])
def test_an_address_that_reads_in_two_ways_is_refused(name: str, password: str) -> None:
    """With the setting and the mend, and without the address."""
    with pytest.raises(ValueError, match="%2F") as caught:
        Settings(**{name: f"redis://:{password}@127.0.0.1:9/0"})
    assert Settings.environment_name(name) in str(caught.value)
    assert "TOPSECRET" not in str(caught.value)


def test_other_settings_are_refused_without_their_value() -> None:
    """A key in the wrong variable, say."""
    with pytest.raises(ValueError, match=r"^CONCEPT_IMAGE_SIZE must be a whole number") as caught:
        Settings(image_size="sk-TOPSECRET")
    assert "TOPSECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["sk-TOP\nSECRET", "sk-TOP\rSECRET", "sk TOPSECRET", "sk-TOPSECRET\x00x", "sk-TÖPSECRET", "“TOPSECRET”"]
)
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    """Before it is sent, and by the setting's name."""
    with pytest.raises(ValueError, match="OPENAI_API_KEY") as caught:
        header_value(SecretStr(key), "OPENAI_API_KEY")
    assert "SECRET" not in str(caught.value).upper().replace("OPENAI_API_KEY", "")


@pytest.mark.parametrize("value", ["req_9f", "3b1f-77:a.b", "x" * 64, 42])
def test_an_id_is_kept(value: object) -> None:
    """For the provider's support."""
    assert short_id(value, [b"a fox"]) == str(value)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 65,
        "a quokka",
        "a\nb",
        "a\x1b[31m",
        "ä",
        "",
        None,
        True,
        1.5,
        {"a": 1},
        ["a"],
        "sk-key",
        "SK-KEY",
        "quokka",
    ],
)
def test_what_is_no_id_is_dropped(value: object) -> None:
    """Sentences, controls, and echoes of the key or of the prompt."""
    assert short_id(value, [b"Bearer sk-key", b'{"prompt":"a Quokka"}']) is None


def test_counts_are_numbers_of_known_names() -> None:
    """Names are a provider's words too."""
    usage = {"total": 7, "prompt": "words", "QUOKKA": 1, "huge": 10**400, "flag": True, "nan": float("nan")}
    assert counts_of(usage, ["total", "prompt", "huge", "flag", "nan", "absent"]) == {"total": 7}
    assert counts_of("words", ["total"]) == {}


def test_an_error_is_told_by_kinds() -> None:
    """And by numbers; our own sentences are for everybody."""
    try:
        try:
            raise OSError(errno.ENOSPC, "no space for TOPSECRET", "/home/TOPSECRET")
        except OSError as exc:
            raise StoreUnavailable("the image store did not answer") from exc
    except ConceptWorkerError as exc:
        told = describe_error(exc)
    assert "OSError [ENOSPC]" in told
    assert "StoreUnavailable: the image store did not answer" in told
    assert "TOPSECRET" not in told


def test_a_circle_of_errors_ends() -> None:
    """Each is told once."""
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert describe_error(first).splitlines() == ["KeyError", "ValueError"]
    assert kind_of(first) == "ValueError"

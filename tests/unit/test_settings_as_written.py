"""Settings as people have them: empty lines, quotes that Docker keeps, numbers with units."""

from __future__ import annotations

from pathlib import Path

import pytest

from concept_worker.settings import LogFormat, Settings


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        *("CONCEPT_LEASE_SECONDS", "CONCEPT_MAX_RUNS", "CONCEPT_REMOTE_CONTROL", "CONCEPT_PROVIDER"),
        *("CONCEPT_LOG_FORMAT", "REDIS_URL", "OPENAI_BASE_URL", "CONCEPT_OPENAI_IMAGE_MODEL", "FLOWER_BASIC_AUTH"),
    ],
)
@pytest.mark.parametrize("value", ["", "  ", '""', "''"])
def test_an_empty_value_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """In the environment, where Compose puts one for a variable that nobody set."""
    default = Settings()
    monkeypatch.setenv(name, value)
    assert Settings() == default


def test_an_empty_line_of_a_file_is_not_set(alone: Path) -> None:
    """As `.env.example` has them, and it hides no other name of the setting."""
    default = Settings()
    (alone / ".env").write_text("CONCEPT_LEASE_SECONDS=\nREDIS_URL=\nCONCEPT_PROVIDER=\nSUPABASE_SECRET_KEY=\n")
    assert Settings() == default
    with (alone / ".env").open("a") as file:
        file.write("SUPABASE_KEY=legacy\n")
    assert Settings().supabase_secret_key.get_secret_value() == "legacy"


def test_an_empty_text_model_says_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """Palettes by colour harmony."""
    monkeypatch.setenv("CONCEPT_OPENAI_TEXT_MODEL", "")
    assert Settings().openai_text_model == ""


@pytest.mark.parametrize("spell", ['"{0}"', "'{0}'", " {0} ", ' "{0}" '])
def test_quotes_and_blanks_round_a_value_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch, spell: str) -> None:
    """`docker --env-file` keeps them."""
    for name, value in {
        "SUPABASE_URL": "https://db.example.co",
        "SUPABASE_SECRET_KEY": "sb_secret_x",
        "CONCEPT_LEASE_SECONDS": "7",
        "CONCEPT_LOG_FORMAT": "console",
    }.items():
        monkeypatch.setenv(name, spell.format(value))
    settings = Settings()
    settings.require_supabase()
    assert (settings.supabase_url, settings.lease_seconds) == ("https://db.example.co", 7.0)
    assert (settings.supabase_secret_key.get_secret_value(), settings.log_format) == ("sb_secret_x", LogFormat.CONSOLE)


def test_one_pair_of_quotes_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not match, or lies inside, is the value's."""
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "\"it's:'x'\"")
    assert Settings().flower_basic_auth.get_secret_value() == "it's:'x'"
    monkeypatch.setenv("SUPABASE_URL", "\"https://db.example.co'")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "x")
    with pytest.raises(ValueError, match=r"^SUPABASE_URL has quotes"):
        Settings().require_supabase()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "CONCEPT_LEASE_SECONDS",
            "60s",
            "CONCEPT_LEASE_SECONDS must be a number, alone, without",
        ),
        ("CONCEPT_LEASE_SECONDS", "60 # a minute", "must be a number, alone"),
        ("CONCEPT_LEASE_SECONDS", "0", "CONCEPT_LEASE_SECONDS must be more than 0"),
        ("CONCEPT_LEASE_SECONDS", "nan", "must be a number"),
        ("CONCEPT_LEASE_SECONDS", "inf", "must be a number"),
        ("CONCEPT_MAX_RUNS", "1.5", "CONCEPT_MAX_RUNS must be a whole number"),
        ("CONCEPT_MAX_RUNS", "0", "CONCEPT_MAX_RUNS must be at least 1"),
        ("CONCEPT_IMAGE_SIZE", "4000", "CONCEPT_IMAGE_SIZE must be at most 1920"),
        ("CONCEPT_IMAGE_SIZE", "1000", "CONCEPT_IMAGE_SIZE must be a multiple of 16"),
        ("CONCEPT_REMOTE_CONTROL", "perhaps", "CONCEPT_REMOTE_CONTROL must be true or false"),
        ("CONCEPT_LOG_FORMAT", "xml", "CONCEPT_LOG_FORMAT must be 'json' or 'console'"),
        ("CONCEPT_PROVIDER", "offline,nobody", "CONCEPT_PROVIDER must be 'offline'"),
        ("concept_max_runs", "x", "CONCEPT_MAX_RUNS must be a whole number"),
        ("OPENAI_BASE_URL", "http://a:b:c", "OPENAI_BASE_URL is no address"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_wrong_value_is_named_as_the_environment_does(
    alone: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str, place: str
) -> None:
    """With what it must be, in our words, and without the value."""
    if place == "environment":
        monkeypatch.setenv(name, value)
    else:
        (alone / ".env").write_text(f"{name}='{value}'\n")
    with pytest.raises(ValueError, match=says) as caught:
        Settings()
    assert type(caught.value) is ValueError
    assert "pydantic" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_wrong_values_are_named_at_once() -> None:
    """Nobody mends them one by one."""
    with pytest.raises(ValueError, match=r"^CONCEPT_LEASE_SECONDS must .*; CONCEPT_MAX_RUNS must "):
        Settings(lease_seconds=0, max_runs=0)

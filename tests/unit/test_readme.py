"""What the README says besides its commands: each word in code font, who draws with which key, what is installed."""

from __future__ import annotations

import re
import sys
import tomllib
from inspect import signature
from typing import Any
from uuid import uuid4

import pytest

from concept_worker import ConceptClient, InvalidRequest, UnknownOutcome
from concept_worker.bootstrap import build_generator
from concept_worker.models import TaskStatus
from concept_worker.services.providers.chain import ProviderChain
from concept_worker.settings import Provider, Settings
from tests.documents import ROOT, code_words
from tests.procfile import procfile
from tests.unit.test_documents import SETTING, WRITTEN, fields, is_there

TEXT = " ".join((ROOT / "README.md").read_text().split())
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ELSEWHERE = {
    "num_retries: 0": "a setting of LiteLLM's proxy",
    "out/<task id>/": "tests/acceptance/test_readme.py looks there",
}
PROGRAMS = ("make", "concept-worker", "supabase", "pip")  # tests/acceptance/test_readme.py runs them


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No setting of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in fields():
        monkeypatch.delenv(name, raising=False)


def wrong(word: str) -> str | None:
    """What is wrong with a word in code font; None where it is true."""
    if word in ELSEWHERE or word.split()[0] in PROGRAMS or word in procfile() or word in WRITTEN or is_there(word):
        return None
    if SETTING.fullmatch(word.partition("=")[0]):
        return None if word.partition("=")[0] in fields() else "no setting"
    if extra := re.fullmatch(r"\[(\w+)\]", word):
        return None if extra[1] in PROJECT["optional-dependencies"] else "no extra"
    if "→" in word:
        return None if set(re.findall(r"\w+", word)) == {status.value for status in TaskStatus} else "other states"
    if called := re.fullmatch(r"(\w+)\(…, (\w+)=\w+\)", word):
        parameters = signature(getattr(ConceptClient, called[1])).parameters
        return None if called[2] in parameters else "no parameter"
    if re.fullmatch(r"[a-z-]+ [a-z]+", word):  # of Redis
        return None if f"--{word}" in (ROOT / "compose.yaml").read_text() else "not so in compose.yaml"
    return None if word in ("UnknownOutcome", "InvalidRequest", "concept_worker") else "not known to this test"


def test_every_word_in_code_font_is_true() -> None:
    """Settings, files, extras, states, parameters; one of another kind fails until its check is written."""
    told = {word: wrong(word) for word in code_words("README.md")}
    assert {word: trouble for word, trouble in told.items() if trouble} == {}


def test_what_is_wrong_with_a_request_is_said_so() -> None:
    """The sentence in the README is the beginning of the error's."""
    (sentence,) = re.findall(r'\(`InvalidRequest`, "([^"…]+)…"\)', TEXT)
    settings = Settings(supabase_url="http://127.0.0.1:9", supabase_secret_key="sb_secret_x")  # nobody is asked
    with ConceptClient.from_settings(settings) as client, pytest.raises(InvalidRequest) as caught:
        client.generate(user_id=uuid4(), logo_description="a", theme_description="b", num_palettes=99)
    assert str(caught.value).startswith(sentence)


def test_a_lost_answer_carries_an_id() -> None:
    """Under the name that `generate` takes it."""
    chosen = uuid4()
    assert UnknownOutcome("said", str(chosen)).task_id == chosen


def test_what_must_be_on_the_machine() -> None:
    """Python as the package wants it."""
    (version,) = re.findall(r"Python ([\d.]+) or later and `make`", TEXT)
    assert PROJECT["requires-python"] == f">={version}"
    assert sys.version_info >= tuple(map(int, version.split(".")))


def keys_alone() -> list[str]:
    """Keys that choose their provider by themselves, in the README's words."""
    (said,) = re.findall(r"\*\*The provider\*\*: set (.+?); for Gemini", TEXT)
    return re.findall(r"`(\w+_KEY)`", said)


def keys_with_a_choice() -> list[tuple[str, str]]:
    """Keys that need `CONCEPT_PROVIDER`, and its value."""
    return re.findall(r"`(\w+)` and `CONCEPT_PROVIDER=([\w-]+)`", TEXT)


def test_the_readme_names_each_provider() -> None:
    """Each that there is, by its key or by its name."""
    named = {key.partition("_")[0].lower() for key in keys_alone()} | {name for _, name in keys_with_a_choice()}
    assert named | {"offline", "openai-responses"} == {provider.value for provider in Provider}
    assert "`CONCEPT_PROVIDER=openai-responses`" in TEXT
    assert "Without a key, logos are drawn offline" in TEXT


@pytest.mark.parametrize("key", keys_alone())
def test_a_key_chooses_its_provider(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Without any other setting; without a key, logos are drawn offline."""
    assert Settings().picture_providers == (Provider.OFFLINE,)
    monkeypatch.setenv(key, "a-key")
    assert Settings().chosen_provider.value == key.partition("_")[0].lower()


@pytest.mark.parametrize(("key", "provider"), [*keys_with_a_choice(), ("OPENAI_API_KEY", "openai-responses")])
def test_a_key_and_a_choice_are_enough(monkeypatch: pytest.MonkeyPatch, key: str, provider: str) -> None:
    """A generator can be made of them."""
    monkeypatch.setenv(key, "a-key")
    monkeypatch.setenv("CONCEPT_PROVIDER", provider)
    settings = Settings()
    assert settings.chosen_provider.value == provider
    build_generator(settings).close()


def test_several_providers_take_each_others_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CONCEPT_PROVIDER=openai,offline`."""
    (several,) = re.findall(r"`CONCEPT_PROVIDER=(\w+,\w+)`", TEXT)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("CONCEPT_PROVIDER", several)
    generator = build_generator(Settings())
    assert isinstance(generator, ProviderChain)
    generator.close()

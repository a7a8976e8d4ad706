"""Whence settings come, as people write them: the environment, and files in the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from concept_worker.ownership import read_own, trusted_owners
from concept_worker.settings_words import plain_value

# Settings of which an empty value says something else than the default. Of all others it says "not set", as people
# leave lines of `.env.example` and Compose fills in variables that nobody set.
_MAY_BE_EMPTY = frozenset({"concept_openai_text_model"})


def _as_set(values: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in values.items() if value or name in _MAY_BE_EMPTY}


class OwnFiles(DotEnvSettingsSource):
    """Settings files, of which those that another user owns or may write are refused."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        text = read_own(file_path, trusted_owners()) or ""
        # Names are compared without their case, as in the environment.
        return _as_set({name.lower(): value for name, value in dotenv_values(stream=StringIO(text)).items()})


class OwnEnvironment(EnvSettingsSource):
    """The environment, of which blanks and quotes around values are no part."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return _as_set({name: plain_value(value or "") for name, value in super()._load_env_vars().items()})

"""The sources of settings: the environment, and files in the working directory, as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from concept_worker.ownership import read_own, trusted_owners
from concept_worker.settings_words import plain_value

# Settings whose empty value differs from the default. For all others an empty value means "not set": people leave such
# lines of `.env.example`, and Compose passes an empty text for a variable that is not set.
_MAY_BE_EMPTY = frozenset({"concept_openai_text_model"})


def _as_set(values: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in values.items() if value or name in _MAY_BE_EMPTY}


class OwnFiles(DotEnvSettingsSource):
    """A source of settings files that refuses a file which another user owns or may write."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        text = read_own(file_path, trusted_owners()) or ""
        # Names are compared in lower case, as for the environment.
        return _as_set({name.lower(): value for name, value in dotenv_values(stream=StringIO(text)).items()})


class OwnEnvironment(EnvSettingsSource):
    """A source of environment variables that ignores blanks and quotes around values."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return _as_set({name: plain_value(value or "") for name, value in super()._load_env_vars().items()})

"""The only place that reads the product's settings; the embedded stack has a few of its own (`devstack/`)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from concept_worker.redaction import mask_url
from concept_worker.redis_address import RedisAddress, RedisPlace, files_trouble, several_servers, with_authority
from concept_worker.settings_sources import OwnEnvironment, OwnFiles
from concept_worker.settings_words import settings_trouble
from concept_worker.supabase_settings import address_trouble, key_trouble

DEV_ENV_FILE = ".concept-worker/dev.env"  # `concept-worker dev` writes it while it runs

MODEL_NAME = r"^[\w.-]+(/[\w.-]+)+$"  # owner and name, as they stand in a path


class Provider(StrEnum):
    """Who draws."""

    OFFLINE = "offline"
    JIGSAWSTACK = "jigsawstack"
    OPENAI = "openai"
    RUNWARE = "runware"
    GEMINI = "gemini"
    REPLICATE = "replicate"
    FAL = "fal"
    OPENAI_RESPONSES = "openai-responses"


def _providers(value: object) -> object:
    """Names in a row, as people write them: separated by commas, with blanks if they like; empty for none."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return () if value is None else value


Providers = Annotated[tuple[Provider, ...], NoDecode, BeforeValidator(_providers)]


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


def _neighbour(*names: str) -> AliasChoices:
    """A setting that keeps the name its service gives it."""
    return AliasChoices(*names)


def _readable_url(url: str) -> str:
    """An address as it is, when it can be read in one way only; its error holds nothing of it."""
    try:
        parts = urlsplit(url)
        is_clear = "@" not in f"{parts.path}{parts.query}{parts.fragment}" and parts.port != 0
    except ValueError:
        is_clear = False
    if not is_clear:
        raise ValueError(
            "is no address that can be read; write / ? # @ : of its password as %2F %3F %23 %40 %3A"
        ) from None
    return url


def _one_server(url: str) -> str:
    trouble = several_servers(url)
    if trouble:
        raise ValueError(trouble)
    return url


def _redis_url(url: str) -> str:
    trouble = files_trouble(RedisAddress.parse(url).tls) if url else None
    if trouble:
        raise ValueError(trouble)
    return url


def _authorities(path: str) -> str:
    if path and files_trouble({"ssl_ca_certs": path}):
        raise ValueError("names no file of certificates (PEM) that can be read")
    return path


Url = Annotated[str, AfterValidator(_readable_url)]
RedisUrl = Annotated[str, AfterValidator(_one_server), AfterValidator(_readable_url), AfterValidator(_redis_url)]


def header_value(secret: SecretStr, setting: str) -> str:
    """A key as a header may carry it, without blanks around it.

    Raises:
        ValueError: it has other characters than printable ASCII; names the setting, never the value.
    """
    value = secret.get_secret_value().strip()
    if not all(" " < character <= "~" for character in value):
        raise ValueError(f"{setting} has line breaks, blanks or letters that no key has; it must be one plain line")
    return value


class Settings(BaseSettings):
    """Everything that differs between a laptop and production. `.env.example` explains each in the operator's words.

    A value comes from the environment, else from `.env`, else from the file a running `concept-worker dev` wrote.
    """

    model_config = SettingsConfigDict(
        env_prefix="CONCEPT_",
        env_file=(DEV_ENV_FILE, ".env"),
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    def __init__(self, **values: Any) -> None:
        """Read the settings; `values` come before the environment, and that before the files.

        Raises:
            ValueError: names each wrong setting, as the environment does, and the mend.
        """
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise ValueError(settings_trouble(exc, self.environment_name)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the files, as by default, and the files checked for their owner."""
        return init_settings, OwnEnvironment(settings_cls), OwnFiles(settings_cls)

    @classmethod
    def environment_name(cls, name: str) -> str:
        """How the environment calls a field of this class."""
        field = cls.model_fields.get(name)
        if field is None:  # it is the environment's name already, in lower case perhaps
            return name.upper()
        alias = field.validation_alias
        return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"CONCEPT_{name}".upper()

    # Certificate authorities besides the known ones, in a PEM file, for Redis and Supabase
    ca_file: Annotated[str, AfterValidator(_authorities)] = ""

    # Supabase
    supabase_url: Url = Field(default="", validation_alias=_neighbour("SUPABASE_URL"))
    supabase_secret_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_neighbour("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_KEY"),
    )
    storage_bucket_concept: str = "concept-images"
    storage_bucket_palette: str = "palette-images"
    supabase_timeout: Annotated[float, Field(gt=0)] = 20.0  # seconds, each request
    start_wait_seconds: Annotated[float, Field(ge=0)] = 30.0  # of a worker that starts while Supabase is away
    signed_url_seconds: Annotated[int, Field(ge=1)] = 3600  # life of a link made on reading

    # Redis
    redis_url: RedisUrl = Field(default="redis://127.0.0.1:6379/0", validation_alias=_neighbour("REDIS_URL"))
    result_url: RedisUrl = ""  # empty: the broker's
    staging_url: RedisUrl = ""  # empty: the broker's
    remote_control: bool = True  # whether workers obey inspect, revoke and shutdown over the broker
    staging_seconds: Annotated[int, Field(ge=60)] = 86_400  # how long staged bytes wait at most
    staging_budget_mb: Annotated[int, Field(ge=0)] = 0  # of all staged bytes; 0: half of Redis's maxmemory, if it says

    # Provider
    provider: Providers = ()  # the next draws when one is away for good; empty: whoever has a key, else offline
    palette_provider: Providers = ()  # empty: as for pictures
    jigsawstack_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("JIGSAWSTACK_API_KEY"))
    jigsawstack_api_url: Url = Field(
        default="https://api.jigsawstack.com", validation_alias=_neighbour("JIGSAWSTACK_API_URL")
    )
    openai_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("OPENAI_API_KEY"))
    openai_base_url: Url = Field(  # with its version path, as the vendor's own tools take it
        default="https://api.openai.com/v1", validation_alias=_neighbour("OPENAI_BASE_URL")
    )
    openai_image_model: str = "gpt-image-2.5-flare"
    openai_text_model: str = "gpt-5.4-mini"  # empty: palettes by colour harmony, nobody is asked
    # Fields of a picture's request; empty: as the vendor of the base address wants it; "none": not sent.
    openai_size: str = ""
    openai_quality: str = ""
    openai_background: str = ""
    openai_output_format: str = ""
    openai_response_format: str = ""
    openai_auth_header: str = ""  # empty: the vendor's, mostly Authorization with Bearer
    runware_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("RUNWARE_API_KEY"))
    runware_base_url: Url = "https://api.runware.ai/v1"
    runware_model: str = "bfl:5@1"  # FLUX.2 [pro], by the vendor's id: it draws, and changes a picture given to it
    runware_edit_model: str = ""  # of refinements; empty: the same
    runware_input: Literal["referenceImages", "seedImage"] = "referenceImages"  # how the model takes the original
    gemini_api_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=_neighbour("GEMINI_API_KEY", "GOOGLE_API_KEY")
    )
    gemini_base_url: Url = "https://generativelanguage.googleapis.com/v1beta"
    gemini_image_model: Annotated[str, Field(pattern=r"^[\w.-]+$")] = "gemini-3.1-flash-image"
    replicate_api_token: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("REPLICATE_API_TOKEN"))
    replicate_base_url: Url = Field(
        default="https://api.replicate.com", validation_alias=_neighbour("REPLICATE_BASE_URL")
    )
    replicate_image_model: Annotated[str, Field(pattern=MODEL_NAME)] = "recraft-ai/recraft-v4.1"
    replicate_edit_model: Annotated[str, Field(pattern=MODEL_NAME)] = "black-forest-labs/flux-kontext-pro"
    fal_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("FAL_KEY"))
    fal_queue_url: Url = "https://queue.fal.run"
    fal_image_model: Annotated[str, Field(pattern=MODEL_NAME)] = "fal-ai/recraft/v4.1/text-to-image"
    fal_edit_model: Annotated[str, Field(pattern=MODEL_NAME)] = "fal-ai/flux-pro/kontext"
    job_seconds: Annotated[int, Field(ge=5, le=86_400)] = 1800  # the vendor drops a job that takes longer
    provider_per_minute: Annotated[int, Field(ge=0)] = 0  # calls of all workers together; 0: no limit
    circuit_failures: Annotated[int, Field(ge=1)] = 5  # in a row; then nobody calls for a while
    circuit_seconds: Annotated[float, Field(gt=0)] = 30.0
    image_size: Annotated[int, Field(ge=256, le=1920, multiple_of=16)] = 1024  # pixels, both sides
    image_timeout_seconds: Annotated[float, Field(gt=0)] = 300.0  # one picture, from first to last byte
    palette_timeout_seconds: Annotated[float, Field(gt=0)] = 40.0
    download_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    download_hosts: str = ""  # comma-separated; besides the Supabase host and those of the providers in use
    download_allow_http: bool = False  # for fakes on this machine only
    download_allow_private: bool = False

    # Runs
    lease_seconds: Annotated[float, Field(gt=0)] = 60.0  # life of a claim without a sign of life
    takeover_seconds: Annotated[float, Field(ge=0)] = 0.0  # how long past its lease a step that pays is left alone
    step_seconds: Annotated[float, Field(gt=0)] = 420.0  # a step that takes longer hangs; > every timeout inside it
    max_runs: Annotated[int, Field(ge=1)] = 10  # claims of one row before it fails
    max_interruptions: Annotated[int, Field(ge=1)] = 4  # executions of one step that never came back before it fails
    deadline_seconds: Annotated[float, Field(gt=0)] = 21_600.0  # every row ends within this, from its creation
    retry_attempts: Annotated[int, Field(ge=1)] = 5  # tries of one step for transient errors
    unknown_outcome_tries: Annotated[int, Field(ge=0)] = 1  # further tries of a paid call whose answer was lost
    retry_base_seconds: Annotated[float, Field(ge=0)] = 2.0  # first backoff; doubles, with full jitter
    retry_cap_seconds: Annotated[float, Field(ge=0)] = 120.0  # below the broker's visibility timeout
    reconcile_seconds: Annotated[float, Field(gt=0)] = 20.0  # how often housekeeping looks for stalled rows
    pending_seconds: Annotated[int, Field(ge=1)] = 60  # a pending row without a claim for so long is sent again
    sweep_seconds: Annotated[float, Field(gt=0)] = 3600.0  # how often orphans and old concepts are looked for
    sweep_after_seconds: Annotated[float, Field(ge=0)] = 86_400.0  # orphans younger than this are left alone
    retention_days: Annotated[float, Field(ge=0)] = 30.0  # concepts older than this go; 0 keeps them for ever
    visibility_seconds: Annotated[int, Field(ge=1)] = 600  # broker redelivers an unacknowledged message after
    soft_shutdown_seconds: Annotated[float, Field(ge=0)] = 20.0  # below the 30 s that platforms give
    child_memory_mb: Annotated[int, Field(ge=0)] = 2000  # what a process at pixels may take; 0: no limit
    upload_threads: Annotated[int, Field(ge=1, le=32)] = 8

    # Images
    max_image_bytes: Annotated[int, Field(ge=1024)] = 20_000_000
    max_image_pixels: Annotated[int, Field(ge=1)] = 16_777_216  # 4096²

    # Flower
    # name:password, several by comma, as Flower takes it; empty: nobody gets in
    flower_basic_auth: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("FLOWER_BASIC_AUTH"))
    flower_hosts: str = ""  # names it answers to besides this machine's own, comma-separated: those of a proxy

    # Log
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.JSON

    @property
    def redis_places(self) -> tuple[RedisPlace, RedisPlace, RedisPlace]:
        """Broker, results and staging."""
        return (
            RedisPlace("broker", "REDIS_URL", with_authority(self.redis_url, self.ca_file)),
            self._place("results", "CONCEPT_RESULT_URL", self.result_url),
            self._place("staging", "CONCEPT_STAGING_URL", self.staging_url),
        )

    def _place(self, role: str, setting: str, url: str) -> RedisPlace:
        name = setting if url else "REDIS_URL"
        return RedisPlace(role, name, with_authority(url or self.redis_url, self.ca_file))

    @property
    def chosen_provider(self) -> Provider:
        """The provider that is asked first for a picture."""
        return self.picture_providers[0]

    @property
    def picture_providers(self) -> tuple[Provider, ...]:
        """The providers asked for, in order, or the one that has a key."""
        if self.provider:
            return tuple(dict.fromkeys(self.provider))
        if self.jigsawstack_api_key.get_secret_value():
            return (Provider.JIGSAWSTACK,)
        if self.openai_api_key.get_secret_value():
            return (Provider.OPENAI,)
        return (Provider.RUNWARE,) if self.runware_api_key.get_secret_value() else (Provider.OFFLINE,)

    @property
    def palette_providers(self) -> tuple[Provider, ...]:
        """The providers that are asked for palettes, in order."""
        return tuple(dict.fromkeys(self.palette_provider)) or self.picture_providers

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Addresses without their passwords; secrets hide themselves."""
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) and "://" in value else value

    def require_supabase(self) -> None:
        """Make sure that Supabase is named, and that name and key can be ones.

        Raises:
            ValueError: names the setting that is missing or wrong, and the mend.
        """
        if not self.supabase_url or not self.supabase_secret_key.get_secret_value():
            raise ValueError(
                "SUPABASE_URL and SUPABASE_SECRET_KEY are not set; copy .env.example to .env and fill them in, "
                "or run `concept-worker dev` in this directory for a local stack"
            )
        url, key = self.supabase_url, self.supabase_secret_key.get_secret_value()
        trouble = address_trouble(url) or key_trouble(key, url)
        if trouble:
            raise ValueError(trouble)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()

"""The settings of the product, read here only; the embedded stack has a few of its own (`devstack/`)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from concept_worker.redaction import mask_url
from concept_worker.redis_address import RedisPlace, with_authority
from concept_worker.settings_sources import OwnEnvironment, OwnFiles
from concept_worker.settings_types import AuthoritiesFile, RedisUrl, Url
from concept_worker.settings_words import settings_trouble
from concept_worker.supabase_settings import address_trouble, key_trouble, project_name

DEV_ENV_FILE = ".concept-worker/dev.env"  # `concept-worker dev` writes it while it runs

NO_NAMESPACE = "none"
MODEL_NAME = r"^[\w.-]+(/[\w.-]+)+$"  # owner and name, as in a path


class Provider(StrEnum):
    """The providers that can draw."""

    OFFLINE = "offline"
    JIGSAWSTACK = "jigsawstack"
    OPENAI = "openai"
    RUNWARE = "runware"
    GEMINI = "gemini"
    REPLICATE = "replicate"
    FAL = "fal"
    OPENAI_RESPONSES = "openai-responses"


def _providers(value: object) -> object:
    """Split a text of names at its commas, ignoring blanks; an empty text gives no names."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return () if value is None else value


Providers = Annotated[tuple[Provider, ...], NoDecode, BeforeValidator(_providers)]


class LogFormat(StrEnum):
    """The format of log lines."""

    JSON = "json"
    CONSOLE = "console"


def _neighbour(*names: str) -> AliasChoices:
    """Return the names of a setting that its service has named, without our prefix."""
    return AliasChoices(*names)


def header_value(secret: SecretStr, setting: str) -> str:
    """Return a key as a value for a header, without blanks around it.

    Raises:
        ValueError: the key has characters outside printable ASCII; names the setting, never the value.
    """
    value = secret.get_secret_value().strip()
    if not all(" " < character <= "~" for character in value):
        raise ValueError(f"{setting} has line breaks, blanks or letters that no key has; it must be one plain line")
    return value


class Settings(BaseSettings):
    """The settings: all that differs between a laptop and production. `.env.example` explains each to the operator.

    A value comes from the environment, else from `.env`, else from the file that a running `concept-worker dev` wrote.
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
        """Read the settings; `values` override the environment, which overrides the files.

        Raises:
            ValueError: names each wrong setting by its environment variable, and the mend.
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
        """Return the sources by precedence: arguments, environment, files; files of other users are refused."""
        return init_settings, OwnEnvironment(settings_cls), OwnFiles(settings_cls)

    @classmethod
    def environment_name(cls, name: str) -> str:
        """Return the environment variable of a field."""
        field = cls.model_fields.get(name)
        if field is None:  # the name is a variable already, perhaps in lower case
            return name.upper()
        alias = field.validation_alias
        return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"CONCEPT_{name}".upper()

    # A PEM file of certificate authorities besides the system's, for Redis and Supabase
    ca_file: AuthoritiesFile = ""

    # Supabase
    supabase_url: Url = Field(default="", validation_alias=_neighbour("SUPABASE_URL"))
    supabase_secret_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_neighbour("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_KEY"),
    )
    storage_bucket_concept: str = "concept-images"
    storage_bucket_palette: str = "palette-images"
    supabase_timeout: Annotated[float, Field(gt=0)] = 20.0  # seconds per request
    start_wait_seconds: Annotated[float, Field(ge=0)] = 30.0  # a starting worker waits so long for Supabase
    signed_url_seconds: Annotated[int, Field(ge=1)] = 3600  # until a link to a picture expires

    # Redis
    redis_url: RedisUrl = Field(default="redis://127.0.0.1:6379/0", validation_alias=_neighbour("REDIS_URL"))
    # Before each name in Redis; empty: the hosted Supabase project, if it is one; "none": nothing
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$|^$", max_length=64)] = ""
    result_url: RedisUrl = ""  # empty: the broker's
    staging_url: RedisUrl = ""  # empty: the broker's
    remote_control: bool = True  # workers obey inspect, revoke and shutdown over the broker
    staging_seconds: Annotated[int, Field(ge=60)] = 86_400  # until staged bytes expire
    staging_budget_mb: Annotated[int, Field(ge=0)] = 0  # for all staged bytes; 0: half of Redis's maxmemory, if known

    # Provider
    provider: Providers = ()  # tried in order; empty: the first provider that has a key, else offline
    palette_provider: Providers = ()  # empty: the same as for pictures
    jigsawstack_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("JIGSAWSTACK_API_KEY"))
    jigsawstack_api_url: Url = Field(
        default="https://api.jigsawstack.com", validation_alias=_neighbour("JIGSAWSTACK_API_URL")
    )
    openai_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("OPENAI_API_KEY"))
    openai_base_url: Url = Field(  # with its version path, as in the vendor's own tools
        default="https://api.openai.com/v1", validation_alias=_neighbour("OPENAI_BASE_URL")
    )
    openai_image_model: str = "gpt-image-2.5-flare"
    openai_text_model: str = "gpt-5.4-mini"  # empty: no model is called, palettes are made by colour harmony
    # Fields of a picture's request; empty: the default for the vendor of the base address; "none": not sent.
    openai_size: str = ""
    openai_quality: str = ""
    openai_background: str = ""
    openai_output_format: str = ""
    openai_response_format: str = ""
    openai_auth_header: str = ""  # empty: the vendor's default, mostly Authorization with Bearer
    runware_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("RUNWARE_API_KEY"))
    runware_base_url: Url = "https://api.runware.ai/v1"
    runware_model: str = "bfl:5@1"  # FLUX.2 [pro], by the vendor's id: it draws new pictures and changes given ones
    runware_edit_model: str = ""  # for refinements; empty: the same model
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
    circuit_failures: Annotated[int, Field(ge=1)] = 5  # in a row; then no worker calls for `circuit_seconds`
    circuit_seconds: Annotated[float, Field(gt=0)] = 30.0
    image_size: Annotated[int, Field(ge=256, le=1920, multiple_of=16)] = 1024  # pixels, both sides
    image_timeout_seconds: Annotated[float, Field(gt=0)] = 300.0  # per picture, from first to last byte
    palette_timeout_seconds: Annotated[float, Field(gt=0)] = 40.0
    download_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    accept_svg: bool = False  # answers of vector models, drawn at `image_size`
    download_hosts: str = ""  # comma-separated; in addition to the hosts of Supabase and of the providers in use
    download_allow_http: bool = False  # for fakes on this machine only
    download_allow_private: bool = False

    # Runs
    lease_seconds: Annotated[float, Field(gt=0)] = 60.0  # until a claim without heartbeat expires
    presence_seconds: Annotated[float, Field(ge=0, le=30)] = 1.0  # between signs of a working process; 0: leases alone
    takeover_seconds: Annotated[float, Field(ge=0)] = 0.0  # from a paying step's expired lease until it is taken over
    step_seconds: Annotated[float, Field(gt=0)] = 420.0  # a longer step counts as hanging; > every timeout inside it
    max_runs: Annotated[int, Field(ge=1)] = 10  # claims of one row before the row fails
    max_interruptions: Annotated[int, Field(ge=1)] = 4  # interrupted executions of one step before the row fails
    deadline_seconds: Annotated[float, Field(gt=0)] = 21_600.0  # from a row's creation until it has ended
    retry_attempts: Annotated[int, Field(ge=1)] = 5  # tries of one step that meets transient errors
    unknown_outcome_tries: Annotated[int, Field(ge=0)] = 1  # retries of a paid call whose answer was lost
    retry_base_seconds: Annotated[float, Field(ge=0)] = 2.0  # first backoff; doubles, with full jitter
    retry_cap_seconds: Annotated[float, Field(ge=0)] = 120.0  # below the broker's visibility timeout
    reconcile_seconds: Annotated[float, Field(gt=0)] = 20.0  # between searches for stalled rows
    pending_seconds: Annotated[int, Field(ge=1)] = 60  # until an unclaimed pending row is re-enqueued
    sweep_seconds: Annotated[float, Field(gt=0)] = 3600.0  # between searches for orphans and old concepts
    sweep_after_seconds: Annotated[float, Field(ge=0)] = 86_400.0  # age at which orphans are deleted
    retention_days: Annotated[float, Field(ge=0)] = 30.0  # age at which concepts are deleted; 0: never
    visibility_seconds: Annotated[int, Field(ge=1)] = 600  # until the broker redelivers an unacknowledged message
    soft_shutdown_seconds: Annotated[float, Field(ge=0)] = 20.0  # below the 30 s that platforms give
    child_memory_mb: Annotated[int, Field(ge=0)] = 2000  # limit of a process that computes pixels; 0: no limit
    upload_threads: Annotated[int, Field(ge=1, le=32)] = 8

    # Images
    max_image_bytes: Annotated[int, Field(ge=1024)] = 20_000_000
    max_image_pixels: Annotated[int, Field(ge=1)] = 16_777_216  # 4096²

    # Flower
    # name:password, several separated by commas, as Flower expects it; empty: Flower is locked
    flower_basic_auth: SecretStr = Field(default=SecretStr(""), validation_alias=_neighbour("FLOWER_BASIC_AUTH"))
    flower_hosts: str = ""  # comma-separated host names of a proxy that Flower answers to, besides this machine's own

    # Log
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.JSON

    @property
    def redis_prefix(self) -> str:
        """The text before every key and channel of this deployment in Redis; empty for no namespace."""
        name = self.namespace or project_name(self.supabase_url)
        return f"{name}:" if name and name != NO_NAMESPACE else ""

    @property
    def redis_places(self) -> tuple[RedisPlace, RedisPlace, RedisPlace]:
        """The Redis of the broker, of results and of staging."""
        return (
            self._place("broker", "REDIS_URL", self.redis_url),
            self._place("results", "CONCEPT_RESULT_URL", self.result_url),
            self._place("staging", "CONCEPT_STAGING_URL", self.staging_url),
        )

    def _place(self, role: str, setting: str, url: str) -> RedisPlace:
        name = setting if url else "REDIS_URL"
        return RedisPlace(role, name, with_authority(url or self.redis_url, self.ca_file), self.redis_prefix)

    @property
    def chosen_provider(self) -> Provider:
        """The provider that is tried first for a picture."""
        return self.picture_providers[0]

    @property
    def picture_providers(self) -> tuple[Provider, ...]:
        """The providers for pictures, in order; without a setting, the first one that has a key, else offline."""
        if self.provider:
            return tuple(dict.fromkeys(self.provider))
        if self.jigsawstack_api_key.get_secret_value():
            return (Provider.JIGSAWSTACK,)
        if self.openai_api_key.get_secret_value():
            return (Provider.OPENAI,)
        return (Provider.RUNWARE,) if self.runware_api_key.get_secret_value() else (Provider.OFFLINE,)

    @property
    def palette_providers(self) -> tuple[Provider, ...]:
        """The providers for palettes, in order."""
        return tuple(dict.fromkeys(self.palette_provider)) or self.picture_providers

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the fields with passwords of addresses masked; secrets mask themselves."""
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) and "://" in value else value

    def require_namespace(self) -> None:
        """Refuse settings that name no deployment: such a process would listen or send where no other one does.

        Raises:
            ValueError: names the settings, one of which is needed.
        """
        if not self.namespace and not self.supabase_url:
            raise ValueError(
                "CONCEPT_NAMESPACE and SUPABASE_URL are not set, so its names in Redis are not known; "
                "set one of them as the workers have it"
            )

    def require_supabase(self) -> None:
        """Refuse settings without Supabase's address and key, or with an address or key that cannot work.

        Raises:
            ValueError: names the setting that is missing or wrong, and the mend.
        """
        if not self.supabase_url or not self.supabase_secret_key.get_secret_value():
            raise ValueError(
                "SUPABASE_URL and SUPABASE_SECRET_KEY are not set; fill them in in .env (`concept-worker init` writes "
                "one), or run `concept-worker dev` in this directory for a local stack"
            )
        url, key = self.supabase_url, self.supabase_secret_key.get_secret_value()
        trouble = address_trouble(url) or key_trouble(key, url)
        if trouble:
            raise ValueError(trouble)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the process's settings, read once."""
    return Settings()

"""The shapes of JigsawStack's wire, from its documentation and its SDK (0.4.6).

Fields are sent in the order written here and without spaces, so the same arguments always give the same bytes. The
provider then answers a repeated request from its cache, and does not draw and charge again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ReturnType = Literal["binary", "url", "base64"]

IMAGES = "/v1/ai/image_generation"
PROMPTS = "/v1/prompt_engine/run"
STORE = "/v1/store/file"
STORED = "/v1/store/file/read/"  # then the key; GET returns the file, DELETE deletes it

PROMPT_MAX = 5000  # characters

LINK_HOSTS = ("*.r2.cloudflarestorage.com",)  # hosts of the links in its answers

API_KEY = "x-api-key"
RATE_RESET = "x-jigsaw-rate-limit-reset"  # Unix time in milliseconds


class Request(BaseModel):
    """A part of a request."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def body(self) -> bytes:
        """Return the bytes of the request; the same values give the same bytes."""
        return self.model_dump_json(exclude_none=True).encode()


class AdvanceConfig(Request):
    """A set of finer controls for a drawing."""

    negative_prompt: str
    guidance: Annotated[float, Field(ge=1, le=28)]
    seed: Annotated[int, Field(ge=0, le=0x7FFF_FFFF)]  # no range is documented; 31 bits are safe


class ImageRequest(Request):
    """A request `POST /v1/ai/image_generation`; with `file_store_key`, it changes the stored image."""

    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_MAX)]
    aspect_ratio: Literal["1:1"] = "1:1"
    width: Annotated[int, Field(ge=256, le=1920)]  # pixels
    height: Annotated[int, Field(ge=256, le=1920)]
    steps: Annotated[int, Field(ge=1, le=90)] = 30
    advance_config: AdvanceConfig
    file_store_key: str | None = None
    return_type: ReturnType


class PromptInput(Request):
    """A variable of a prompt."""

    key: str
    optional: bool = False


class PromptRequest(Request):
    """A request `POST /v1/prompt_engine/run`.

    Text of users goes into `input_values`, because braces in `prompt` name variables.
    """

    prompt: str
    inputs: tuple[PromptInput, ...]
    input_values: dict[str, str]
    return_prompt: tuple[dict[str, Any], ...]
    prompt_guard: tuple[str, ...] = ("hate", "sexual_content")


class Answer(BaseModel):
    """A JSON answer of any kind; the types of its fields are not guaranteed."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    success: bool = True
    url: str | None = None  # a link to an image, or the image as base64
    result: Any = None  # the prompt engine's result
    key: str | None = None  # of a stored file
    log_id: Any = None
    usage: Any = Field(default=None, alias="_usage")

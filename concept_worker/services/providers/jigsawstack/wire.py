"""The shapes of JigsawStack's wire, as its documentation and its SDK (0.4.6) describe them.

Fields are sent in the order written here and without spaces, so that the same arguments always make the same bytes:
the provider serves a repeated body from its cache instead of drawing, and charging, again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ReturnType = Literal["binary", "url", "base64"]

IMAGES = "/v1/ai/image_generation"
PROMPTS = "/v1/prompt_engine/run"
STORE = "/v1/store/file"
STORED = "/v1/store/file/read/"  # and the key: GET gives the file, DELETE removes it

PROMPT_MAX = 5000  # characters

LINK_HOSTS = ("*.r2.cloudflarestorage.com",)  # links of its answers lead there

API_KEY = "x-api-key"
RATE_RESET = "x-jigsaw-rate-limit-reset"  # Unix time in milliseconds


class Request(BaseModel):
    """Something to send."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def body(self) -> bytes:
        """The bytes of the request, the same for the same values."""
        return self.model_dump_json(exclude_none=True).encode()


class AdvanceConfig(Request):
    """The finer controls of a drawing."""

    negative_prompt: str
    guidance: Annotated[float, Field(ge=1, le=28)]
    seed: Annotated[int, Field(ge=0, le=0x7FFF_FFFF)]  # the documents give no range; 31 bits are safe


class ImageRequest(Request):
    """`POST /v1/ai/image_generation`; with `file_store_key` the stored image is the one to change."""

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
    """`POST /v1/prompt_engine/run`. Text of users goes into `input_values`: in `prompt` its braces would be read."""

    prompt: str
    inputs: tuple[PromptInput, ...]
    input_values: dict[str, str]
    return_prompt: tuple[dict[str, Any], ...]
    prompt_guard: tuple[str, ...] = ("hate", "sexual_content")


class Answer(BaseModel):
    """Any JSON answer; what a field holds is not promised."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    success: bool = True
    url: str | None = None  # an image: a link to it, or its base64 text
    result: Any = None  # what the prompt engine made
    key: str | None = None  # of a stored file
    log_id: Any = None
    usage: Any = Field(default=None, alias="_usage")

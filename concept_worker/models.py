"""The models that travel between processes: references, checkpoints and rows, frozen and validated on reading."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from concept_worker.errors import mask_id
from concept_worker.payloads import PALETTES_MAX
from concept_worker.validation import Traveling

RETRY_KEY = "retry"  # in `tasks.metadata`: why a step waits for its retry

# The position of a colour in a palette is its role.
PALETTE_ROLES = ("primary", "secondary", "accent", "background", "highlight")


class TaskType(StrEnum):
    """The kind of work that a task row asks for."""

    GENERATION = "concept_generation"
    REFINEMENT = "concept_refinement"


class TaskStatus(StrEnum):
    """The state of a task row; the last three are terminal and never change again."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """True when the row never changes again."""
        return self in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED)


class PaletteSource(StrEnum):
    """The maker of a palette: the provider, or our own colour harmony (offline, or when the provider gave none)."""

    PROVIDER = "provider"
    LOCAL = "local"


HexColor = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$", to_upper=True)]


class Palette(Traveling):
    """A named set of colours; the position of a colour is its role (`PALETTE_ROLES`)."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    description: Annotated[str, StringConstraints(max_length=200)] = ""
    colors: Annotated[tuple[HexColor, ...], Field(min_length=2, max_length=8)]
    source: PaletteSource = PaletteSource.PROVIDER


class RunReference(Traveling):
    """A run of a task row, as messages carry it: user id and prompts stay in the row.

    `number` is the run number that the claim returned; every step is fenced by it. A message may lie about number and
    type, so each step compares them with the row.
    """

    task_id: UUID
    number: Annotated[int, Field(ge=1, le=2**31 - 1)]
    type: TaskType

    @classmethod
    def of(cls, task: TaskRow) -> Self:
        """Return the current run of a claimed row."""
        return cls(task_id=task.id, number=task.run, type=TaskType(task.type))


class StagedName(StrEnum):
    """The names of a task's bytes in staging."""

    BASE = "base"
    ORIGINAL = "original"
    PALETTES = "palettes"


class Origin(Traveling):
    """The source of a picture, with the provider's figures of its price. For operators: a step's row keeps it."""

    provider: str
    model: str = ""
    request_id: str = ""  # the provider's id of the call, for its support
    usage: dict[str, float] = Field(default_factory=dict)  # counts under the provider's names, mostly tokens
    cost: float | None = None  # in the provider's currency, US dollars as far as we know


class StagedImage(Traveling):
    """A reference to image bytes that wait in staging between two steps."""

    task_id: UUID  # owner of the bytes; a retried task goes on with the bytes of the task before it
    name: StagedName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: int  # bytes
    width: int  # pixels
    height: int
    origin: Origin | None = None  # of a paid picture; None when the process died before its checkpoint


class Receipt(Traveling):
    """A receipt for a paid call whose picture is not fetched yet: a link to follow, or a job to poll.

    It is stored in the step's row, which no user can read, because a link is a secret. Collecting costs nothing.
    """

    provider: str  # the only provider that can collect with this receipt
    url: str = ""  # of the finished picture
    job: str = ""  # the provider's id of a job that may still be drawing
    model: str = ""  # that was called


# The names of a task's images in their bucket, as a pattern for Python's and pydantic's regular expressions.
IMAGE_NAME = r"(?:base|variation-[0-9]{2})\.png"


class StoredImage(Traveling):
    """A reference to an image object in a bucket; its path is `{user id}/{task id}/{name}`."""

    name: Annotated[str, Field(pattern=f"^{IMAGE_NAME}$")]
    size: int  # bytes


class StoredVariation(Traveling):
    """A stored variation: a palette, and the reference to its picture."""

    position: Annotated[int, Field(ge=1, le=PALETTES_MAX)]
    palette: Palette
    image: StoredImage


class TaskRow(Traveling):
    """A row of `tasks`, as the user may see it."""

    id: UUID
    user_id: UUID
    type: str
    status: TaskStatus
    stage: str | None = None
    progress: int = 0
    run: int = 0
    retry_of: UUID | None = None
    result_id: UUID | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    lease_expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None

    def log_context(self) -> dict[str, Any]:
        """Return the fields of this row that a log line may show."""
        return {"task_id": str(self.id), "user": mask_id(self.user_id), "type": self.type, "status": self.status.value}

    @property
    def inputs(self) -> dict[str, Any]:
        """The producer's inputs: the metadata without the entry of a waiting step."""
        return {key: value for key, value in self.metadata.items() if key != RETRY_KEY}


class BegunStep(Traveling):
    """A step that may begin: its task, the outputs of the steps it needs, and its own output if it finished before."""

    task: TaskRow
    output: Any = None
    inputs: dict[str, Any] = Field(default_factory=dict)  # by step
    receipt: Receipt | None = None  # for a call that an earlier execution of this step paid for


class StepTries(Traveling):
    """A count of a step's executions that met transient errors."""

    attempts: int
    unknowns: int = 0  # attempts whose answer was lost: each may have been charged


class FinishedStep(Traveling):
    """The valid output of a step (the first one written), and whether the run is still the current one."""

    current: bool
    output: Any
    status: TaskStatus | None  # of the row; None when it was deleted

    @property
    def is_abandoned(self) -> bool:
        """True when the step's output must be dropped: the task was canceled or deleted meanwhile."""
        return self.status in (None, TaskStatus.CANCELED)


class VariationRow(Traveling):
    """A row of `color_variations`."""

    position: int
    palette_name: str
    palette_source: PaletteSource = PaletteSource.PROVIDER
    colors: tuple[str, ...]
    description: str | None = None
    image_path: str
    image_url: str | None = None


class ConceptRow(Traveling):
    """A row of `concepts` with its variations in order."""

    id: UUID
    task_id: UUID | None
    user_id: UUID
    logo_description: str
    theme_description: str
    image_path: str
    image_url: str | None = None
    is_anonymous: bool = True
    provider: str | None = None  # that drew the base image; None when unknown
    model: str | None = None
    refinement_prompt: str | None = None
    original_concept_id: UUID | None = None
    original_image_path: str | None = None
    original_image_url: str | None = None
    preserve_aspects: tuple[str, ...] = ()
    created_at: datetime
    variations: tuple[VariationRow, ...] = ()


class ExpiredConcepts(Traveling):
    """A count of deleted concepts, and the object paths that they referred to."""

    concepts: int
    paths: tuple[str, ...]

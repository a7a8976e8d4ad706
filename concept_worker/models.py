"""The nouns that travel: references, checkpoints and rows, frozen and checked at every door."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from concept_worker.errors import mask_id
from concept_worker.payloads import PALETTES_MAX
from concept_worker.validation import Traveling

RETRY_KEY = "retry"  # in `tasks.metadata`: what a waiting step waits for

# Position of a colour in a palette is its role.
PALETTE_ROLES = ("primary", "secondary", "accent", "background", "highlight")


class TaskType(StrEnum):
    """What a task row asks for."""

    GENERATION = "concept_generation"
    REFINEMENT = "concept_refinement"


class TaskStatus(StrEnum):
    """Where a task row stands; the last three are terminal and never change again."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing may change the row any more."""
        return self in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED)


class PaletteSource(StrEnum):
    """Who made a palette: the provider, or our own colour harmony (offline, or when the provider gave none)."""

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
    """One run of one task row, and all that the broker carries of it: user id and prompts stay in the row.

    `number` is the row's run that the claim returned: the fence of every step. Number and type are a message's claim,
    which the row confirms or not.
    """

    task_id: UUID
    number: Annotated[int, Field(ge=1, le=2**31 - 1)]
    type: TaskType

    @classmethod
    def of(cls, task: TaskRow) -> Self:
        """The current run of a claimed row."""
        return cls(task_id=task.id, number=task.run, type=TaskType(task.type))


class StagedName(StrEnum):
    """What may wait in staging for a task."""

    BASE = "base"
    ORIGINAL = "original"
    PALETTES = "palettes"


class Origin(Traveling):
    """Where a picture comes from, and what the provider says of its price. For operators: a step's row keeps it."""

    provider: str
    model: str = ""
    request_id: str = ""  # the provider's, for its support
    usage: dict[str, float] = Field(default_factory=dict)  # counts under the provider's names, tokens mostly
    cost: float | None = None  # in the provider's currency; US dollars as far as known


class StagedImage(Traveling):
    """A reference to image bytes that wait in staging between two steps."""

    task_id: UUID  # whose bytes; a retried task goes on with those of the task before it
    name: StagedName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: int  # bytes
    width: int  # pixels
    height: int
    origin: Origin | None = None  # of a paid picture; none where the process was lost before its checkpoint


class Receipt(Traveling):
    """A paid call's trace before its picture is here: a link to follow, or a job at the provider to ask for.

    It lies in the step's row, which no user reads: a link is a secret. Whoever holds it collects and pays nothing.
    """

    provider: str  # whose receipt; another one cannot collect with it
    url: str = ""  # of the finished picture
    job: str = ""  # the provider's id of a job that may still be drawing
    model: str = ""  # that was asked


# The names of a task's images in their bucket, as a pattern for Python's and pydantic's regular expressions.
IMAGE_NAME = r"(?:base|variation-[0-9]{2})\.png"


class StoredImage(Traveling):
    """A reference to an image object in a bucket; its path is `{user id}/{task id}/{name}`."""

    name: Annotated[str, Field(pattern=f"^{IMAGE_NAME}$")]
    size: int  # bytes


class StoredVariation(Traveling):
    """One palette's picture of the concept, stored."""

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
        """What a log line may say of this row."""
        return {"task_id": str(self.id), "user": mask_id(self.user_id), "type": self.type, "status": self.status.value}

    @property
    def inputs(self) -> dict[str, Any]:
        """What the producer asked for: the metadata less what waiting steps write there."""
        return {key: value for key, value in self.metadata.items() if key != RETRY_KEY}


class BegunStep(Traveling):
    """A step that may begin: its task, the outputs of the steps it needs, and its own when it was finished before."""

    task: TaskRow
    output: Any = None
    inputs: dict[str, Any] = Field(default_factory=dict)  # by step
    receipt: Receipt | None = None  # of what an earlier execution of it paid for


class StepTries(Traveling):
    """Executions of a step that met transient trouble."""

    attempts: int
    unknowns: int = 0  # of them, those whose answer was lost: each may have been charged


class FinishedStep(Traveling):
    """The output that counts (the first one written), and whether the run is still the current one."""

    current: bool
    output: Any
    status: TaskStatus | None  # of the row; None when it was deleted

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody wants what the step made: the task was canceled or deleted meanwhile."""
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
    provider: str | None = None  # that drew the base image; None where it is not known
    model: str | None = None
    refinement_prompt: str | None = None
    original_concept_id: UUID | None = None
    original_image_path: str | None = None
    original_image_url: str | None = None
    preserve_aspects: tuple[str, ...] = ()
    created_at: datetime
    variations: tuple[VariationRow, ...] = ()


class ExpiredConcepts(Traveling):
    """How many concepts were let go of, and the object paths they referred to."""

    concepts: int
    paths: tuple[str, ...]

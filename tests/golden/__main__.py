"""Write what this version leaves between two steps: `python -m tests.golden 0.1.0`, once for each release.

A second argument names another folder for the files.

Rows, checkpoints and messages of both pipelines, with ids taken out. Later versions must go on from them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from concept_worker.bootstrap import build_services
from concept_worker.celery import app
from concept_worker.devstack import Stack
from concept_worker.models import RunReference, TaskRow, TaskType
from concept_worker.pipelines.registry import PROCESSORS
from concept_worker.pipelines.services import Services
from concept_worker.services.image_persistence_service import BASE_NAME
from concept_worker.settings import Settings
from concept_worker.tasks.canvas import canvas_of
from concept_worker.validation import payload_from
from tests.chaos.database import fetch

BRIEF = {"logo_description": "a heron in reeds", "theme_description": "quiet lake", "num_palettes": 2}
WISH = {"refinement_prompt": "a calmer sky", "num_palettes": 2}


def main(version: str, parent: Path = Path(__file__).parent) -> None:
    folder = parent / version
    folder.mkdir(exist_ok=True)
    app.loader.import_default_modules()  # a canvas is made of registered tasks
    with tempfile.TemporaryDirectory() as data, Stack(Path(data)) as stack:
        services = build_services(_settings(stack))
        user = stack.create_user()
        original = _run(services, user, TaskType.GENERATION, BRIEF)
        refined = _run(services, user, TaskType.REFINEMENT, WISH | {"original_concept_id": str(original.result_id)})
        for row in (original, refined):
            names = {"task": row.id, "user": user, "concept": original.result_id}
            text = json.dumps(_left(stack, row), indent=1, sort_keys=True, default=str)
            for name, value in names.items():
                text = text.replace(str(value), f"<{name}>")
            (folder / f"{row.type}.json").write_text(text + "\n")
            picture = services.image_persistence_service.load_image(user_id=user, task_id=row.id, name=BASE_NAME)
            (folder / f"{row.type}.png").write_bytes(picture or b"")
        services.close()


def _settings(stack: Stack) -> Settings:
    return Settings(
        supabase_url=stack.environment["SUPABASE_URL"],
        supabase_secret_key=stack.environment["SUPABASE_SECRET_KEY"],
        redis_url=stack.environment["REDIS_URL"],
        staging_url=stack.environment["CONCEPT_STAGING_URL"],
        image_size=256,
    )


def _run(services: Services, user: UUID, kind: TaskType, inputs: dict[str, Any]) -> TaskRow:
    """A run in this process; its completed row."""
    processor = PROCESSORS[kind]
    payload = payload_from(processor.payload_model, inputs)
    row = services.task_service.create_task(user, kind, payload.model_dump(mode="json"))
    processor(row.id, user, payload, services).process()
    return services.task_service.get_task(row.id, user)


def _left(stack: Stack, row: TaskRow) -> dict[str, Any]:
    """The row's inputs, each checkpoint, and the messages of the run's canvas."""
    query = "select step, output::text as output from task_steps where task_id = $1 order by finished_at"
    done = {one["step"]: json.loads(one["output"]) for one in fetch(stack.environment["DATABASE_URL"], query, row.id)}
    kind = TaskType(row.type)
    order = [step.name for step in PROCESSORS[kind].pipeline.steps]
    run = RunReference(task_id=row.id, number=1, type=kind)
    return {
        "type": row.type,
        "inputs": row.inputs,
        "steps": [{"step": name, "output": done[name]} for name in order],
        "canvas": canvas_of(run),
    }


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))

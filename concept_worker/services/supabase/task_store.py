"""Task rows over PostgREST; the verbs of a run are SQL functions (supabase/schemas)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from supabase import Client

from concept_worker.errors import AbandonedRun, MisplacedStep, PoisonStep, StaleRun, StepHeld, StoreUnavailable
from concept_worker.models import BegunStep, FinishedStep, Receipt, RunReference, StepTries, TaskRow, TaskStatus
from concept_worker.services.supabase.client import translated
from concept_worker.validation import reading

_TABLE = "tasks"


class SupabaseTaskStore:
    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, row: Mapping[str, Any]) -> TaskRow:
        with translated():
            created = _first(self._client.table(_TABLE).insert(dict(row)).execute().data)
        if created is None:
            raise StoreUnavailable("the database's answer is empty")
        return created

    def get(self, task_id: UUID, user_id: UUID | None) -> TaskRow | None:
        query = self._client.table(_TABLE).select("*").eq("id", str(task_id))
        if user_id is not None:
            query = query.eq("user_id", str(user_id))
        with translated():
            return _first(query.limit(1).execute().data)

    def list(self, user_id: UUID, status: TaskStatus | None, limit: int) -> Sequence[TaskRow]:
        query = self._client.table(_TABLE).select("*").eq("user_id", str(user_id))
        if status is not None:
            query = query.eq("status", status.value)
        with translated():
            return _rows(query.order("created_at", desc=True).limit(limit).execute().data)

    def get_by_result(self, result_id: UUID, user_id: UUID) -> TaskRow | None:
        query = self._client.table(_TABLE).select("*").eq("result_id", str(result_id)).eq("user_id", str(user_id))
        with translated():
            return _first(query.limit(1).execute().data)

    def delete(self, task_id: UUID, user_id: UUID) -> bool:
        query = self._client.table(_TABLE).delete().eq("id", str(task_id)).eq("user_id", str(user_id))
        with translated():
            return bool(_rows(query.execute().data))

    def accept_inputs(self, task_id: UUID, user_id: UUID, inputs: Mapping[str, Any]) -> bool:
        query = (
            self._client.table(_TABLE)
            .update({"metadata": dict(inputs)})
            .eq("id", str(task_id))
            .eq("user_id", str(user_id))
            .eq("status", TaskStatus.PENDING.value)
        )
        with translated():
            return bool(query.execute().data)

    def claim(self, task_id: UUID, user_id: UUID | None, lease_seconds: float, max_runs: int) -> TaskRow | None:
        return _first(
            self._call(
                "claim_task",
                p_task_id=str(task_id),
                p_user_id=None if user_id is None else str(user_id),
                p_lease_seconds=lease_seconds,
                p_max_runs=max_runs,
            )
        )

    def begin_step(
        self,
        run: RunReference,
        step: str,
        owner: str,
        progress: int,
        lease_seconds: float,
        max_interruptions: int,
        needs: Sequence[str],
        takeover_seconds: float,
    ) -> BegunStep:
        answer = self._call(
            "begin_step",
            p_task_id=str(run.task_id),
            p_run=run.number,
            p_step=step,
            p_owner=owner,
            p_progress=progress,
            p_lease_seconds=lease_seconds,
            p_max_interruptions=max_interruptions,
            p_type=run.type.value,
            p_needs=list(needs),
            p_takeover_seconds=takeover_seconds,
        )
        match answer["outcome"]:
            case "stale":
                raise _stale_run_error(answer)
            case "early":
                raise MisplacedStep("the task has another type, or nothing for this step to work on yet")
            case "held":
                raise StepHeld("another worker is at this step", max(0.0, float(answer["seconds"])))
            case "poison":
                raise PoisonStep(f"the step was interrupted {answer['interruptions']} times and was given up")
            case outcome:
                output = answer["output"] if outcome == "done" else None
                with reading(f"the checkpoint of {step}"):
                    return BegunStep.model_validate({**answer, "output": output})

    def extend_step(self, run: RunReference, step: str, owner: str, lease_seconds: float) -> bool:
        return bool(
            self._call(
                "extend_step",
                p_task_id=str(run.task_id),
                p_run=run.number,
                p_step=step,
                p_owner=owner,
                p_lease_seconds=lease_seconds,
            )
        )

    def show_presence(self, process: str) -> None:
        self._call("show_presence", p_process=process)

    def end_lost_leases(self, process: str, silent_seconds: float) -> int | None:
        ended = self._call("end_lost_leases", p_process=process, p_silent_seconds=silent_seconds)
        return None if ended is None else int(ended)

    def finish_step(
        self, run: RunReference, step: str, output: Any, progress: int, lease_seconds: float
    ) -> FinishedStep:
        answer = self._call(
            "finish_step",
            p_task_id=str(run.task_id),
            p_run=run.number,
            p_step=step,
            p_output=output,
            p_progress=progress,
            p_lease_seconds=lease_seconds,
        )
        with reading(f"the checkpoint of {step}"):
            return FinishedStep.model_validate(answer)

    def wait_step(
        self,
        run: RunReference,
        step: str,
        owner: str,
        reason: str,
        *,
        is_attempt: bool,
        delay_seconds: float,
        lease_seconds: float,
        is_unknown: bool,
    ) -> StepTries:
        answer = self._call(
            "wait_step",
            p_task_id=str(run.task_id),
            p_run=run.number,
            p_step=step,
            p_owner=owner,
            p_reason=reason,
            p_is_attempt=is_attempt,
            p_delay_seconds=delay_seconds,
            p_lease_seconds=lease_seconds,
            p_is_unknown=is_unknown,
        )
        if not answer["current"]:
            raise _stale_run_error(answer)
        with reading(f"the checkpoint of {step}"):
            return StepTries.model_validate(answer)

    def keep_receipt(self, run: RunReference, step: str, owner: str, receipt: Receipt | None) -> bool:
        return bool(
            self._call(
                "keep_receipt",
                p_task_id=str(run.task_id),
                p_step=step,
                p_owner=owner,
                p_receipt=receipt and receipt.model_dump(mode="json"),
            )
        )

    def forget_steps(self, run: RunReference, steps: Sequence[str]) -> bool:
        return bool(self._call("forget_steps", p_task_id=str(run.task_id), p_run=run.number, p_steps=list(steps)))

    def transition(
        self,
        task_id: UUID,
        run: int | None,
        status: TaskStatus,
        *,
        result_id: UUID | None = None,
        error_message: str | None = None,
        lease_seconds: float,
    ) -> TaskRow | None:
        return _first(
            self._call(
                "transition_task",
                p_task_id=str(task_id),
                p_run=run,
                p_status=status.value,
                p_result_id=None if result_id is None else str(result_id),
                p_error_message=error_message,
                p_lease_seconds=lease_seconds,
            )
        )

    def stalled(self, pending_seconds: float, limit: int) -> Sequence[TaskRow]:
        return _rows(self._call("stalled_tasks", p_pending_seconds=pending_seconds, p_limit=limit))

    def resume(self, task_ids: Sequence[UUID], pending_seconds: float, max_runs: int) -> Sequence[TaskRow]:
        return _rows(
            self._call(
                "resume_tasks", p_task_ids=_ids(task_ids), p_pending_seconds=pending_seconds, p_max_runs=max_runs
            )
        )

    def resume_dead(self, pending_seconds: float, max_runs: int, limit: int) -> Sequence[TaskRow]:
        return _rows(
            self._call("resume_dead_tasks", p_pending_seconds=pending_seconds, p_max_runs=max_runs, p_limit=limit)
        )

    def hold(self, task_ids: Sequence[UUID], lease_seconds: float) -> int:
        return int(self._call("hold_tasks", p_task_ids=_ids(task_ids), p_lease_seconds=lease_seconds))

    def expire(self, deadline_seconds: float) -> int:
        return int(self._call("expire_tasks", p_deadline_seconds=deadline_seconds))

    def retry(self, task_id: UUID, user_id: UUID, steps: Sequence[str], new_id: UUID) -> TaskRow | None:
        return _first(
            self._call(
                "retry_task",
                p_task_id=str(task_id),
                p_user_id=str(user_id),
                p_steps=list(steps),
                p_new_id=str(new_id),
            )
        )

    def open_among(self, task_ids: Sequence[UUID]) -> set[UUID]:
        return {UUID(task_id) for task_id in self._call("open_tasks", p_task_ids=_ids(task_ids))}

    def _call(self, function: str, **arguments: Any) -> Any:
        with translated():
            return self._client.rpc(function, arguments).execute().data


def _ids(task_ids: Sequence[UUID]) -> builtins.list[str]:
    return [str(task_id) for task_id in task_ids]


def _rows(data: Any) -> Sequence[TaskRow]:
    if not isinstance(data, list):  # the client returns any body that a gateway sends with status 200
        raise StoreUnavailable("the answer is not the database's")
    with reading("the task row"):
        return [TaskRow.model_validate(row) for row in data]


def _first(data: Any) -> TaskRow | None:
    rows = _rows(data)
    return rows[0] if rows else None


def _stale_run_error(answer: Mapping[str, Any]) -> StaleRun:
    """Return the error that stops a step, by the task's status; a canceled or deleted task's run is abandoned."""
    if answer["status"] in (None, TaskStatus.CANCELED.value):
        abandoned = AbandonedRun("the task was canceled or deleted", answer["user_id"] or "")
        abandoned.receipt = answer.get("receipt")
        return abandoned
    return StaleRun("the run is over or was replaced")

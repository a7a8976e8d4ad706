"""Housekeeping by hand: the work that beat schedules, with counts and a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from concept_worker.bootstrap import build_services
from concept_worker.services.housekeeping_service import HousekeepingService, RetentionReport, SweepReport
from concept_worker.settings import get_settings

_HOUR = 3600.0
_DAY = 86_400.0


def run_sweep(hours: float | None, *, dry_run: bool) -> SweepReport:
    """Delete orphans older than `hours`, or than the setting where `hours` is None."""
    older = get_settings().sweep_after_seconds if hours is None else hours * _HOUR
    with _housekeeping() as housekeeping:
        return housekeeping.sweep(older, dry_run=dry_run)


def run_retention(days: float | None, *, dry_run: bool) -> RetentionReport:
    """Delete concepts older than `days`, or than the setting where `days` is None; 0 keeps all."""
    kept = get_settings().retention_days if days is None else days
    if kept == 0:
        return RetentionReport(concepts=0, objects=0)
    with _housekeeping() as housekeeping:
        return housekeeping.retain(kept * _DAY, dry_run=dry_run)


@contextmanager
def _housekeeping() -> Iterator[HousekeepingService]:
    services = build_services(get_settings())
    try:
        yield services.housekeeping_service
    finally:
        services.close()

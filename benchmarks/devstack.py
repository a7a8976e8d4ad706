"""Measures the embedded stack: time to ready, a select beside PostgREST's, many threads for a while.

python -m benchmarks.devstack [--seconds 30] [--threads 20]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import postgrest

from concept_worker.devstack import Stack
from tests.contract.exchange import Database
from tests.contract.oracle import NoOracle, running_oracle
from tests.contract.project import embedded_project, session

_ROUNDS, _SELECTS = 8, 150


def main() -> None:
    """Print one figure a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--threads", type=int, default=20)
    options = parser.parse_args()
    with _folder() as folder:
        for name in ("cold", "warm"):
            print(f"ready, {name}: {_ready(folder):.2f} s")
    with _folder() as folder, Stack(folder) as stack:
        _compare_selects(stack, folder)
        _load(stack, options.threads, options.seconds)


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="concept-worker-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _ready(folder: Path) -> float:
    began = time.perf_counter()
    with Stack(folder):
        return time.perf_counter() - began


def _compare_selects(stack: Stack, folder: Path) -> None:
    """The same select by primary key through supabase-py's PostgREST client, in turns, so that noise hits both."""
    user = stack.create_user()
    with session(embedded_project(stack)) as api:
        task = {"user_id": str(user), "type": "concept_generation"}
        row = api.rows(api.client.table("tasks").insert(task))[0]
    try:
        with running_oracle(stack, folder / "logs" / "postgrest.log") as url, httpx.Client() as http:
            layer = _select(stack.environment["SUPABASE_URL"] + "/rest/v1", stack, row["id"], http)
            theirs = _select(url, stack, row["id"], http)
            ours_ms, theirs_ms = _in_turns(layer, theirs)
    except NoOracle as reason:
        print(f"select: not compared, {reason}")
        return
    print(f"select by primary key: {ours_ms:.2f} ms, PostgREST {theirs_ms:.2f} ms, ratio {ours_ms / theirs_ms:.2f}")


def _select(url: str, stack: Stack, task: str, http: httpx.Client) -> Callable[[], Any]:
    key = stack.keys.service_role_jwt
    client = postgrest.SyncPostgrestClient(
        url, headers={"apikey": key, "Authorization": f"Bearer {key}"}, http_client=http
    )
    return lambda: client.table("tasks").select("*").eq("id", task).execute()


def _in_turns(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float]:
    """Median milliseconds of one call of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for call, found in zip((first, second), times, strict=True):
            for _ in range(_SELECTS):
                began = time.perf_counter()
                call()
                found.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[0]), statistics.median(times[1])


def _load(stack: Stack, threads: int, seconds: float) -> None:
    """Reads and writes from many threads at once; every error and every connection that stays is counted."""
    database = Database(stack)
    sessions = "select count(*) from pg_stat_activity where usename = 'authenticator'"
    stuck = "select count(*) from pg_stat_activity where usename = 'authenticator' and state <> 'idle'"
    done, errors, lock, until = 0, 0, threading.Lock(), time.monotonic() + seconds

    def work(_: int) -> None:
        nonlocal done, errors
        with session(embedded_project(stack)) as api:
            user = str(api.new_user())
            while time.monotonic() < until:
                try:
                    _one_round(api, user)
                except (postgrest.APIError, httpx.HTTPError):
                    with lock:
                        errors += 1
                with lock:
                    done += 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    print(
        f"{threads} threads, {seconds:.0f} s: {4 * done} requests ({4 * done / seconds:.0f}/s), {errors} errors, "
        f"{database.run(sessions)} database connections, {database.run(stuck)} of them stuck"
    )
    database.close()


def _one_round(api: Any, user: str) -> None:
    table = api.client.table("tasks")
    row = api.rows(table.insert({"user_id": user, "type": "concept_generation"}))[0]
    api.rows(table.select("*").eq("id", row["id"]))
    api.rows(table.update({"stage": "x"}).eq("id", row["id"]))
    api.client.storage.from_("concept-images").upload(
        f"{user}/{row['id']}.png", b"x" * 10_000, {"content-type": "image/png", "upsert": "true"}
    )


if __name__ == "__main__":
    main()

"""Databases beside the stack's own, on its server: with what a hosted project has, and these files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import asyncpg

from concept_worker.devstack import schema as devstack_schema
from tests.chaos.database import fetch

SUPABASE = Path(__file__).resolve().parents[1] / "supabase"


def schemas() -> list[Path]:
    """The files that say what is, in the order in which the Supabase CLI reads them."""
    return sorted((SUPABASE / "schemas").glob("*.sql"))


def make_database(owner: str, files: Iterable[Path], change: tuple[str, str] = ("", "")) -> str:
    """Make a database and return its address; in the files one text stands in the place of another."""
    url = copy_database(owner, "template0")
    hosted = (Path(devstack_schema.__file__).parent / "bootstrap.sql").read_text()
    run_script(url, re.sub(r"(?m)^create role .*;$", "", hosted))  # roles are the whole server's
    for file in files:
        run_script(url, file.read_text().replace(*change) if change[0] else file.read_text())
    return url


def copy_database(owner: str, template: str) -> str:
    """Make a database like another one, to which nobody is connected, and return its address."""
    name = f"made_{uuid4().hex[:8]}"
    fetch(owner, f"create database {name} template {template}")
    return owner.rpartition("/")[0] + f"/{name}"


def drop_database(owner: str, url: str) -> None:
    """Drop a database, whoever is connected."""
    fetch(owner, f"drop database {name_of(url)} with (force)")


def name_of(url: str) -> str:
    """The name of the database at an address."""
    return url.rpartition("/")[2]


def run_script(url: str, text: str) -> None:
    """Run the statements of one file, as one transaction."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await connection.execute(text)
        finally:
            await connection.close()

    asyncio.run(run())

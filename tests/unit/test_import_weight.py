"""What a producer and `--help` must not pay for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "PIL", "supabase")


@pytest.mark.parametrize(
    "statement",
    [
        "import concept_worker",
        "from concept_worker import ConceptClient",
        "import concept_worker.celery",
        "import concept_worker.cli",
    ],
)
def test_front_doors_are_light(statement: str) -> None:
    """None of the heavy libraries is loaded by importing a front door."""
    check = f"{statement}; import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_producer_that_enqueues_loads_no_pixels() -> None:
    """The Supabase client comes with the first row; numpy and Pillow never."""
    check = (
        "from concept_worker.client import ConceptClient\n"
        "from concept_worker.settings import Settings\n"
        "settings = Settings(supabase_url='http://127.0.0.1:9', supabase_secret_key='sb_secret_x')\n"
        "client = ConceptClient.from_settings(settings)\n"
        "client._records\n"
        "import sys; print([name for name in ('numpy', 'PIL') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"

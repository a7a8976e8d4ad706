"""`python -Pm concept_worker.celery_program …`: `celery -A concept_worker …` without the working directory's modules.

Celery's own command line imports from the working directory first; here the app is loaded before Celery searches.
"""

from __future__ import annotations

import sys

from concept_worker.import_path import leave_working_directory


def main() -> None:
    """Run Celery's command line for our app."""
    leave_working_directory()
    from celery.bin.celery import main as run

    import concept_worker.celery  # noqa: F401  so that Celery finds this one

    sys.argv[1:1] = ["-A", "concept_worker"]
    sys.exit(run())


if __name__ == "__main__":
    main()

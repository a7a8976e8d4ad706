"""`python -m concept_worker` is `concept-worker`."""

from __future__ import annotations

from concept_worker.import_path import leave_working_directory


def run() -> None:
    """Run the command line; its imports come after the working directory has left the path."""
    leave_working_directory()
    from concept_worker.cli import main

    main()


if __name__ == "__main__":
    run()

"""The import path without the working directory, which another user may write. Standard library only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_HOME = Path(__file__).resolve().parent.parent  # the folder that holds this package


def leave_working_directory() -> None:
    """Remove the working directory from the import path, unless this package lies in it.

    Python adds it for `python -m`, and Celery's command line while it searches the app: another user's `redis.py` in
    that directory would run in the worker.
    """
    here = os.path.realpath(os.getcwd())
    if here != str(_HOME):
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here]


def children_path() -> str:
    """Return PYTHONPATH for our child processes: this package where it is not installed, and the absolute entries."""
    own = [] if _HOME.name in ("site-packages", "dist-packages") else [str(_HOME)]
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([*own, *(entry for entry in named if os.path.isabs(entry))])

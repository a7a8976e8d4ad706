"""Where modules are imported from: never the working directory, which may be anybody's. Standard library only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_HOME = Path(__file__).resolve().parent.parent  # the folder that holds this package


def leave_working_directory() -> None:
    """Take the working directory off the import path, unless this package lies in it.

    Python puts it there for `python -m`, and Celery's command line while it looks for the app: a `redis.py` of anybody
    who may write there would run in the worker.
    """
    here = os.path.realpath(os.getcwd())
    if here != str(_HOME):
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here]


def children_path() -> str:
    """PYTHONPATH of our own processes: the package where it is not installed, and what was there by its full name."""
    own = [] if _HOME.name in ("site-packages", "dist-packages") else [str(_HOME)]
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([*own, *(entry for entry in named if os.path.isabs(entry))])

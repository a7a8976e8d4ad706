"""The start of the decoder's process: run by its path, in an interpreter that knows only the standard library.

Its arguments are the folders of this package, of Pillow and of resvg, then those of `child.main`. It imports each
by its path: Python searches no other folder, neither the current one nor site-packages nor one of the environment.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location

PACKAGES = ("concept_worker", "PIL", "resvg_py")


def place(name: str, folder: str) -> None:
    """Import the package of that name from that folder."""
    spec = spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def place_packages() -> None:
    """Import both packages from the folders that the first arguments name."""
    for name, folder in zip(PACKAGES, sys.argv[1:], strict=False):
        place(name, folder)


if __name__ == "__main__":
    place_packages()
    from concept_worker.services.decoding.child import main

    main(sys.argv[1 + len(PACKAGES) :])

"""The decoder's process as it is when some pictures kill it; started as `child_start` is, of the same packages."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

KILLS_DECODER = b"this picture kills its decoder"  # poison.py


def main() -> None:
    """The process."""
    folder = sys.argv[1]
    spec = spec_from_file_location("start", f"{folder}/services/decoding/child_start.py")
    assert spec is not None
    assert spec.loader is not None
    start = module_from_spec(spec)
    spec.loader.exec_module(start)
    start.place_packages()
    decoder: Any = import_module("concept_worker.services.decoding.child")
    to_clean_png = decoder.to_clean_png

    def decoding(data: bytes, *limits: Any) -> Any:
        if KILLS_DECODER in data:
            raise SystemExit(9)
        return to_clean_png(data, *limits)

    decoder.to_clean_png = decoding
    decoder.main(sys.argv[1 + len(start.PACKAGES) :])


if __name__ == "__main__":
    main()

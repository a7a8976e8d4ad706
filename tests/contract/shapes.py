"""The committed table of request shapes: what this project asks of Supabase, and so what the layer promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("shapes.json")
Shape = dict[str, Any]


def known() -> list[Shape]:
    """Every shape of the table."""
    return list(json.loads(TABLE.read_text())) if TABLE.exists() else []


def unknown_in(recorded: Path) -> list[Shape]:
    """The recorded shapes that the table does not have."""
    if not recorded.exists():
        return []
    table = known()
    found = {line: json.loads(line) for line in recorded.read_text().splitlines()}
    return [shape for shape in found.values() if shape not in table]


def add(fresh: list[Shape]) -> None:
    """Write the table anew, with these shapes in it."""
    lines = sorted(json.dumps(shape, sort_keys=True) for shape in known() + fresh)
    TABLE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def title(shape: Shape) -> str:
    """A shape as one readable line."""
    query = "&".join(f"{name}={value}" for name, value in shape["query"])
    parts = [shape["method"], shape["path"] + (f"?{query}" if query else "")]
    parts += [f"{name}:{value}" for name, value in shape["headers"].items()]
    parts += [f"{kind}({','.join(keys)})" for kind, keys in shape["body"].items() if isinstance(keys, list)]
    return " ".join(parts)

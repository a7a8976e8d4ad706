"""Every recorded shape, with generated values: both servers answer the same."""

from __future__ import annotations

import json
import random
import re
from typing import Any
from urllib.parse import quote

import pytest

from concept_worker.devstack.layer.catalog import Catalog
from tests.contract import shapes
from tests.contract.exchange import ALICE, ANON, BOB, SERVICE, USER, Bench, Request, concept_id, task_id

pytestmark = pytest.mark.oracle
ROUNDS = 12  # requests of each shape
REST_SHAPES = [
    shape
    for shape in shapes.known()
    if shape["path"].startswith("/rest/v1/")
    # A change of a whole table is a declared deviation; test_corners.py holds it.
    and (shape["query"] or shape["method"] not in ("PATCH", "DELETE"))
]
_IDS = [str(ALICE), str(BOB), *map(task_id, range(8)), concept_id(2), concept_id(5), "not-a-uuid"]
_WORDS = ["pending", "processing", "completed", "failed", "canceled", "concept_generation", "generate_palettes"]
_TEXTS = [*_WORDS, "", "a,b", 'q"uo\\te', "ünï ☂", "(x)", "null", "O'Hara; --", "%s {}", "store_base_image"]
_DOCUMENTS: list[Any] = [{}, {"k": 1}, {"a": [1, None, {"b": "é"}]}, [], "word", 1.5, None, True]
_TIMES = ["2001-01-01T00:00:00Z", "2001-03-01", "2001-02-01T00:00:00.121+00:00", "no time"]
_POOLS: dict[str, list[Any]] = {
    "uuid": _IDS,
    "text": _TEXTS,
    "jsonb": _DOCUMENTS,
    "timestamp with time zone": _TIMES,
    "smallint": [0, 1, 2, 10, 50, 100, 101, -1],
    "integer": [0, 1, 2, 3, 5, 2**31],
    "double precision": [0, 30, 0.5, -5, 3600],
    "boolean": [True, False],
}


def _pool(type_name: str) -> list[Any]:
    """Values of a type; of an array, a few lists of them; of a type not seen before, texts."""
    if type_name.endswith("[]"):
        members = _pool(type_name.removesuffix("[]"))
        return [members[:2], members[2:3], [], "{x}"]
    return _POOLS.get(type_name, _TEXTS)


class Values:
    """Random values of the right type, most of them plausible."""

    def __init__(self, seed: int, catalog: Catalog) -> None:
        self._random, self._catalog = random.Random(seed), catalog

    def request(self, shape: shapes.Shape) -> Request:
        """A request of this shape."""
        path = shape["path"].removeprefix("/rest/v1")
        types = self._types(path)
        query = "&".join(f"{name}={quote(self._term(name, text, types), safe=',()')}" for name, text in shape["query"])
        roles = [SERVICE, SERVICE, SERVICE, USER, ANON]
        return Request(
            shape["method"],
            f"{path}?{query}" if query else path,
            self._body(shape["body"], types),
            shape["headers"],
            self._random.choice(roles),
        )

    def _types(self, path: str) -> dict[str, str]:
        name = path.rpartition("/")[2]
        if path.startswith("/rpc/"):
            return next((f.parameters for f in self._catalog.functions if f.name == name), {})
        table = self._catalog.tables.get(name)
        return {column: c.type for column, c in table.columns.items()} if table else {}

    def _term(self, name: str, text: str, types: dict[str, str]) -> str:
        if name in ("select", "order", "columns", "on_conflict"):
            return text
        if name in ("limit", "offset"):
            return str(self._random.randint(0, 4))
        if name.removeprefix("not.") in ("or", "and"):
            return re.sub(r"(\w+)\.([a-z]+)", lambda m: f"{m[0]}.{self._plain(types.get(m[1], 'text'))}", text)
        return f"{text}.{self._operand(text.removeprefix('not.'), types.get(name, 'text'))}"

    def _plain(self, type_name: str) -> str:
        return str(self._random.choice([v for v in _pool(type_name) if not set(str(v)) & set(",()")]))

    def _operand(self, operator: str, type_name: str) -> str:
        if operator == "is":
            return self._random.choice(["null", "true"] if type_name == "boolean" else ["null"])
        if operator == "in":
            chosen = self._random.sample(_pool(type_name), 3)
            return "(" + ",".join(json.dumps(str(value), ensure_ascii=False) for value in chosen) + ")"
        value = self._random.choice(_pool(type_name))
        return value if isinstance(value, str) else json.dumps(value)

    def _body(self, keys: dict[str, Any], types: dict[str, str]) -> str | None:
        if "object" in keys:
            return json.dumps({key: self._field(key, types.get(key, "text")) for key in keys["object"]})
        if "array" in keys:
            return json.dumps([{k: self._field(k, types.get(k, "text")) for k in keys["array"]} for _ in range(2)])
        return None

    def _field(self, key: str, type_name: str) -> Any:
        if key in ("user_id", "p_user_id"):
            return str(self._random.choice([ALICE, BOB]))
        if key in ("id", "p_task_id"):
            return task_id(self._random.choice([0, 0, 1, 1, 2, 3, 6, 77]))
        if key == "p_concept":
            return {"logo_description": "a", "theme_description": "b", "image_path": self._random.choice(["p", None])}
        if key == "p_variations":
            count = self._random.randint(0, 3)
            variation = {"palette_name": "x", "palette_source": "local", "colors": [], "image_path": "y"}
            return [variation | {"position": self._random.randint(1, 3)} for _ in range(count)]
        if key in ("type", "status", "p_status"):
            return self._random.choice(["concept_generation"] if key == "type" else _WORDS[:6])
        return self._random.choice(_pool(type_name) if type_name == "jsonb" else [*_pool(type_name), None])


@pytest.mark.parametrize("shape", REST_SHAPES, ids=shapes.title)
def test_recorded_shape(bench: Bench, shape: shapes.Shape) -> None:
    """A request of this shape gets the same status, headers and JSON from both, and leaves the same rows."""
    for seed in range(ROUNDS):
        request = Values(seed, bench.database.catalog).request(shape)
        assert not (found := bench.compare(request)), f"{request}: {found}"

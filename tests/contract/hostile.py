"""Requests of those who mean harm: PostgREST's grammar with hostile words in every place, and noise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

TABLES = ["tasks", "concepts", "color_variations", "task_steps"]
COLUMNS = ["id", "user_id", "status", "stage", "progress", "metadata", "created_at", "colors", "concept_id"]
FUNCTIONS = ["claim_task", "transition_task", "open_tasks", "store_concept", "expire_tasks", "guard_task_update"]
_BECOME = "set_config('role','service_role',true)"
_WORDS = [
    '"', "'",
    "--", "--1", "-1", "\n", "\0", "\\", "::", "->", "->>", "(", ")", ",", ".", ":", ";", "/*", "*/", "*", "$1",
    "$q$", 'U&"', "E'", "²", "٣", "\u212a", "\u202e", "%", "||",
    " ", "null", "is.null", "eq.", "not.", "in.(", "or(", "asc",
    "count", "row_to_json", "ctid", "tableoid", "text", "regclass", "setof", "pgrst_source", "pgrst_body", "public",
    _BECOME, f"') as x from public.tasks) select 1::bigint, null::bigint, ({_BECOME})::text -- ", "storage.objects",
]  # fmt: skip
_OPERATORS = ["eq", "neq", "gt", "like", "ilike", "match", "is", "in", "cs", "cd", "ov", "sl", "isdistinct", "fts", "x"]
_CASTS = ["text", "int", "TEXT", "setof text", "text collate c", "x y", "record", "timestamp with time zone", "_text"]

_noise = st.lists(st.sampled_from([*_WORDS, *COLUMNS]) | st.text(max_size=3), max_size=6).map("".join)
_digits = st.from_regex(r"-{0,3}[0-9²٣]{1,2}", fullmatch=True)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# One hostile word in a request that is well made otherwise goes further than many.
_key = st.one_of(st.just("a"), _digits, _digits.map(_quoted), _digits.map(_quoted), _noise.map(_quoted), _noise)
_column = st.one_of(st.sampled_from(COLUMNS), st.sampled_from(COLUMNS), st.sampled_from(COLUMNS), _noise.map(_quoted))


@st.composite
def _field(draw: st.DrawFn) -> str:
    """A column, often JSON, and a way into it."""
    steps = draw(st.lists(st.tuples(st.sampled_from(["->", "->>"]), _key), max_size=2))
    column = draw(st.sampled_from(["metadata", "id"])) if steps else draw(_column)
    return column + "".join(arrow + key for arrow, key in steps)


_cast = st.sampled_from(_CASTS) | _noise


@st.composite
def _item(draw: st.DrawFn) -> str:
    alias = draw(st.one_of(st.just(""), st.just("x:"), st.just(""), _column.map("{}:".format)))
    cast = draw(st.one_of(st.just(""), st.just("::text"), st.just(""), _cast.map("::{}".format)))
    return alias + draw(_field()) + cast


_value = st.sampled_from(["null", "unKnown", "un\u212anown", "(a,b)", "{a}", "1", '{"a":1}']) | _noise
_operation = st.tuples(st.sampled_from(["", "not."]), st.sampled_from(_OPERATORS), _value).map(
    lambda parts: f"{parts[0]}{parts[1]}.{parts[2]}"
)
_member = st.tuples(_field(), _operation).map(".".join)
_tree = st.recursive(
    _member,
    lambda inner: st.tuples(st.sampled_from(["or", "and", "not.or"]), st.lists(inner, max_size=3)).map(
        lambda parts: f"{parts[0]}({','.join(parts[1])})"
    ),
    max_leaves=4,
)
_ordering = st.tuples(_field(), st.sampled_from(["", ".asc", ".desc.nullslast", ".nullsfirst"]) | _noise).map("".join)
_listed = st.lists(_column, max_size=3).map(",".join)
_parameter = st.one_of(
    st.tuples(st.just("select"), st.lists(_item(), min_size=1, max_size=2).map(",".join)),
    st.tuples(st.just("order"), st.lists(_ordering, min_size=1, max_size=2).map(",".join)),
    st.tuples(st.sampled_from(["columns", "on_conflict"]), _listed),
    st.tuples(st.sampled_from(["limit", "offset"]), _digits | _noise),
    st.tuples(_field(), _operation),
    st.tuples(st.sampled_from(["or", "and", "not.or"]), st.lists(_tree, max_size=2).map(lambda m: f"({','.join(m)})")),
    st.tuples(_noise, _noise),
)
_HEADERS: dict[str, list[str]] = {
    "Prefer": [
        "return=representation", "return=minimal", "count=exact", "resolution=merge-duplicates", "missing=default",
        "resolution=merge-duplicates,return=representation", "resolution='; set role service_role; --", "tx=commit",
    ],
    "Accept": ["application/json", "application/vnd.pgrst.object+json", "*/*", "text/csv; x='\"--"],
    "Accept-Profile": ["public", "auth", "storage", "pg_catalog", '"; --'],
    "Content-Profile": ["public", "auth", "storage"],
    "Range": ["0-1", "0-1; drop table tasks", "--1"],
    "X-Upsert": ["true", "'"],
}  # fmt: skip
_headers: st.SearchStrategy[dict[str, str]] = st.just({}) | st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in _HEADERS.items()}
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | _noise,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_key, inner, max_size=3),
    max_leaves=6,
)
_body = st.none() | st.dictionaries(_column, _json, max_size=3).map(json.dumps) | _json.map(json.dumps) | _noise
_path = st.one_of(
    st.just("/rest/v1/tasks"),
    st.just("/rest/v1/tasks"),
    st.sampled_from([f"/rest/v1/{name}" for name in TABLES]),
    st.sampled_from([f"/rest/v1/rpc/{name}" for name in FUNCTIONS]),
)


@dataclass(frozen=True)
class Hostile:
    """One request, and the words of its sender."""

    method: str
    path: str
    parameters: list[tuple[str, str]]
    headers: dict[str, str]
    body: str | None

    def arguments(self) -> dict[str, Any]:
        """The request as httpx takes it."""
        content = None if self.body is None else self.body.encode("utf-8", "surrogatepass")
        # Text that UTF-8 cannot carry cannot be sent in a query either.
        pairs = [tuple(part.encode("utf-8", "replace").decode() for part in pair) for pair in self.parameters]
        return {"method": self.method, "url": self.path, "params": pairs, "content": content, "headers": self.headers}


requests = st.builds(
    Hostile,
    method=st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PATCH", "DELETE"]),
    path=_path,
    parameters=st.lists(_parameter, min_size=1, max_size=1) | st.lists(_parameter, min_size=2, max_size=3),
    headers=_headers,
    body=_body,
)

storage_names = st.lists(
    st.sampled_from([*_WORDS, "..", "/", "a", "%2e", "é", "e\u0301"]) | st.text(max_size=2), max_size=6
)
storage_bodies = st.dictionaries(
    st.sampled_from(["prefix", "search", "limit", "offset", "sortBy", "prefixes", "paths", "expiresIn", "bucketId",
                     "sourceKey", "destinationKey", "destinationBucket", "id", "name", "email", "file_size_limit"]),
    _json | st.fixed_dictionaries({"column": _noise | st.just("name"), "order": _noise | st.just("asc")}),
    max_size=4,
)  # fmt: skip

in_one_place = st.one_of(
    st.tuples(st.just("select"), _item()),
    st.tuples(st.just("order"), _field()),
    st.tuples(_field(), st.just("is.null")),
    st.tuples(st.just("or"), _field().map("({}.is.null)".format)),
)

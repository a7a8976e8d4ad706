"""The types that a `select` may cast to: a closed list, so that no text of a request becomes the name of a type."""

from __future__ import annotations

from concept_worker.devstack.layer.errors import RestError

# PostgreSQL's own name of a type, and the type's other names in SQL.
_NAMES: dict[str, tuple[str, ...]] = {
    "text": (), "character varying": ("varchar", "char varying"), "character": ("char",), "bpchar": (), "name": (),
    "uuid": (), "boolean": ("bool",), "smallint": ("int2",), "integer": ("int", "int4"), "bigint": ("int8",),
    "numeric": ("decimal", "dec"), "real": ("float4",), "double precision": ("float8", "float"), "money": (),
    "json": (), "jsonb": (), "date": (), "interval": (), "time": ("time without time zone",),
    "time with time zone": ("timetz",), "timestamp": ("timestamp without time zone",),
    "timestamp with time zone": ("timestamptz",), "bytea": (), "bit": (), "bit varying": ("varbit",), "inet": (),
    "cidr": (), "oid": (), "xml": (),
}  # fmt: skip
_SCALARS = {name: own for own, others in _NAMES.items() for name in (own, *others)}
_ARRAYS = {f"_{name}": f"{own}[]" for name, own in _SCALARS.items() if " " not in name}
_CASTS = _SCALARS | _ARRAYS


def type_called(name: str) -> str:
    """Return the type as SQL.

    Raises:
        RestError: 42704 for a name that is not in the list.
    """
    if name not in _CASTS:
        raise RestError(400, "42704", f'type "{name}" does not exist')
    return _CASTS[name]

"""The `Prefer` header."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from concept_worker.devstack.layer.errors import unsupported

_SPOKEN = {
    "return=minimal", "return=representation", "count=exact", "missing=default", "missing=null",
    "resolution=merge-duplicates", "resolution=ignore-duplicates", "handling=lenient",
}  # fmt: skip


@dataclass(frozen=True)
class Preferences:
    """The client's preferences, as far as the layer supports them."""

    tokens: tuple[str, ...]

    @classmethod
    def of(cls, request: Request) -> Preferences:
        """Read the preferences of a request; refuse one that the layer does not support."""
        given = [t.strip() for header in request.headers.getlist("prefer") for t in header.split(",")]
        for token in filter(None, given):
            if token not in _SPOKEN:
                raise unsupported(f"the preference {token}")
        if request.headers.get("range"):
            raise unsupported("the header Range (use limit and offset)")
        return cls(tuple(given))

    @property
    def representation(self) -> bool:
        """True when a change returns its rows."""
        return "return=representation" in self.tokens

    @property
    def count(self) -> bool:
        """True when all rows are counted."""
        return "count=exact" in self.tokens

    @property
    def resolution(self) -> str:
        """The action of an insert on existing rows: `merge`, `ignore`, or ""."""
        found = [t for t in self.tokens if t.startswith("resolution=")]
        return found[0].removeprefix("resolution=").removesuffix("-duplicates") if found else ""

    @property
    def missing_default(self) -> bool:
        """True when a missing key takes the column's default instead of null."""
        return "missing=default" in self.tokens

    def applied(self, *kinds: str) -> dict[str, str]:
        """Return the header that names the honoured preferences of these kinds, in PostgREST's order."""
        found = [token for kind in kinds for token in self.tokens if token.startswith(f"{kind}=")]
        return {"Preference-Applied": ", ".join(found)} if found else {}

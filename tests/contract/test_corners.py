"""The edges of the recorded shapes: same status, same error code, same rows, or a declared deviation."""

from __future__ import annotations

import pytest

from tests.contract import deviations
from tests.contract.corners import Corner, corners
from tests.contract.exchange import Bench

pytestmark = pytest.mark.oracle
CORNERS = corners()
_REFUSALS = ("EMB501", "21000", "22021", "42703", "42704", "PGRST100", "PGRST102")


@pytest.mark.parametrize("corner", [c for c in CORNERS if c.deviation is None], ids=str)
def test_same_at_the_edge(bench: Bench, corner: Corner) -> None:
    """Both servers answer the same."""
    assert not (found := bench.compare(corner.request)), f"{corner.request}: {found}"


@pytest.mark.parametrize("corner", [c for c in CORNERS if c.deviation is not None], ids=str)
def test_declared_deviation(bench: Bench, corner: Corner) -> None:
    """The servers differ, the documentation says so, and the layer refuses instead of guessing."""
    assert corner.deviation in deviations.declared()
    assert bench.compare(corner.request)
    assert bench.ask(bench.layer, corner.request).code in _REFUSALS


def test_every_declared_deviation_is_shown() -> None:
    """The table holds nothing that no request shows any more."""
    assert deviations.declared() == {corner.deviation for corner in CORNERS if corner.deviation}

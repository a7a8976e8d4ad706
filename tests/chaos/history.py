"""What clients were told, call by call, against the rows that there are at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.chaos.violation import Violation


class Told(StrEnum):
    """How a call for a new task ended for its client."""

    ROW = "row"  # the row's id was returned
    NOTHING = "nothing"  # an error that says that nothing was changed
    FAILED = "failed"  # the broker did not take the message: there is a row, and it failed
    UNKNOWN = "unknown"  # every answer was lost


@dataclass(frozen=True)
class ClientCall:
    """One call: the word in its texts, when it began and ended, and what its client was told."""

    word: str
    begun: float
    ended: float
    told: Told
    task: str = ""  # the row's id, or the one to ask again with


def histories(
    calls: Iterable[ClientCall], tasks: Mapping[str, Mapping[str, Any]], deleted: frozenset[str]
) -> Iterable[Violation]:
    """Yield a violation for each word whose rows are not what its client was told."""
    of_word: dict[str, set[str]] = {}
    for task, row in tasks.items():
        found = re.search(r"\b[KW]\d{4}\b", row["metadata"])
        of_word.setdefault(found.group() if found else "", set()).add(task)
    told: dict[str, list[ClientCall]] = {}
    for call in calls:
        told.setdefault(call.word, []).append(call)
    for word, said in told.items():
        rows, named = of_word.get(word, set()), {call.task for call in said if call.told is Told.ROW}
        ids = named | {call.task for call in said if call.told is Told.UNKNOWN}
        if len(rows) > 1 or len(named) > 1:
            yield Violation(7, word, f"one request made {len(rows)} rows, its client was told of {len(named)}")
        elif named - rows - deleted:
            yield Violation(7, word, "its client was told of a row that is not there")
        elif rows and not ids and all(call.told is Told.NOTHING for call in said):
            yield Violation(7, word, "its client was told that nothing was changed, and there is a row")
        elif ids and rows - ids:
            yield Violation(7, word, "the row has another id than its client was told")

"""`docs/provider-answers.md`, made from the table of answers: `python -m tests.contract.providers.answers_page`."""

from __future__ import annotations

import json
from pathlib import Path

from concept_worker.services.http import troubles
from concept_worker.services.http.blame import Blame
from tests.contract.providers.answers import ANSWERS, Answer

PAGE = "docs/provider-answers.md"

_HEAD = """# What providers answer, and what we make of it

Made from `tests/contract/providers/answers.py`, which the tests run against the adapter over HTTP. Each of these calls
is made once and paid for by nobody; a lost answer of a gateway (502, 504, 520, 524) may have been charged, and is asked
again once at most (`CONCEPT_UNKNOWN_OUTCOME_TRIES`).

| blame | the user reads | the operator's log says | tried again |
|---|---|---|---|
"""
_USER = {
    Blame.CONTENT: troubles.CONTENT,
    Blame.REQUEST: troubles.REQUEST,
    Blame.PARAMETER: troubles.PARAMETER,
    Blame.KEY: troubles.ACCESS,
    Blame.ORGANIZATION: troubles.ORGANIZATION,
    Blame.CREDIT: troubles.ACCOUNT,
    Blame.ADDRESS: troubles.GONE,
    Blame.LIMIT: troubles.BUSY,
    Blame.OUTAGE: troubles.AWAY,
}
_TABLE = """
| vendor | status | body | headers | blame | wait | known from |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    passing = (Blame.LIMIT, Blame.OUTAGE)
    blames = [
        f"| {blame} | {_USER[blame]} | {troubles.ADVICE[blame]} | {'yes' if blame in passing else 'no'} |\n"
        for blame in Blame
    ]
    return "".join([_HEAD, *blames, _TABLE, *map(_row, ANSWERS)])


def _row(answer: Answer) -> str:
    body = "a page" if answer.body is None else f"`{json.dumps(answer.body, ensure_ascii=False)}`"
    headers = " ".join(f"`{name}: {value}`" for name, value in answer.headers.items())
    wait = f"{answer.wait:g} s" if answer.wait else ""
    cells = (answer.vendor, answer.status, body.replace("|", "\\|"), headers, answer.blame, wait, answer.source)
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


if __name__ == "__main__":
    Path(PAGE).write_text(page())

"""The parts of foreign texts that may appear in log lines, messages and errors: short ids, numbers, places, kinds."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TypeVar

from concept_worker.errors import ConceptWorkerError

MASK = "***"
ID_MAX = 64  # characters of a provider's id
_CHAIN_MAX = 8  # described errors of one chain
_FRAMES_MAX = 12  # the innermost frames of each error
_SENTENCE_MAX = 300  # characters of one of our own errors' sentences
_SENT_MAX = 100_000  # searched bytes of a request; a picture comes after the words
_COUNT_MAX = 10**12

E = TypeVar("E", bound=ConceptWorkerError)

_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.:-]{{0,{ID_MAX - 1}}}")
_PORT = re.compile(r"[0-9]{1,5}")


def mask_url(url: str) -> str:
    """Return scheme, host, port and path of an address, without user, password, query and fragment.

    Everything before the last `@` counts as user and password, even with a `/` in it, which would mislead a parser. If
    the `@` comes after `?` or `#`, those may belong to a password or begin a query: then only the scheme is left.
    """
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    place, *hidden = re.split(r"[?#]", rest, maxsplit=1)
    if hidden and "@" in hidden[0]:
        return f"{scheme}{mark}{MASK}"
    _, at, place = place.rpartition("@")
    host, slash, path = place.partition("/")
    name, colon, port = host.rpartition(":")
    if colon and not _PORT.fullmatch(port) and not host.endswith("]"):
        host = f"{name}:{MASK}"  # a password whose host is missing
    return f"{scheme}{mark}{MASK if at else ''}{at}{host}{slash}{path}"


def short_id(value: object, sent: Iterable[bytes] = ()) -> str | None:
    """Return a provider's id if it is short, of plain characters, and no echo of the `sent` bytes; else None."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ID.fullmatch(text):
        return None
    word = text.lower().encode()
    return None if any(word in part[:_SENT_MAX].lower() for part in sent) else text


def counts_of(value: object, names: Iterable[str]) -> dict[str, float]:
    """Return the plausible numbers (0 to 10^12) that a mapping has under these names."""
    found = value if isinstance(value, Mapping) else {}
    return {name: found[name] for name in names if _is_count(found.get(name))}


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX


def describe_error(error: BaseException) -> str:
    """Describe an error and its causes, first cause first: kinds and places, with sentences of our own errors only.

    The text of foreign errors may hold prompts, keys, ids and addresses with passwords.
    """
    return "\n".join(line for link in reversed(list(_chain(error))) for line in _describe_one(link))


def without_text(error: E, cause: BaseException) -> E:
    """Return the error with a note of its cause's kinds and places; raise it `from None`, without the cause itself."""
    error.add_note(f"caused by {describe_error(cause)}")
    return error


def kind_of(error: BaseException) -> str:
    """Return an error's class, and its errno if there is one, without its text."""
    name = type(error).__qualname__
    kind = name if type(error).__module__ == "builtins" else f"{type(error).__module__}.{name}"
    number = getattr(error, "errno", None)
    return f"{kind} [{errno.errorcode.get(number, number)}]" if isinstance(number, int) else kind


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen and len(seen) < _CHAIN_MAX:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _describe_one(error: BaseException) -> Iterator[str]:
    sentence = f": {str(error)[:_SENTENCE_MAX]}" if isinstance(error, ConceptWorkerError) else ""
    yield f"{kind_of(error)}{sentence}"
    if isinstance(error, ConceptWorkerError):
        yield from getattr(error, "__notes__", ())
    yield from _places(error.__traceback__)


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame in traceback.StackSummary.extract(traceback.walk_tb(trace), lookup_lines=False)[-_FRAMES_MAX:]:
        yield f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"


def _short(path: str) -> str:
    """Return a file's path inside its package."""
    _, found, inside = path.rpartition("site-packages/")
    return inside if found else "/".join(path.split("/")[-3:])

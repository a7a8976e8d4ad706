"""The processes of a deployment, read from its Procfile: `dev`, `demo` and the storm run what production runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from concept_worker.cli.starter import starter_files

_CELERY = ("celery", "-A", "concept_worker")
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=.*")
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*):-([^}]*)\}")


@dataclass(frozen=True)
class Program:
    """A Celery process: the arguments after `celery -A concept_worker`, and the environment that its line sets."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    def having(self, **options: str) -> Self:
        """Return the program with these options; a line without one gets it at its end."""
        arguments = list(self.arguments)
        for name, value in options.items():
            option = f"--{name}"
            if option in arguments:
                arguments[arguments.index(option) + 1] = value
            else:
                arguments += [option, value]
        return replace(self, arguments=tuple(arguments))


def programs(**variables: str) -> dict[str, Program]:
    """Read each process of the Procfile by its name; `variables` fill its `${NAME:-default}`."""
    lines = [line.partition(":") for line in starter_files()["Procfile"].read_text().splitlines() if line]
    return {name: _program(command.strip(), variables) for name, _, command in lines}


def _program(command: str, variables: Mapping[str, str]) -> Program:
    words = shlex.split(_VARIABLE.sub(lambda found: variables.get(found[1], found[2]), command))
    first = next(number for number, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word))
    if tuple(words[first : first + len(_CELERY)]) != _CELERY:
        raise ValueError(f"a line of the Procfile does not run {' '.join(_CELERY)}: {command}")
    environment = dict(word.split("=", 1) for word in words[:first])
    return Program(tuple(words[first + len(_CELERY) :]), environment)

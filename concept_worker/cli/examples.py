"""Examples and exit codes, printed at the end of a command's help."""

from __future__ import annotations

_EXAMPLES = {
    "demo": ('demo --logo "a lighthouse in a storm" --theme "calm nordic morning"', 'demo --refine "" -n 3 --json'),
    "init": ("init", "init ../my-project"),
    "dev": ("dev", "dev --fake-provider"),
    "generate": (
        'generate "a fox leaping over a moon" --theme "warm autumn" --wait',
        'generate "a fox" --theme autumn --id TASK --json',
    ),
    "refine": (
        'refine "mirrored, inside a ring" --concept CONCEPT --keep colors --wait',
        'refine "rounder" --path USER/TASK/base.png -n 5',
    ),
    "status": ("status TASK", "status TASK --watch"),
    "tasks": ("tasks", "tasks --status failed --limit 50", "tasks --json"),
    "cancel": ("cancel TASK",),
    "retry": ("retry TASK --wait",),
    "delete": ("delete TASK",),
    "sweep": ("sweep --dry-run", "sweep --older 48"),
    "retention": ("retention --days 90 --dry-run",),
    "doctor": ("doctor", "doctor --json"),
    "token": ("token --user USER", "token --seconds 600 --json"),
    "version": ("version",),
}
EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 the command line cannot be read, 130 Ctrl-C, 143 terminated, 129 the terminal was "
    "closed, 141 the reader of the output was closed. A task goes on when the command that watches it ends."
)


def examples(command: str) -> str:
    """Return the examples at the end of a command's help."""
    return "\n\n".join(["Examples:", *(f"concept-worker {line}" for line in _EXAMPLES[command])])

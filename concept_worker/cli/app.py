"""The commands of `concept-worker`, with their options and help."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import typer
from rich.text import Text

from concept_worker import __version__
from concept_worker.cli import view
from concept_worker.cli.asked import PATIENCE, report, require_output, show_new
from concept_worker.cli.examples import EXIT_CODES, examples
from concept_worker.cli.trouble import goes_on, see, watching
from concept_worker.cli.view import out
from concept_worker.models import TaskRow, TaskStatus
from concept_worker.payloads import PALETTES_DEFAULT, Aspect

if TYPE_CHECKING:
    from concept_worker.client import ConceptClient
    from concept_worker.models import ConceptRow

app = typer.Typer(
    name="concept-worker",
    help="Turn a logo brief into a stored concept.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

DEMO_LOGO = "a fox leaping over a crescent moon"
DEMO_THEME = "warm autumn, hand-made"
DEMO_WISH = "mirrored, in ocean blue, inside a ring"


Palettes = Annotated[int, typer.Option("--num-palettes", "-n", help="How many palettes, 1 to 20.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder that gets a folder per task.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it to its end and fetch the pictures.")]
ChosenId = Annotated[
    UUID | None, typer.Option("--id", help="Id of the new task; with the id of an earlier try, find it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
User = Annotated[
    UUID | None, typer.Option("--user", help="Whose task; the demo user unless given.", envvar="CONCEPT_USER_ID")
]


@app.command(epilog=examples("demo"))
def demo(
    logo: Annotated[str, typer.Option("--logo", help="What the logo shows.")] = DEMO_LOGO,
    theme: Annotated[str, typer.Option("--theme", help="What its colours are like.")] = DEMO_THEME,
    num_palettes: Palettes = PALETTES_DEFAULT,
    wish: Annotated[str, typer.Option("--refine", help="Then change it like this; empty: do not.")] = DEMO_WISH,
    output: Output = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Run the main job here and now: embedded stack, a real worker, one concept, one refinement, their pictures."""
    from concept_worker.cli.local import DEMO_USER, run_demo

    def ask(client: ConceptClient) -> TaskRow:
        return client.generate(
            user_id=DEMO_USER, logo_description=logo, theme_description=theme, num_palettes=num_palettes
        )

    def ask_again(client: ConceptClient, made: ConceptRow) -> TaskRow:
        return client.refine(user_id=DEMO_USER, refinement_prompt=wish, original_concept_id=made.id, num_palettes=3)

    require_output(True, output)
    results = run_demo(ask, ask_again if wish else None, output)
    if as_json:
        first, *rest = [
            {"task": view.row_as_json(one.row), "files": [str(path) for path in one.files]} for one in results
        ]
        view.print_json({**first, "refinements": rest})
    else:
        for one in results:
            out.print(f"\n{view.kind_of_task(one.row)}", style="bold")
            view.print_row(one.row)
            if one.concept is not None:
                view.print_concept(one.concept)
            view.print_files(one.files)
    raise typer.Exit(0 if all(one.row.status is TaskStatus.COMPLETED for one in results) else 1)


@app.command(epilog=examples("init"))
def init(
    folder: Annotated[Path, typer.Argument(help="Where; the working directory unless given.")] = Path("."),
) -> None:
    """Write .env, Procfile, compose.yaml and supabase/migrations into a project; overwrite nothing, ask nothing."""
    from concept_worker.cli.starter import write_starter

    for name, is_new in write_starter(folder):
        out.print(f"wrote  {name}" if is_new else f"kept   {name} (it was there already)", highlight=False)
    out.print(
        "\nNext: fill in SUPABASE_URL and SUPABASE_SECRET_KEY in .env, and apply the migrations (supabase link, then"
        "\nsupabase db push). Ask `concept-worker doctor`. Then start the processes of the Procfile, or say"
        "\ndocker compose up --build.",
        highlight=False,
    )


@app.command(epilog=examples("dev"))
def dev(
    fake_provider: Annotated[
        bool, typer.Option("--fake-provider", help="Draw over HTTP, by a fake provider that takes faults to order.")
    ] = False,
) -> None:
    """Keep the embedded stack, workers, beat and Flower running, and print the settings a producer needs."""
    from concept_worker.cli.dev import run_dev

    raise typer.Exit(run_dev(fake_provider=fake_provider))


@app.command(epilog=examples("generate"))
def generate(
    logo: Annotated[str, typer.Argument(help="What the logo shows.")],
    theme: Annotated[str, typer.Option("--theme", help="What its colours are like.")],
    num_palettes: Palettes = PALETTES_DEFAULT,
    task_id: ChosenId = None,
    user: User = None,
    wait: Wait = False,
    output: Output = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Ask for a concept."""
    require_output(wait, output)
    chosen = task_id or uuid4()
    with _client() as client, watching(chosen, f"if the task was accepted, {goes_on(chosen)}"):
        row = client.generate(
            user_id=_user(user),
            logo_description=logo,
            theme_description=theme,
            num_palettes=num_palettes,
            task_id=chosen,
        )
        show_new(client, row, wait, output, as_json)


@app.command(epilog=examples("refine"))
def refine(
    prompt: Annotated[str, typer.Argument(help="What should change.")],
    concept: Annotated[UUID | None, typer.Option("--concept", help="Id of the concept to start from.")] = None,
    path: Annotated[str | None, typer.Option("--path", help="Or the image path of one of its pictures.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Or an https address on an allowed host.")] = None,
    keep: Annotated[
        list[Aspect] | None, typer.Option("--keep", help="What has to stay; may be given several times.")
    ] = None,
    num_palettes: Annotated[int, typer.Option("--num-palettes", "-n", help="How many palettes, 0 to 20.")] = 0,
    task_id: ChosenId = None,
    user: User = None,
    wait: Wait = False,
    output: Output = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Ask for an existing image, changed as the prompt says."""
    require_output(wait, output)
    chosen = task_id or uuid4()
    with _client() as client, watching(chosen, f"if the task was accepted, {goes_on(chosen)}"):
        row = client.refine(
            user_id=_user(user),
            refinement_prompt=prompt,
            original_concept_id=concept,
            original_image_path=path,
            original_image_url=url,
            preserve_aspects=[aspect.value for aspect in keep or ()],
            num_palettes=num_palettes,
            task_id=chosen,
        )
        show_new(client, row, wait, output, as_json)


@app.command(epilog=examples("status"))
def status(
    task_id: Annotated[UUID, typer.Argument(help="The task's id.")],
    user: User = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a task."""
    with _client() as client, watching(task_id, goes_on(task_id) if watch else see(task_id)):
        row = client.get_task(task_id, _user(user))
        if watch:
            from concept_worker.cli.watch import follow

            row = follow(client, row, give_up=PATIENCE)
        concept = client.get_concept(row.id, row.user_id)
        report(row, as_json)
        if concept is not None and not as_json:
            view.print_concept(concept)


@app.command(epilog=examples("tasks"))
def tasks(
    user: User = None,
    status: Annotated[TaskStatus | None, typer.Option("--status", help="Only these.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List a user's tasks, newest first."""
    with _client() as client:
        rows = client.get_tasks(_user(user), status, limit)
    if as_json:
        view.print_json([view.row_as_json(row) for row in rows])
    else:
        view.print_rows(rows)


@app.command(epilog=examples("cancel"))
def cancel(
    task_id: Annotated[UUID, typer.Argument(help="The task's id.")], user: User = None, as_json: AsJson = False
) -> None:
    """Cancel a task: a pending one never starts, a running one stops at its next step."""
    with _client() as client, watching(task_id, see(task_id)):
        report(client.cancel(task_id, _user(user)), as_json)


@app.command(epilog=examples("retry"))
def retry(
    task_id: Annotated[UUID, typer.Argument(help="The failed or canceled task's id.")],
    new_task_id: ChosenId = None,
    user: User = None,
    wait: Wait = False,
    output: Output = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Try a failed or canceled task again, as a new task that goes on from the old one's checkpoints."""
    require_output(wait, output)
    chosen = new_task_id or uuid4()
    with _client() as client, watching(chosen, f"if the task was accepted, {goes_on(chosen)}"):
        show_new(client, client.retry(task_id, _user(user), new_task_id=chosen), wait, output, as_json)


@app.command(epilog=examples("delete"))
def delete(
    task_id: Annotated[UUID, typer.Argument(help="The task's id.")], user: User = None, as_json: AsJson = False
) -> None:
    """Delete a task's row; a running task is canceled first. A concept that it made stays."""
    with _client() as client, watching(task_id, see(task_id)):
        client.delete(task_id, _user(user))
    if as_json:
        view.print_json({"deleted": task_id})
    else:
        out.print(f"deleted {task_id}")


@app.command(epilog=examples("sweep"))
def sweep(
    older: Annotated[
        float | None, typer.Option("--older", min=0, help="Hours; what is younger is left alone. Default: the setting.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove objects and staged bytes that no row refers to."""
    from concept_worker.cli.housekeeping import run_sweep

    report = run_sweep(older, dry_run=dry_run)
    if as_json:
        view.print_json(report.model_dump())
    else:
        out.print(f"{_would(dry_run)} {report.objects} objects and {report.staged} staged images")


@app.command(epilog=examples("retention"))
def retention(
    days: Annotated[
        float | None, typer.Option("--days", min=0, help="Age at which concepts go; 0 keeps all. Default: the setting.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let go of old concepts, their rows and pictures together."""
    from concept_worker.cli.housekeeping import run_retention

    report = run_retention(days, dry_run=dry_run)
    if as_json:
        view.print_json(report.model_dump())
    else:
        out.print(f"{_would(dry_run)} {report.concepts} concepts with {report.objects} pictures")


@app.command(epilog=examples("doctor"))
def doctor(as_json: AsJson = False) -> None:
    """Check the settings: is each neighbour there, and does it let us in?"""
    from concept_worker.cli.doctor import examine

    findings = examine()
    if as_json:
        view.print_json([asdict(finding) for finding in findings])
    for finding in () if as_json else findings:
        mark = ("bad ", "red") if not finding.is_well else ("warn", "yellow") if finding.warns else ("ok  ", "green")
        out.print(Text.assemble(mark, f" {finding.what}: {finding.says}"))
    raise typer.Exit(0 if all(finding.is_well for finding in findings) else 1)


@app.command(epilog=examples("token"))
def token(
    user: Annotated[
        UUID | None, typer.Option("--user", help="Whose; the demo user unless given.", envvar="CONCEPT_USER_ID")
    ] = None,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long it is valid.")] = 3600,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="As of a user who signed in anonymously.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print an access token of a user, for a browser or curl beside the embedded stack."""
    from concept_worker.cli.tokens import make_token

    made = make_token(_user(user), seconds=seconds, is_anonymous=anonymous)
    if as_json:
        view.print_json(asdict(made))
    else:
        typer.echo(made.access_token)


@app.command(epilog=examples("version"))
def version() -> None:
    """Print the version."""
    out.print(__version__)


def _client() -> ConceptClient:
    from concept_worker.client import ConceptClient

    return ConceptClient.from_settings()


def _would(dry_run: bool) -> str:
    return "would remove" if dry_run else "removed"


def _user(user: UUID | None) -> UUID:
    from concept_worker.cli.local import DEMO_USER

    return user or UUID(DEMO_USER)

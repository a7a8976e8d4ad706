"""Every line of the README's blocks and every command in its text is run as it stands, and its outcome looked at.

A line, a block or a word in code font that this file does not know fails: it learns what to expect of it first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from uuid import UUID

import httpx
import pytest
from PIL import Image

from concept_worker import ConceptClient, Settings
from concept_worker.bootstrap import build_records
from concept_worker.cli.local import DEMO_USER
from concept_worker.devstack import BrokerUser, Stack
from concept_worker.devstack.ports import free_port
from concept_worker.models import TaskStatus
from tests.acceptance.places import COMMAND, Clone, Dev, Done, Folder
from tests.documents import ROOT, Block, blocks, code_words
from tests.procfile import procfile, running
from tests.waiting import until

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed beside this Python")

README = "README.md"
PROGRAMS = ("make", "concept-worker", "supabase", "pip")
NOT_RUN = {
    "supabase link && supabase db push": "needs a hosted project; the embedded stack applies the same files",
    "pip install concept-worker": "needs a package index; tests/acceptance/test_foreign_folder.py builds the wheel",
    "pip install --require-hashes -r deploy.txt": "needs a package index; tests/unit/test_lock.py compares versions",
    "pip install --no-deps concept-worker": "needs a package index",
}
# What takes long and needs nothing of another line begins with the first test, beside it.
AHEAD: tuple[str, ...] = (
    "make demo",
    'make demo LOGO="an owl reading a book" THEME="calm nordic morning"',
    "make test",
)
AHEAD += ("concept-worker dev --fake-provider",)


def command_of(line: str) -> str:
    """A line of shell without its comment."""
    return re.sub(r"\s+#.*", "", line).strip()


def is_command(word: str) -> bool:
    """Whether somebody would type it."""
    return word.split()[0] in PROGRAMS


LINES = [line for block in blocks(README) if block.language == "sh" for line in block.lines]
COMMANDS = [*LINES, *filter(is_command, code_words(README))]
PYTHON = [block for block in blocks(README) if block.language == "python"]


class Places:
    """The folders of this file's tests, and `concept-worker dev` in one of them."""

    def __init__(self, make: Callable[[str], Path], at_end: ExitStack) -> None:
        self._make, self._at_end, self._lock = make, at_end, Lock()
        self._done: dict[str, Done] = {}
        self.dev = self.start(next(line for line in LINES if command_of(line) == "concept-worker dev"))
        pool = at_end.enter_context(ThreadPoolExecutor(len(AHEAD)))
        self.ahead = {
            line: pool.submit(LOOKS[command_of(line)], self, line) for line in COMMANDS if command_of(line) in AHEAD
        }

    def folder(self, name: str) -> Path:
        """A new folder."""
        with self._lock:
            return self._make(name)

    def start(self, line: str) -> Dev:
        """A folder in which this line runs."""
        dev = Dev(self.folder("dev"), line)
        self._at_end.callback(dev.stop)
        return dev

    def run(self, line: str) -> Done:
        """A line where it belongs, once: in a clone, in a project of the reader's, or beside `dev`."""
        command = command_of(line)
        if command not in self._done:
            if command.startswith("make"):
                folder: Folder = Clone(self.folder("clone"))
            else:
                folder = Folder(self.folder("project")) if command.endswith(" init") else self.dev
            self._done[command] = folder.run(line, JOBS="1")  # there is one test to run
        return self._done[command]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """One for all."""
    with ExitStack() as at_end:
        made = Places(tmp_path_factory.mktemp, at_end)
        yield made
        assert made.dev.stop() == 0, made.dev.said


Look = Callable[[Places, str], None]
LOOKS: dict[str, Look] = {}


def looks_at(command: str) -> Callable[[Look], Look]:
    """Register what runs this command and looks at its outcome."""
    return lambda look: LOOKS.setdefault(command, look)


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height."""
    with Image.open(picture) as opened:
        opened.verify()
        return opened.size


@looks_at("make demo")
def demo(places: Places, line: str) -> None:
    """The pictures that the README shows: as many, as large; in a folder of each task's id below `out`."""
    done = places.run(line)
    assert done.code == 0, done.complained
    sheets = [file for file in done.files if file.name == "contact-sheet.png"]
    shown = [ROOT / "docs" / "contact-sheet.png", ROOT / "docs" / "contact-sheet-refined.png"]
    assert [size_of(sheet) for sheet in sheets] == [size_of(picture) for picture in shown]
    assert sum(file.name.startswith("variation-") for file in done.files if file.parent == sheets[0].parent) == 7
    assert all(str(UUID(sheet.parent.name)) == sheet.parent.name for sheet in sheets)
    assert all(sheet.parent.parent == done.folder / "out" for sheet in sheets)


@looks_at('make demo LOGO="an owl reading a book" THEME="calm nordic morning"')
def demo_of_ones_own(places: Places, line: str) -> None:
    """Two tasks at their good end."""
    done = places.run(line)
    assert done.code == 0, done.complained
    assert done.printed.count("completed\n") == 2
    assert all(size_of(file) for file in done.files)


@looks_at("make test")
def suite(places: Places, line: str) -> None:
    """The clone's tests, of which there is one."""
    done = places.run(line)
    assert done.code == 0, done.printed + done.complained
    assert (done.folder / "ran").exists()


@looks_at("make")
def help_of_make(places: Places, line: str) -> None:
    """The targets."""
    done = places.run(line)
    assert done.code == 0
    assert {"  make demo", "  make test", "  make dev"} <= {row[:11].rstrip() for row in done.printed.splitlines()}


@looks_at("concept-worker dev")
def dev(places: Places, line: str) -> None:
    """Stack, workers, beat and Flower."""
    started = "\n".join(places.dev.processes)
    parts = ("postgres", "valkey-server", "concepts@%h", "images@%h", "celery_program beat", "celery_program flower")
    assert [part for part in parts if part not in started] == []


@looks_at('concept-worker generate "a lighthouse in a storm" --theme "calm nordic morning" --wait')
def generate(places: Places, line: str) -> None:
    """A completed task and its pictures."""
    done = places.run(line)
    assert done.code == 0, done.complained
    assert re.search(r"status +completed", done.printed)
    assert len(done.files) == 9
    assert all(size_of(file) for file in done.files)


def id_in(done: Done, name: str = "task") -> str:
    """An id that a command printed."""
    (found,) = re.findall(rf"^{name} +([0-9a-f-]{{36}})$", done.printed, re.MULTILINE)
    return str(found)


def pending_task(places: Places) -> str:
    """A task that no worker hears of for a while."""
    settings = Settings(**{name: places.dev.settings[name.upper()] for name in ("supabase_url", "supabase_secret_key")})
    records = build_records(settings)
    inputs = {"logo_description": "a fox", "theme_description": "warm", "num_palettes": 1}
    row = records.task_service.create_task(DEMO_USER, "concept_generation", inputs)
    records.close()
    return str(row.id)


@looks_at("concept-worker tasks")
def tasks(places: Places, line: str) -> None:
    """Its list, then each command that its comment names, on tasks for which it is meant."""
    made = places.run(next(one for one in LINES if one.startswith("concept-worker generate")))
    first, other = id_in(made), pending_task(places)
    listed = places.run(line)
    assert listed.code == 0
    assert first[:8] in listed.printed
    assert other[:8] in listed.printed
    more = {
        "refine": (f'refine "mirrored" --concept {id_in(made, "concept")}', "concept_refinement"),
        "status ID": (f"status {first}", "completed"),
        "cancel ID": (f"cancel {other}", "canceled"),
        "retry ID": (f"retry {other}", "pending"),
        "sweep --dry-run": ("sweep --dry-run", "would remove"),
        "doctor": ("doctor", "ok   workers"),
    }
    _, _, named = line.partition("and: ")
    assert named.split(", ") == list(more)
    for command, expected in more.values():
        done = places.run(f"concept-worker {command}")
        assert done.code == 0, done.complained
        assert expected in done.printed, command


@looks_at("concept-worker doctor")
def doctor(places: Places, line: str) -> None:
    """A line for each neighbour, and 0 where all let us in."""
    done = places.run(line)
    assert done.code == 0, done.printed
    assert {"supabase", "broker", "results", "staging", "workers", "provider"} <= set(re.findall(r"\w+", done.printed))


@looks_at("concept-worker init")
def init(places: Places, line: str) -> None:
    """The files of a deployment; a second time it overwrites nothing."""
    done = places.run(line)
    assert done.code == 0, done.complained
    assert {path.name for path in done.folder.iterdir()} == {".env", "Procfile", "compose.yaml", "supabase"}
    assert list((done.folder / "supabase" / "migrations").glob("*.sql"))
    (done.folder / "Procfile").write_text("mine")
    assert Folder(done.folder).run(line).code == 0
    assert (done.folder / "Procfile").read_text() == "mine"


@looks_at("concept-worker dev --fake-provider")
def dev_with_a_fake(places: Places, line: str) -> None:
    """Its address is printed; it draws, over HTTP, and takes a fault to order."""
    fake = places.start(line)
    (address,) = re.findall(r"fake +(http://127\.0\.0\.1:\d+) is the provider", fake.said)
    key = {"x-api-key": fake.settings["JIGSAWSTACK_API_KEY"]}
    with httpx.Client(base_url=address, headers=key, trust_env=False) as client:
        until(lambda: answers(client), "the fake to answer")
        order = [{"kind": "status", "status": 503, "endpoint": "image", "times": 1}]
        assert client.post("/__faults", json=order).is_success
        done = fake.run('concept-worker generate "a fox" --theme warm -n 1 --wait')
        assert done.code == 0, done.complained
        asked = [call["status"] for call in client.get("/__calls").json()["calls"] if call["endpoint"] == "image"]
    assert asked == [503, 200]
    assert fake.stop() == 0


def answers(client: httpx.Client) -> bool:
    """Whether anything does."""
    try:
        return client.get("/__calls").is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_does_what_the_readme_says(places: Places, line: str) -> None:
    """Or is one of the few that cannot run here."""
    command = command_of(line)
    if command in NOT_RUN:
        return
    assert command in LOOKS, f"test_readme.py does not know what to expect of: {line}"
    if command in AHEAD:
        places.ahead[line].result()
    else:
        LOOKS[command](places, line)


def test_nothing_is_known_that_the_readme_no_longer_says() -> None:
    """What is looked at, and what is excused, stands there."""
    assert {command_of(line) for line in COMMANDS} == {*LOOKS, *NOT_RUN}
    assert [block.line for block in blocks(README) if block.language not in ("sh", "python")] == []


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"line {block.line}")
def test_a_program_prints_what_became_of_its_task(places: Places, block: Block) -> None:
    """Beside `dev` as it stands; elsewhere with the settings that its comment names, as a producer."""
    elsewhere = Folder(places.folder("elsewhere"))
    for folder in (places.dev, elsewhere):
        (folder.path / "producer.py").write_text(block.code)
    (names,) = re.findall(r"from_settings\(\).*# ([A-Z_, ]+)$", block.code, re.MULTILINE)
    known = places.dev.settings | {"REDIS_URL": places.dev.settings["PRODUCER_REDIS_URL"]}
    for done in (
        places.dev.run("python producer.py"),
        elsewhere.run("python producer.py", **{name: known[name] for name in names.split(", ")}),
    ):
        assert (done.code, done.complained) == (0, "")
        said = re.fullmatch(r"completed \n8 pictures, the first at (\S+)/(\S+)/base\.png\n", done.printed)
        assert said, done.printed
        assert said[1] == DEMO_USER


def test_each_line_of_the_procfile_runs_as_it_stands(
    stack: Stack, brokers: Iterator[str], user_id: UUID, tmp_path: Path
) -> None:
    """The four processes of the table, together; a concept is made, and SIGTERM ends each in order."""
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / README).read_text(), re.MULTILINE)
    assert table == list(procfile())
    broker = next(brokers)
    shared = {**stack.environment, "REDIS_URL": broker, "CONCEPT_RESULT_URL": broker, "CONCEPT_STAGING_URL": broker}
    shared |= {"PORT": str(free_port()), "FLOWER_BASIC_AUTH": "me:word", "CONCEPT_IMAGE_SIZE": "256"}
    users = {"images": BrokerUser.WORKER} | {user.value: user for user in BrokerUser}
    settings = Settings(**{name.lower().removeprefix("concept_"): value for name, value in shared.items()})
    with ExitStack() as at_end:
        ended = {
            name: at_end.enter_context(running(name, tmp_path, stack.environment_of(users[name], shared)))
            for name in table
        }
        client = at_end.enter_context(ConceptClient.from_settings(settings))
        row = client.generate(user_id=user_id, logo_description="a fox", theme_description="warm", num_palettes=1)
        until(lambda: client.get_task(row.id, user_id).status.is_terminal, "the run to end")
        assert client.get_task(row.id, user_id).status is TaskStatus.COMPLETED
        flower = f"http://127.0.0.1:{shared['PORT']}/"
        until(lambda: status_of(flower) == 401, "Flower to ask for the password")
        until(lambda: "beat: Starting" in (tmp_path / "beat.log").read_text(), "beat to start")
        for process in ended.values():
            process.terminate()
        for process in ended.values():
            process.wait(60)
    assert {name: process.returncode for name, process in ended.items()} == dict.fromkeys(table, 0)


def status_of(url: str) -> int:
    """An answer's status, 0 without one."""
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return 0

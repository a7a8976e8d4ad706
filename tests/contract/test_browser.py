"""The real supabase-js, in Node and in Chromium, as a page uses it beside `concept-worker dev`.

Needs npm, and Chromium for its part. What each call gives is the table in docs/embedded-supabase.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from concept_worker.devstack import Stack
from concept_worker.devstack.layer.recorder import UNRECORDED
from tests.waiting import until

HERE = Path(__file__).parent / "browser"
ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "supabase-js"
PACKAGES = ("@supabase/supabase-js@2.109.0", "ws@8.18.3")
DOCUMENT = ROOT / "docs" / "embedded-supabase.md"
_ROW = re.compile(r"^\| `?([^|]+?)`? \| ([^|]+) \|$", re.MULTILINE)
# Without these, Chromium asks its vendor's servers at each start.
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

Rows = list[list[str]]


@pytest.fixture(scope="module")
def modules() -> Path:
    """The folder that npm installs into, once a checkout."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed")
    known = CACHE / "packages.json"
    if not known.exists() or json.loads(known.read_text()) != list(PACKAGES):
        CACHE.mkdir(parents=True, exist_ok=True)
        more = ("--no-save", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", str(CACHE))
        try:
            subprocess.run([npm, "install", *more, *PACKAGES], check=True, capture_output=True, timeout=300, cwd=CACHE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("npm could not install supabase-js")
        known.write_text(json.dumps(PACKAGES))
    return CACHE / "node_modules"


@dataclass(frozen=True)
class Person:
    """A user with a concept, three variations and a picture."""

    id: UUID
    email: str
    concept: UUID
    path: str


def person(stack: Stack) -> Person:
    """A new one, as the service role makes them."""
    email = f"{uuid4().hex}@example.com"
    headers = {"apikey": stack.keys.secret_key, UNRECORDED: "1"}
    with httpx.Client(base_url=stack.environment["SUPABASE_URL"], headers=headers) as client:
        made = client.post("/auth/v1/admin/users", json={"email": email, "password": "a word of mine"})
        user, concept = UUID(made.raise_for_status().json()["id"]), uuid4()
        path = f"{user}/{uuid4()}/base.png"
        row = {"logo_description": "a fox", "theme_description": "warm", "image_path": path}
        rows: dict[str, Any] = {
            "concepts": {"id": str(concept), "user_id": str(user), **row},
            "color_variations": [
                {"concept_id": str(concept), "position": n, "palette_name": "p", "colors": [], "image_path": path}
                for n in (1, 2, 3)
            ],
        }
        for table, body in rows.items():
            client.post(f"/rest/v1/{table}", json=body).raise_for_status()
        kind = {"Content-Type": "image/png"}
        client.post(f"/storage/v1/object/concept-images/{path}", content=b"bytes", headers=kind).raise_for_status()
    return Person(user, email, concept, path)


@pytest.fixture
def given(stack: Stack) -> dict[str, Any]:
    """What the suite is told: the project, a user who signs in, and another."""
    me, other = person(stack), person(stack)
    return {
        "url": stack.environment["SUPABASE_URL"],
        "key": stack.keys.publishable_key,
        "mine": {
            "id": str(me.id),
            "email": me.email,
            "password": "a word of mine",
            "concept": str(me.concept),
            "path": me.path,
        },
        "theirs": {
            "concept": str(other.concept),
            "path": other.path,
            "token": stack.user_token(other.id),
            "expired": stack.keys.user_token(other.id, seconds=-60),
        },
    }


def documented() -> Rows:
    """The table of the document."""
    _, _, section = DOCUMENT.read_text().partition("## supabase-js")
    return [[found[1], found[2]] for found in _ROW.finditer(section.partition("\n## ")[0]) if found[1] != "call"]


def test_in_node(modules: Path, given: dict[str, Any]) -> None:
    """A server-side renderer, or a test of somebody's app."""
    folder = modules.parent
    for name in ("suite.mjs", "node.mjs"):
        shutil.copy(HERE / name, folder / name)  # a module finds packages beside itself
    command = ["node", "node.mjs", json.dumps(given)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == documented()


def test_in_chromium(modules: Path, given: dict[str, Any], tmp_path: Path) -> None:
    """A page of another origin: every request is asked for by a preflight first."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("Chromium is not installed")
    with serving(modules, given) as (address, told):
        command = [browser, *QUIET, f"--user-data-dir={tmp_path}", address]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: told or process.poll() is not None, "the page to tell", 120)
        finally:
            process.kill()
            process.wait()
    assert told == [documented()]


@contextmanager
def serving(modules: Path, given: dict[str, Any]) -> Iterator[tuple[str, list[Rows]]]:
    """A server of the page: its address, and what the page tells."""
    told: list[Rows] = []
    script = modules / "@supabase" / "supabase-js" / "dist" / "umd" / "supabase.js"
    files = {"/": HERE / "page.html", "/suite.mjs": HERE / "suite.mjs", "/supabase.js": script}
    kinds = {".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript"}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = files.get(self.path)
            content = file.read_bytes() if file else json.dumps(given).encode()
            self.send_response(200 if file or self.path == "/given" else 404)
            self.send_header("Content-Type", kinds[file.suffix] if file else "application/json")
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/", told
        server.shutdown()


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1:5173", True),
        ("https://app.localhost", True),
        ("http://[::1]:3000", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
    ],
)
def test_only_pages_of_this_machine_may_ask(stack: Stack, origin: str, may: bool) -> None:
    """In the preflight, in an answer, and in an error."""
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "apikey,prefer",
    }
    with httpx.Client(
        base_url=stack.environment["SUPABASE_URL"], headers={"Origin": origin, UNRECORDED: "1"}
    ) as client:
        for answer in (
            client.options("/rest/v1/tasks", headers=asks),
            client.get("/rest/v1/tasks", headers={"apikey": stack.keys.secret_key}),
            client.get("/rest/v1/tasks"),
            client.get("/nowhere"),
        ):
            assert answer.headers.get("access-control-allow-origin") == (origin if may else None)

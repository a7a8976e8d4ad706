"""Google's own client speaks to the fake of Gemini without knowing it.

Its pins clash with those of supabase's client: it lives in a folder of its own and runs in a process of its own.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from concept_worker.devstack.fake_provider import FakeProvider, Fault, FaultKind
from tests.drawing import drawn

pytestmark = pytest.mark.oracle

_CLIENT = "google-genai==3.6.1"
_PROGRAM = """
import base64, json, sys
sys.path.insert(0, sys.argv[1])
from google import genai
from google.genai import errors, types

url, key, original = sys.argv[2:]
client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, api_version="v1beta"))
square = types.GenerateContentConfig(
    response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="1:1")
)

def ask(*parts):
    try:
        answer = client.models.generate_content(
            model="gemini-3.1-flash-image", contents=[types.Content(role="user", parts=list(parts))], config=square
        )
    except errors.APIError as error:
        return {"code": error.code, "status": error.status}
    candidate = answer.candidates[0]
    found = (candidate.content.parts or []) if candidate.content else []
    pictures = [part.inline_data for part in found if part.inline_data and not part.thought]
    return {
        "end": candidate.finish_reason.name,
        "pictures": [[picture.mime_type, picture.data[:4].hex()] for picture in pictures],
        "tokens": answer.usage_metadata.total_token_count if answer.usage_metadata else None,
    }

words = types.Part.from_text(text="a fox")
picture = types.Part.from_bytes(data=base64.b64decode(original), mime_type="image/png")
print(json.dumps([ask(words), ask(words), ask(words), ask(words, picture)]))
"""


@pytest.fixture(scope="module")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Google's client and all that it needs."""
    folder = tmp_path_factory.mktemp("google-genai")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--target", str(folder), _CLIENT], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"pip brings no {_CLIENT} here")
    return folder


def test_googles_client_draws_and_hears_refusals(fake: FakeProvider, client_folder: Path) -> None:
    """Declined content, a limit, a picture and a changed one, each as its types have them."""
    fake.faults.add(Fault(kind=FaultKind.CONTENT, times=1), Fault(kind=FaultKind.RATE_LIMITED, times=1))
    original = base64.b64encode(drawn()).decode()
    arguments = [str(client_folder), fake.url, fake.api_key, original]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROGRAM, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    declined, limited, picture, changed = json.loads(done.stdout)
    assert (declined["end"], declined["pictures"]) == ("IMAGE_SAFETY", [])
    assert limited == {"code": 429, "status": "RESOURCE_EXHAUSTED"}
    for answer in (picture, changed):
        assert answer["end"] == "STOP"
        assert [mime for mime, _ in answer["pictures"]] == ["image/png"]
        assert [start for _, start in answer["pictures"]] == ["89504e47"]
        assert answer["tokens"] > 0
    assert [(call.endpoint, call.paid) for call in fake.calls][-2:] == [("image", True), ("refine", True)]

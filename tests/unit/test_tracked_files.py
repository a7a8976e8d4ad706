"""What stands in no file of the repository: keys, paths of somebody's machine, addresses of package registries."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Real names that a file may have as the host of an address: whom we ask, whose errors we read, whose pages we cite.
HOSTS = {
    *("supabase.com", "supabase.co", "www.w3.org", "ns.adobe.com"),
    *("api.openai.com", "openai.azure.com", "api.x.ai", "external.api.recraft.ai", "api.together.xyz"),
    *("api.jigsawstack.com", "r2.cloudflarestorage.com", "api.runware.ai", "generativelanguage.googleapis.com"),
    *("api.replicate.com", "queue.fal.run", "fal.media"),
}
OF_NOBODY = {
    "example",
    "test",
    "invalid",
    "localhost",
    "localdomain",
    "internal",
}  # names kept free for documents and tests

SECRETS = {
    "a key of Supabase": r"sb_(?:secret|publishable)_[\w-]{16,}",
    "a JSON web token": r"eyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16,}",
    "a provider's key": r"\b(?:sk|r8|fal|rw)[-_][A-Za-z0-9_-]{24,}|\bAIza[\w-]{30,}",
    "a key of a cloud or forge": r"\b(?:AKIA[A-Z0-9]{16}|gh[pousr]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{20,})",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a secret setting with a value": r"\bSUPABASE\w*KEY['\"]?\s*[=:]\s*['\"]?(?=[\w-]*\d)[\w.-]{20,}",
}
PATHS = {
    "a person's folder": r"(?<![\w.])/(?:home|Users)/(?!TOPSECRET)\w+|(?<![\w.])/root/\w",
    "a folder of a build machine": r"(?<![\w.])/(?:work|workspace|builds|mnt|private|tmp)/[\w.-]*/",
}
REGISTRIES = {
    "where packages come from": r"(?:index-url|find-links|registry)\s*[=\s]\s*['\"]?(?:https?:|//)|trusted-hos[t]",
    "a lock file's address": r"['\"]resolved['\"]\s*:",
}
SAMPLES = {  # each made of two parts, so that this file passes
    "a key of Supabase": "sb_secret" + "_0123456789abcdefghij",
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9abc" + ".eyJyb2xlIjoic2VydmljZSJ9.c2lnbmF0dXJlc2lnbmF0dXJl",
    "a provider's key": "sk" + "-abcdefghijklmnopqrstuvwxyz0123",
    "a key of a cloud or forge": "AKIA" + "ABCDEFGHIJKLMNOP",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a secret setting with a value": "SUPABASE_SECRET" + "_KEY=0123456789abcdefghijkl",
    "a person's folder": "see /home" + "/alice/project",
    "a folder of a build machine": "in /builds" + "/group/project",
    "where packages come from": "pip install --index-url " + "https://mirror.example/simple",
    "a lock file's address": '"resolved"' + ': "x"',
}
PATTERNS = SECRETS | PATHS | REGISTRIES
_ADDRESS = re.compile(r"\b[a-z]{2,10}s?://(?:[^\s/@'\"`]*@)?([A-Za-z0-9.-]+\.[A-Za-z]{2,})(?=[:/\s'\"`)>,;?\\]|$)")


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each tracked file that is text."""
    git = shutil.which("git")
    listed = git and subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if not listed or listed.returncode != 0:
        pytest.skip("no checkout of the repository")
    for name in filter(None, listed.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in content:
            yield name, content.decode()


def places(pattern: str) -> list[str]:
    """Where the pattern stands, as file and line, without what stands there."""
    found = ((name, text, match) for name, text in texts() for match in re.finditer(pattern, text))
    return [f"{name}:{text.count(chr(10), 0, match.start()) + 1}" for name, text, match in found]


@pytest.mark.parametrize("what", PATTERNS)
def test_it_stands_in_no_file(what: str) -> None:
    """Nor in a test: what must look like one is put together there."""
    assert re.search(PATTERNS[what], SAMPLES[what])
    assert places(PATTERNS[what]) == []


def test_no_path_of_this_machine_stands_in_a_file() -> None:
    """Neither the checkout's nor the home folder's, whatever they are called here."""
    folders = [str(folder) for folder in (ROOT, Path.home()) if len(folder.parts) > 2]
    assert [place for folder in folders for place in places(re.escape(folder) + r"(?!\w)")] == []


def is_known(host: str) -> bool:
    """Whether an address of this host may stand in a file."""
    labels = host.lower().rstrip(".").split(".")
    return bool(OF_NOBODY & set(labels)) or any(".".join(labels[at:]) in HOSTS for at in range(len(labels)))


def is_number(host: str) -> bool:
    """Whether it is an IP address."""
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def test_every_host_of_an_address_is_known() -> None:
    """A registry, a mirror or an internal server would be another one; a new vendor gets its place in `HOSTS`."""
    found = {(match[1], name) for name, text in texts() for match in _ADDRESS.finditer(text)}
    assert len(found) > 20
    assert sorted(one for one in found if not is_known(one[0]) and not is_number(one[0])) == []

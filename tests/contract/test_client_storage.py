"""Every Storage call that the project and its users make, through supabase-py, sync and async, against any server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from storage3.exceptions import StorageApiError
from storage3.types import CreateSignedUploadUrlOptions

from tests.contract.project import Project, Session

BUCKET = "concept-images"
PNG = {"content-type": "image/png"}
OVER = {"content-type": "image/png", "upsert": "true"}


@pytest.fixture
def files(api: Session, owner: UUID) -> Iterator[Files]:
    """The project's bucket, and names below a folder of this test's own; emptied at the end."""
    opened = Files(api, BUCKET, str(owner))
    yield opened
    opened.empty()


@pytest.fixture
def bucket(api: Session) -> Iterator[Files]:
    """A private bucket of this test's own that takes small text files only."""
    name = f"contract-{uuid4()}"
    options = {"public": False, "file_size_limit": 10, "allowed_mime_types": ["text/plain", "text/csv"]}
    api.do(api.client.storage.create_bucket(name, options=options))
    yield Files(api, name, "f")
    api.do(api.client.storage.empty_bucket(name))
    api.do(api.client.storage.delete_bucket(name))


class Files:
    """One bucket's calls, waiting for what needs waiting."""

    def __init__(self, api: Session, bucket: str, folder: str) -> None:
        self.api, self.bucket, self.folder = api, bucket, folder

    def path(self, name: str) -> str:
        """A name below this test's folder."""
        return f"{self.folder}/{name}"

    def call(self, method: str, *arguments: Any) -> Any:
        """One call of the bucket's client."""
        return self.api.do(getattr(self.api.client.storage.from_(self.bucket), method)(*arguments))

    def fails(self, method: str, *arguments: Any) -> tuple[str, str]:
        """Status and code of the error that a call raises."""
        with pytest.raises(StorageApiError) as caught:
            self.call(method, *arguments)
        return str(caught.value.status), str(caught.value.code)

    def empty(self) -> None:
        """Remove what lies directly in this test's folder and one below."""
        for folder in (self.folder, self.path("sub")):
            names = [entry["name"] for entry in self.call("list", folder) if entry["id"]]
            if names:
                self.call("remove", [f"{folder}/{name}" for name in names])


def test_upload_and_download(files: Files) -> None:
    """What went up comes down, and the answer names it."""
    path = files.path("a.png")
    answer = files.call("upload", path, b"\x00\x01", PNG)
    assert (answer.path, answer.full_path) == (path, f"{BUCKET}/{path}")
    assert files.call("download", path) == b"\x00\x01"


def test_upload_twice(files: Files) -> None:
    """The same path again is refused, unless it is an upsert or an update."""
    path = files.path("a.png")
    files.call("upload", path, b"1", PNG)
    assert files.fails("upload", path, b"2", PNG) == ("409", "Duplicate")
    assert files.call("download", path) == b"1"
    files.call("upload", path, b"2", OVER)
    assert files.call("download", path) == b"2"
    files.call("update", path, b"3", PNG)
    assert files.call("download", path) == b"3"
    assert files.fails("update", files.path("none.png"), b"3", PNG)[0] == "404"


def test_names_with_spaces_and_signs(files: Files) -> None:
    """Reserved characters of URLs are characters of names."""
    path = files.path("a b+c&d=(e),f@g:h;i!.png")
    files.call("upload", path, b"x", PNG)
    assert files.call("download", path) == b"x"
    url = files.call("create_signed_url", path, 60)["signedURL"]
    assert httpx.get(url).content == b"x"
    assert [entry["name"] for entry in files.call("list", files.folder)] == ["a b+c&d=(e),f@g:h;i!.png"]


def test_names_that_are_no_names(files: Files) -> None:
    """Characters outside Storage's alphabet are refused."""
    assert files.fails("upload", files.path("ünï.png"), b"x", PNG) == ("400", "InvalidKey")
    assert files.fails("upload", files.path("a\\b.png"), b"x", PNG) == ("400", "InvalidKey")


def test_limits_of_the_bucket(bucket: Files) -> None:
    """Another type, or too many bytes, is refused."""
    assert bucket.fails("upload", "a.png", b"x", PNG) == ("415", "invalid_mime_type")
    assert bucket.fails("upload", "a.txt", b"x" * 11, {"content-type": "text/plain"}) == ("413", "Payload too large")
    bucket.call("upload", "a.txt", b"x" * 10, {"content-type": "text/plain"})


def test_limits_of_the_projects_bucket(files: Files) -> None:
    """The migrations' buckets take images only."""
    assert files.fails("upload", files.path("a.txt"), b"x", {"content-type": "text/plain"})[0] == "415"


def test_what_is_missing(files: Files, api: Session) -> None:
    """A missing object and a missing bucket have their codes."""
    assert files.fails("download", files.path("none.png")) == ("404", "not_found")
    assert files.fails("create_signed_url", files.path("none.png"), 60)[0] == "404"
    nowhere = Files(api, "no-such-bucket", "f")
    assert nowhere.fails("upload", "a.png", b"x", PNG) == ("404", "Bucket not found")


def test_info_and_exists(files: Files) -> None:
    """What is known of an object, and whether there is one."""
    path = files.path("a.png")
    files.call("upload", path, b"four", {**PNG, "cache-control": "60", "metadata": {"palette": "é"}})
    info = files.call("info", path)
    assert (info["size"], info["content_type"], info["cache_control"]) == (4, "image/png", "max-age=60")
    assert info["metadata"] == {"palette": "é"}
    assert files.call("exists", path) is True
    assert files.call("exists", files.path("none.png")) is False


def test_list(files: Files) -> None:
    """One level below a prefix, folders first named, with size and type; paged, sorted and searched."""
    for name in ("b.png", "a.png", "c_1.png", "sub/d.png"):
        files.call("upload", files.path(name), name.encode(), PNG)
    entries = files.call("list", files.folder)
    assert [entry["name"] for entry in entries] == ["a.png", "b.png", "c_1.png", "sub"]
    assert entries[0]["metadata"]["size"] == 5
    assert entries[0]["metadata"]["mimetype"] == "image/png"
    assert entries[3]["id"] is None
    assert [e["name"] for e in files.call("list", files.path("sub"))] == ["d.png"]
    page = files.call("list", files.folder, {"limit": 2, "offset": 1, "sortBy": {"column": "name", "order": "desc"}})
    assert [entry["name"] for entry in page] == ["c_1.png", "b.png"]
    assert [e["name"] for e in files.call("list", files.folder, {"search": "c_"})] == ["c_1.png"]
    assert files.call("list", files.path("none")) == []


def test_remove(files: Files) -> None:
    """Only what was there is named; what was not is no error."""
    path = files.path("a.png")
    files.call("upload", path, b"x", PNG)
    assert [entry["name"] for entry in files.call("remove", [path, files.path("none.png")])] == [path]
    assert files.fails("download", path)[0] == "404"


def test_move_and_copy(files: Files) -> None:
    """A move leaves nothing behind; a copy does."""
    files.call("upload", files.path("a.png"), b"x", PNG)
    files.call("copy", files.path("a.png"), files.path("b.png"))
    files.call("move", files.path("a.png"), files.path("c.png"))
    assert files.call("download", files.path("b.png")) == files.call("download", files.path("c.png")) == b"x"
    assert files.fails("download", files.path("a.png"))[0] == "404"
    assert files.fails("move", files.path("a.png"), files.path("d.png"))[0] == "404"
    assert files.fails("copy", files.path("b.png"), files.path("c.png")) == ("409", "Duplicate")


def test_signed_links(files: Files) -> None:
    """One link and many; missing ones are entries with an error; the download option names the file."""
    path = files.path("a.png")
    files.call("upload", path, b"x", PNG)
    link = files.call("create_signed_url", path, 60)
    assert link["signedURL"] == link["signedUrl"]
    answer = httpx.get(link["signedURL"])
    assert (answer.content, answer.headers["content-type"]) == (b"x", "image/png")
    named = httpx.get(files.call("create_signed_url", path, 60, {"download": "é.png"})["signedURL"])
    assert "filename" in named.headers["content-disposition"]
    found, missing = files.call("create_signed_urls", [path, files.path("none.png")], 60)
    assert httpx.get(found["signedURL"]).content == b"x"
    assert (found["error"], missing["path"], missing["signedURL"]) == (None, files.path("none.png"), None)
    assert missing["error"]


def test_signed_links_hold_for_one_object(files: Files) -> None:
    """A changed token, a foreign one and another object's are refused."""
    for name in ("a.png", "b.png"):
        files.call("upload", files.path(name), b"x", PNG)
    url = files.call("create_signed_url", files.path("a.png"), 60)["signedURL"]
    for wrong in (url[:-4] + "AAAA", url.replace("a.png", "b.png"), url.partition("token=")[0] + "token=x"):
        answer = httpx.get(wrong)
        assert answer.status_code == 400
        assert answer.json()["error"] in ("InvalidSignature", "InvalidJWT")


def test_signed_links_expire(files: Files) -> None:
    """After its seconds a link is refused."""
    files.call("upload", files.path("a.png"), b"x", PNG)
    url = files.call("create_signed_url", files.path("a.png"), 1)["signedURL"]
    deadline = time.monotonic() + 10
    while (answer := httpx.get(url)).status_code == 200 and time.monotonic() < deadline:
        pass
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidJWT")


def test_signed_upload(files: Files) -> None:
    """Who holds an upload link stores that one object, once."""
    path = files.path("a.png")
    token = files.call("create_signed_upload_url", path)["token"]
    files.call("upload_to_signed_url", path, token, b"x", PNG)
    assert files.call("download", path) == b"x"
    assert files.fails("upload_to_signed_url", files.path("b.png"), token, b"x", PNG)[0] in ("400", "403")
    assert files.fails("upload_to_signed_url", path, token, b"y", PNG) == ("409", "Duplicate")
    token = files.call("create_signed_upload_url", path, CreateSignedUploadUrlOptions(upsert="true"))["token"]
    files.call("upload_to_signed_url", path, token, b"y", PNG)
    assert files.call("download", path) == b"y"


def test_private_objects_have_no_public_address(files: Files) -> None:
    """The public URL of an object in a private bucket leads nowhere."""
    files.call("upload", files.path("a.png"), b"x", PNG)
    answer = httpx.get(files.call("get_public_url", files.path("a.png")))
    assert (answer.status_code, answer.json()["statusCode"]) == (400, "404")


def test_buckets(api: Session, bucket: Files) -> None:
    """Buckets are made, listed, shown, changed, emptied and removed."""
    shown = api.do(api.client.storage.get_bucket(bucket.bucket))
    assert (shown.public, shown.file_size_limit, shown.allowed_mime_types) == (False, 10, ["text/plain", "text/csv"])
    assert bucket.bucket in [b.id for b in api.do(api.client.storage.list_buckets())]
    api.do(api.client.storage.update_bucket(bucket.bucket, {"public": True, "file_size_limit": 20}))
    changed = api.do(api.client.storage.get_bucket(bucket.bucket))
    assert (changed.public, changed.file_size_limit) == (True, 20)
    bucket.call("upload", "f/a.txt", b"public", {"content-type": "text/plain"})
    assert httpx.get(bucket.call("get_public_url", "f/a.txt")).content == b"public"
    with pytest.raises(StorageApiError) as full:
        api.do(api.client.storage.delete_bucket(bucket.bucket))
    assert str(full.value.status) == "409"
    with pytest.raises(StorageApiError) as twice:
        api.do(api.client.storage.create_bucket(bucket.bucket))
    assert str(twice.value.status) == "409"
    with pytest.raises(StorageApiError) as nowhere:
        api.do(api.client.storage.get_bucket("no-such-bucket"))
    assert str(nowhere.value.status) == "404"


def test_users_read_what_lies_under_their_id(api: Session, files: Files, as_owner: Session) -> None:
    """Row level security by the first folder of the path."""
    other = Files(api, BUCKET, str(api.new_user()))
    for place in (files, other):
        place.call("upload", place.path("a.png"), b"x", PNG)
    mine = Files(as_owner, BUCKET, files.folder)
    assert mine.call("download", files.path("a.png")) == b"x"
    assert httpx.get(mine.call("create_signed_url", files.path("a.png"), 60)["signedURL"]).content == b"x"
    assert mine.fails("download", other.path("a.png")) == ("404", "not_found")
    assert mine.fails("create_signed_url", other.path("a.png"), 60)[0] == "404"
    assert mine.call("list", other.folder) == []
    assert mine.call("remove", [other.path("a.png"), files.path("a.png")]) == []
    assert mine.fails("upload", files.path("b.png"), b"x", PNG) == ("403", "Unauthorized")
    assert mine.fails("upload", files.path("a.png"), b"x", OVER) == ("403", "Unauthorized")
    assert mine.fails("create_signed_upload_url", files.path("b.png")) == ("403", "Unauthorized")
    other.empty()


def test_users_read_this_projects_buckets_only(api: Session, bucket: Files, owner: UUID, as_owner: Session) -> None:
    """Both of them; what else the server has under a user's id is not ours to open."""
    ours, foreign = (Files(api, name, str(owner)) for name in ("palette-images", bucket.bucket))
    ours.call("upload", ours.path("a.png"), b"x", PNG)
    foreign.call("upload", foreign.path("a.txt"), b"x", {"content-type": "text/plain"})
    assert Files(as_owner, ours.bucket, ours.folder).call("download", ours.path("a.png")) == b"x"
    assert Files(as_owner, foreign.bucket, foreign.folder).fails("download", foreign.path("a.txt"))[0] == "404"
    ours.empty()


def test_nobody_reads_or_writes(files: Files, as_nobody: Session) -> None:
    """The publishable key alone opens no private bucket."""
    files.call("upload", files.path("a.png"), b"x", PNG)
    stranger = Files(as_nobody, BUCKET, files.folder)
    assert stranger.fails("download", files.path("a.png")) == ("404", "not_found")
    assert stranger.fails("upload", files.path("b.png"), b"x", PNG) == ("403", "Unauthorized")
    assert stranger.call("list", files.folder) == []


@pytest.mark.parametrize("climb", ["..%2F..%2Fkeys.json", "a/%2e%2e/b.png", "..", "a//b.png"])
def test_no_path_climbs(project: Project, climb: str) -> None:
    """A path that climbs out of its bucket is no object, however it is spelled."""
    headers = {"apikey": project.secret_key, "Authorization": f"Bearer {project.secret_key}"}
    base = f"{project.url}/storage/v1/object/{BUCKET}/"
    for method in ("GET", "POST"):
        with httpx.Client() as client:
            request = client.build_request(method, base, headers=headers, content=b"x" if method == "POST" else None)
            request.url = request.url.copy_with(raw_path=f"/storage/v1/object/{BUCKET}/{climb}".encode())
            answer = client.send(request)
        assert answer.status_code >= 400
        assert "jwt_secret" not in answer.text

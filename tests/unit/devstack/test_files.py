"""Objects as files, and what a bucket takes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from concept_worker.devstack.layer.errors import StorageError
from concept_worker.devstack.layer.files import Files, chunks
from concept_worker.devstack.layer.uploads import Upload, accept, valid_key


def test_whole_or_not_there(tmp_path: Path) -> None:
    """A stored version has all its bytes and leaves nothing unfinished behind."""
    files = Files(tmp_path / "objects")
    version = files.fresh_version()
    files.store(version, io.BytesIO(b"bytes"))
    assert b"".join(chunks(files.open(version))) == b"bytes"
    assert [path.name for path in (tmp_path / "objects").iterdir()] == [version]


def test_sweep_keeps_what_rows_name(tmp_path: Path) -> None:
    """Unfinished files and versions without a row go."""
    files = Files(tmp_path / "objects")
    for version in ("kept", "orphan"):
        files.store(version, io.BytesIO(b"x"))
    (tmp_path / "objects" / "half.tmp").write_bytes(b"ha")
    files.sweep({"kept"})
    assert [path.name for path in (tmp_path / "objects").iterdir()] == ["kept"]
    files.remove(["kept", "never there"])
    assert not list((tmp_path / "objects").iterdir())


@pytest.mark.parametrize(
    "name", ["../a", "a/../b", "/a", "a//b", "a/", ".", "", "é", "a\\b", "a%b", "a\nb", "a#b", "a\0b", "a" * 1025]
)
def test_names_that_are_refused(name: str) -> None:
    """Outside Storage's alphabet, or climbing."""
    with pytest.raises(StorageError, match="Invalid key"):
        valid_key(name)


@pytest.mark.parametrize(("kind", "taken"), [("image/png", True), ("image/png; x=y", True), ("text/plain", False)])
@pytest.mark.parametrize("allowed", [["image/png"], ["image/*"]])
def test_types(kind: str, taken: bool, allowed: list[str]) -> None:
    """Exact types and wildcards, without their parameters."""
    bucket = {"allowed_mime_types": allowed, "file_size_limit": None}
    upload = Upload(io.BytesIO(), kind, "no-cache", None)
    if taken:
        accept(bucket, upload)
    else:
        with pytest.raises(StorageError, match="not supported"):
            accept(bucket, upload)


def test_sizes() -> None:
    """Up to the limit, and not one byte more."""
    bucket = {"allowed_mime_types": None, "file_size_limit": 3}
    accept(bucket, Upload(io.BytesIO(b"abc"), "x/y", "no-cache", None))
    with pytest.raises(StorageError, match="maximum"):
        accept(bucket, Upload(io.BytesIO(b"abcd"), "x/y", "no-cache", None))

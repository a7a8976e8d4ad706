"""Broken files in, `InvalidImage` out, and nothing else."""

from __future__ import annotations

from collections import Counter

from benchmarks.fuzz_images import broken_files, corpus, verdict

FILES = 20_000  # a second and a half


def test_nothing_but_invalid_image_comes_out_of_broken_files() -> None:
    """Thousands of files broken in known ways: read, or refused with one sentence; no other error, no hang."""
    verdicts = Counter(verdict(data) for data in broken_files(FILES))
    assert sum(verdicts.values()) == FILES
    assert verdicts["read"] > FILES // 100  # the corpus is not all rubbish


def test_the_corpus_is_the_same_on_every_run() -> None:
    """A failure found once is found again."""
    assert list(broken_files(50)) == list(broken_files(50))


def test_sound_files_of_the_corpus_are_read() -> None:
    """Before they are broken, most of the files are accepted."""
    assert sum(verdict(data) == "read" for data in corpus()) >= 19

"""The process that looks at bytes of unknown origin: what it answers, and what its end costs."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import psutil
import pytest
from PIL import Image

from concept_worker.errors import DecoderLost, InvalidImage
from concept_worker.imaging.codec import ImageLimits, to_clean_png
from concept_worker.services.decoding import child as wire
from concept_worker.services.decoding import decoder
from concept_worker.services.decoding.decoder import IsolatedDecoder
from concept_worker.services.decoding.process import DecoderProcess
from tests.waiting import until

LIMITS = ImageLimits()


def picture(side: int = 16, kind: str = "PNG", mode: str = "RGB") -> bytes:
    """A plain one."""
    file = io.BytesIO()
    Image.new(mode, (side, side), "teal").save(file, kind)
    return file.getvalue()


@pytest.fixture
def isolated() -> Iterator[IsolatedDecoder]:
    """One with no limit but that of pictures."""
    made = IsolatedDecoder(limits=LIMITS, memory_mb=0)
    yield made
    made.close()


def process_of(isolated: IsolatedDecoder) -> psutil.Process:
    """Its process, which has answered once."""
    isolated.to_clean_png(picture())
    return psutil.Process(isolated._running().pid)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "P"), ("JPEG", "L"), ("WEBP", "RGBA")])
def test_it_answers_as_if_it_were_here(isolated: IsolatedDecoder, kind: str, mode: str) -> None:
    """Bytes and sides."""
    data = picture(64, kind, mode)
    assert isolated.to_clean_png(data) == to_clean_png(data, LIMITS)


@pytest.mark.parametrize("data", [b"", b"no picture", picture()[:60], picture(200, "JPEG")[:400], picture(9000)])
def test_what_is_no_picture_is_said_in_the_same_words(isolated: IsolatedDecoder, data: bytes) -> None:
    """And the next one is decoded."""
    with pytest.raises(InvalidImage) as here:
        to_clean_png(data, LIMITS)
    with pytest.raises(InvalidImage) as there:
        isolated.to_clean_png(data)
    assert str(there.value) == str(here.value)
    assert isolated.to_clean_png(picture()).width == 16


def test_its_limits_are_those_it_was_given() -> None:
    """Not the default ones."""
    small = IsolatedDecoder(limits=ImageLimits(max_side=15), memory_mb=0)
    with pytest.raises(InvalidImage, match="longer than 15 pixels"):
        small.to_clean_png(picture())
    small.close()


def test_many_threads_share_it(isolated: IsolatedDecoder) -> None:
    """Everybody gets the own picture."""
    with ThreadPoolExecutor(8) as pool:
        sides = list(pool.map(lambda side: isolated.to_clean_png(picture(side, "JPEG")).width, range(10, 50)))
    assert sides == list(range(10, 50))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not hold a process to RLIMIT_DATA")
def test_a_picture_that_needs_too_much_memory() -> None:
    """It is the picture's error, and permanent; the next one is decoded."""
    narrow = IsolatedDecoder(limits=LIMITS, memory_mb=60)
    with pytest.raises(InvalidImage, match="takes too much memory"):
        narrow.to_clean_png(picture(4096))
    assert narrow.to_clean_png(picture()).width == 16
    narrow.close()


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_nobody_gets_the_rest_of_anothers_answer(
    isolated: IsolatedDecoder, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """A caller that is interrupted in the middle of its answer leaves a part of it in the pipe."""
    process_of(isolated)
    with monkeypatch.context() as broken:
        broken.setattr(wire, "_read_exactly", Mock(side_effect=error))
        with pytest.raises(error):
            isolated.to_clean_png(picture(99))
    assert isolated.to_clean_png(picture()) == to_clean_png(picture(), LIMITS)


def test_a_process_that_was_lost_between_two_pictures(isolated: IsolatedDecoder) -> None:
    """Nobody notices."""
    lost = process_of(isolated)
    lost.kill()
    lost.wait()
    assert process_of(isolated).pid != lost.pid


class Killer:
    """Ends the process at each of the first pictures, when it has it in hand: an operator, or the picture itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.pids: list[int] = []
        running = DecoderProcess.running

        def killing(process: DecoderProcess) -> subprocess.Popen[bytes]:
            chosen = running(process)
            self.pids.append(chosen.pid)
            if len(self.pids) <= times:
                chosen.kill()
            return chosen

        monkeypatch.setattr(DecoderProcess, "running", killing)


def test_a_process_that_is_killed_at_a_picture(isolated: IsolatedDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been somebody else's doing: the picture gets another one, and nobody notices."""
    killer = Killer(monkeypatch, times=1)
    assert isolated.to_clean_png(picture()) == to_clean_png(picture(), LIMITS)
    assert len(set(killer.pids)) == 2


def test_a_picture_that_ends_two_processes(isolated: IsolatedDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the picture's doing, for good; the next one has a new process."""
    killer = Killer(monkeypatch, times=2)
    with pytest.raises(InvalidImage, match="ended the process that decoded it"):
        isolated.to_clean_png(picture())
    assert len(set(killer.pids)) == 2
    assert isolated.to_clean_png(picture()).width == 16


def test_a_picture_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes are ended for it, no more; a clock on the wall may be wrong about a loaded machine."""
    monkeypatch.setattr(decoder, "_LONGEST", 1.0)
    isolated = IsolatedDecoder(limits=LIMITS, memory_mb=0)
    running, seen = DecoderProcess.running, []

    def stopping(process: DecoderProcess) -> subprocess.Popen[bytes]:
        chosen = running(process)
        seen.append(chosen.pid)
        psutil.Process(chosen.pid).suspend()
        return chosen

    monkeypatch.setattr(DecoderProcess, "running", stopping)
    with pytest.raises(InvalidImage):
        isolated.to_clean_png(picture())
    assert len(set(seen)) == 2
    isolated.close()


def test_a_picture_that_takes_too_much_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU time is nobody else's doing: it has one try."""
    hurried = IsolatedDecoder(limits=LIMITS, memory_mb=0, cpu_seconds=0.05)
    tries = Killer(monkeypatch, times=0).pids
    noise = io.BytesIO()
    Image.effect_noise((2000, 2000), 90).save(noise, "JPEG")
    with pytest.raises(InvalidImage, match="takes too long"):
        hurried.to_clean_png(noise.getvalue())
    assert len(tries) == 1
    assert hurried.to_clean_png(picture()).width == 16
    hurried.close()


def test_a_decoder_that_is_closed(isolated: IsolatedDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stops does not blame the picture that it had in hand."""
    chosen, running = Event(), DecoderProcess.running

    def stopping(process: DecoderProcess) -> subprocess.Popen[bytes]:
        suspended = running(process)
        psutil.Process(suspended.pid).suspend()
        chosen.set()
        return suspended

    monkeypatch.setattr(DecoderProcess, "running", stopping)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(isolated.to_clean_png, picture())
        until(chosen.is_set, "the process to be chosen")
        isolated.close()
        with pytest.raises(DecoderLost, match="was closed"):
            asked.result()


def test_a_process_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is not the picture's fault."""
    monkeypatch.setattr(decoder, "START", tmp_path / "missing.py")
    lost = IsolatedDecoder(limits=LIMITS, memory_mb=0)
    with pytest.raises(DecoderLost, match="could not be started"):
        lost.to_clean_png(picture())
    lost.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_owner_decides_when_it_ends(isolated: IsolatedDecoder, number: int) -> None:
    """A platform may tell every process to stop; the owner still has pictures in hand."""
    process = process_of(isolated)
    process.send_signal(number)
    assert process_of(isolated).pid == process.pid


def test_it_ends_with_its_owner() -> None:
    """However that ends."""
    script = (
        "from tests.unit.services.decoding.test_decoder import *\n"
        "print(process_of(IsolatedDecoder(limits=LIMITS, memory_mb=0)).pid, flush=True); input()"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert psutil.pid_exists(pid)
    os.kill(owner.pid, signal.SIGKILL)
    owner.communicate()
    until(lambda: not psutil.pid_exists(pid), "its end")

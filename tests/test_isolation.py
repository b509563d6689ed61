"""Decoders in workers: the same values, and whatever happens to a worker is told as an error of the family."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talker.errors import AudioError, ImageError, VideoError
from talker.media import audio, image, isolation, video, video_reader
from talker.media.isolation import decoded
from talker.types import Video

FAILING = Path(__file__).resolve().parent / "data" / "failing"


Processes = list[subprocess.Popen[bytes]]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """The workers that were started while decoders were isolated."""
    started: Processes = []

    def start(*arguments: Any, plain: Any = subprocess.Popen, **settings: Any) -> subprocess.Popen[bytes]:
        started.append(plain(*arguments, **settings))
        return started[-1]

    monkeypatch.setattr(isolation.subprocess, "Popen", start)
    isolation.isolate()
    yield started
    isolation.isolate(False)
    assert all(worker.poll() is not None for worker in started)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 256, (40, 64, 96, 3), np.uint8)
    video.write_video(Video(iter(frames), 40, 25.0, (96, 64)), tmp_path / "film.mp4")
    return tmp_path / "film.mp4"


def read_everything(film: Path) -> list[np.ndarray]:
    reader = video_reader.open_video(film, fps=20)
    picture = image.load_image(FAILING / "ordinary_face.jpg")
    sound = audio.load_speech(FAILING / "two_tracks_first_silent.mkv").samples
    return [picture, sound, reader.times_s, reader.sources, *reader]


def test_workers_give_what_the_decoders_give(film: Path, workers: Processes) -> None:
    isolated = read_everything(film)
    assert len(workers) == 1, "one did it all"
    isolation.isolate(False)
    for one, other in zip(read_everything(film), isolated, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def test_errors_come_back_as_they_are(workers: Processes) -> None:
    for _ in range(2):
        with pytest.raises(ImageError, match=r"eps_loop\.jpg is not a picture"):
            image.load_image(FAILING / "eps_loop.jpg")
        with pytest.raises(AudioError, match=r"sparse3years\.mkv holds no sound"):
            audio.load_speech(FAILING / "sparse3years.mkv")
    assert image.damage_note(FAILING / "damaged_inside.jpg")
    assert image.is_picture(FAILING / "face.heic")
    assert len(workers) == 1


def test_a_worker_that_dies_takes_nobody_along(film: Path, workers: Processes) -> None:
    frames = iter(video_reader.open_video(film))
    next(frames)
    workers[0].send_signal(signal.SIGSEGV)
    workers[0].wait()
    with pytest.raises(VideoError, match=r"film\.mp4 can't be read: its decoder crashed"):
        list(frames)
    assert len(list(video_reader.open_video(film))) == 40
    assert len(workers) == 2


def test_a_worker_that_died_between_two_files_is_replaced(workers: Processes) -> None:
    for _ in range(2):
        image.load_image(FAILING / "ordinary_face.jpg")
        workers[-1].kill()
        workers[-1].wait()
    assert len(workers) == 2


def test_a_worker_that_stalls_is_ended(film: Path, workers: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "DECODER_SECONDS", 0.0)
    with pytest.raises(VideoError, match="took too long"):
        video_reader.open_video(film)
    assert workers[0].poll() is not None


def test_who_stops_reading_leaves_no_worker_waiting(film: Path, workers: Processes) -> None:
    frames = decoded(video_reader.read_frames, str(film))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert workers[0].poll() is not None


def test_memory_of_a_worker_is_bounded() -> None:
    script = "import numpy; from talker.media.isolation import limit_memory; limit_memory(); numpy.empty(5 * 10**9)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "MemoryError" in run.stderr

"""Long films in parts: drawn by several workers, whole without a seam, and not drawn twice when one dies."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from stand_ins import FakeComponents, FakeRenderer

from talker import FaceMotion, Portrait, SpeakOptions, SpeechClip, Talker, parts
from talker.components import Feel
from talker.crew import JOINING, Crew, Outcome, Schedule, Step, on_ray, processes
from talker.jobs import Job
from talker.media.audio import load_speech
from talker.media.verification import verify
from talker.media.video_reader import open_video
from talker.speech.analysis import SpeechAnalysis
from talker.types import ByteArray

RATE = 16000
STUMBLED = "TALKER_TEST_STUMBLED"  # names a file that says that a worker has died already


class BrighteningRenderer(FakeRenderer):
    """Each frame is as bright as its own moment of the film; a worker dies once in the second part."""

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        marker = Path(os.environ.get(STUMBLED, "/"))
        if motion.blendshapes[0, 0] > 0.3 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        for row in motion.blendshapes:
            yield np.full_like(self.portrait.image, round(20 + 200 * float(row[0])))


class LongComponents(FakeComponents):
    """A film that brightens from its beginning to its end; typed words take two minutes and more."""

    def say(self, text: str, voice: str, speed: float, feel: Feel | None) -> SpeechClip:
        clip = super().say(text, voice, speed, feel)
        return SpeechClip(np.full(130 * RATE, 0.1, np.float32), RATE, clip.transcript)

    def speech_motion(self, speech: SpeechAnalysis, options: SpeakOptions) -> FaceMotion:
        motion = super().speech_motion(speech, options)
        shapes = np.tile(np.linspace(0, 1, len(motion), dtype=np.float32)[:, None], (1, 52))
        return FaceMotion(shapes, motion.pose, motion.fps)

    def create_renderer(self, portrait: Portrait, options: SpeakOptions) -> FakeRenderer:
        return BrighteningRenderer(portrait)


@functools.cache
def engine() -> Talker:
    return Talker(LongComponents().as_components())


def job(folder: Path, text: str | None = None) -> Job:
    Image.new("RGB", (80, 96), "brown").save(folder / "anna.png")
    speech = None if text else folder / "speech.wav"
    if speech:
        soundfile.write(speech, 0.3 * np.sin(np.arange(round(3.4 * RATE)) / 20), RATE)
    return Job(folder / "anna.png", text, speech, "american", "neutral", "", SpeakOptions(), "film.mp4")


def brightness(film: Path) -> np.ndarray:
    return np.array([frame[30:].mean() for frame in open_video(film)])


def test_a_film_in_parts_is_the_whole_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LONG_S", 2.0)
    monkeypatch.setattr(parts, "PART_S", 1.0)
    monkeypatch.setenv(STUMBLED, str(tmp_path))  # exists: nobody dies
    long = job(tmp_path)
    assert parts.is_long(long)
    engine().speak(long.portrait, long.speech, emotion="neutral", out=tmp_path / "whole.mp4")
    assert parts.compose(engine(), long, tmp_path) == 4
    for part in (2, 0, 3, 1):
        parts.draw(engine(), long, tmp_path, part)
    drawn = sorted(tmp_path.glob(".talker-*/0*.mp4"))
    times = [path.stat().st_mtime_ns for path in drawn]
    assert parts.compose(engine(), long, tmp_path) == 4
    parts.draw(engine(), long, tmp_path, 1)
    assert [path.stat().st_mtime_ns for path in drawn] == times, "what is there is not drawn again"
    parts.join(long, tmp_path)
    seen, whole = brightness(tmp_path / "film.mp4"), brightness(tmp_path / "whole.mp4")
    assert len(seen) == len(whole) == 85
    assert np.abs(seen - whole).max() < 3
    assert (np.diff(seen) > -1.5).all(), "no frame is out of its place"
    clips = [load_speech(tmp_path / name) for name in ("film.mp4", "whole.mp4")]
    assert abs(clips[0].duration_s - clips[1].duration_s) < 0.05
    assert verify(tmp_path / "film.mp4").metadata
    assert not list(tmp_path.glob(".talker-*"))


def test_what_follows_from_what(tmp_path: Path) -> None:
    first, second = job(tmp_path, "one"), job(tmp_path, "two")
    schedule = Schedule([(1, first), (2, second)])
    step = schedule.take()
    assert step == Step(1, first)
    assert schedule.done(step, 2) is None
    taken = [schedule.take() for _ in range(3)]
    assert taken == [Step(1, first, 0), Step(1, first, 1), Step(2, second)]
    assert schedule.done(Step(1, first, 1), Outcome(1, 2.0)) is None
    assert schedule.done(Step(1, first, 0), Outcome(1, 3.0)) is None
    assert schedule.take() == Step(1, first, JOINING)
    assert schedule.done(Step(1, first, JOINING), Outcome(1, 1.0)) == Outcome(1, 6.0)
    assert schedule.done(Step(2, second), Outcome(2, 1.0, "no face")) == Outcome(2, 1.0, "no face")
    assert schedule.take() is None


def test_a_part_that_fails_ends_its_job(tmp_path: Path) -> None:
    schedule = Schedule([(1, job(tmp_path, "one"))])
    step = schedule.take()
    assert step is not None
    schedule.done(step, 3)
    failed = schedule.take()
    assert failed is not None
    assert schedule.done(failed, Outcome(1, 1.0, "disk full")) == Outcome(1, 1.0, "disk full")
    assert schedule.take() is None
    assert schedule.done(Step(1, step.job, 1), Outcome(1, 1.0)) is None


@pytest.mark.cluster
@pytest.mark.parametrize("kind", ["processes", "ray"])
def test_a_worker_that_dies_in_a_part_costs_only_that_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "ray":
        pytest.importorskip("ray")
    crew: Crew = on_ray("local", engine) if kind == "ray" else processes(2, engine)
    monkeypatch.setenv(STUMBLED, str(tmp_path / "stumbled"))
    tests = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{tests.parent}:{tests}")
    long = job(tmp_path, "word " * 400)
    (outcome,) = crew([(1, long)], tmp_path)
    assert outcome.problem == ""
    assert (tmp_path / "stumbled").exists()
    seen = brightness(tmp_path / "film.mp4")
    assert len(seen) == 130 * 25
    assert (np.diff(seen) > -1.5).all()
    assert not list(tmp_path.glob(".talker-*"))

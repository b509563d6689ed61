"""What speech to motion costs: no framework to load, no memory that grows with the sound."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from talker.media.audio import at_rate, between, load_speech, resample, resampled, save_speech
from talker.speech import prosody
from talker.types import SpeechClip


def test_a_label_and_the_lips_need_no_deep_learning_framework() -> None:
    program = """
import sys, numpy
from talker import SpeakOptions, SpeechClip, Talker
from talker.types import Transcript
noise = numpy.random.default_rng(0).normal(0, 0.1, 16000).astype("float32")
talker = Talker()
speech = talker.load_speech(SpeechClip(noise, 16000, Transcript(())))
talker.animate(speech, talker.encode_emotion("happy"), SpeakOptions())
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_clip_at_another_rate_equals_the_whole() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 24000 * 70 + 11).astype(np.float32)
    moved = at_rate(SpeechClip(noise, 24000), 16000)
    np.testing.assert_allclose(moved.samples, resample(noise, 24000, 16000), atol=2e-4)
    assert moved.sample_rate == 16000 and at_rate(moved, 16000) is moved


def test_what_lies_outside_a_sound_is_silent_or_mirrored() -> None:
    sound = np.arange(1, 6, dtype=np.float32)
    assert between(sound, -2, 7).tolist() == [0, 0, 1, 2, 3, 4, 5, 0, 0]
    assert between(sound, -2, 7, mirrored=True).tolist() == [3, 2, 1, 2, 3, 4, 5, 4, 3]


@pytest.mark.parametrize(("from_hz", "length"), [(44100, 44100 * 3 + 17), (48000, 48000 * 2), (96000, 11)])
def test_resampling_while_reading_equals_the_whole(from_hz: int, length: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32)
    pieces = np.split(noise, [min(cut, length) for cut in (1, 1000, 30_000, 30_000, 90_000)])
    whole = resample(noise, from_hz, 16000)
    joined = np.concatenate(list(resampled(pieces, from_hz, 16000)))
    assert len(joined) == len(whole)
    np.testing.assert_allclose(joined, whole, atol=2e-4)


def test_long_sound_is_never_held_at_its_own_rate(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 44100 * 120).astype(np.float32)
    save_speech(SpeechClip(noise, 44100), tmp_path / "long.wav")
    expected = resample(load_speech(tmp_path / "long.wav").samples, 44100, 16000)
    tracemalloc.start()
    clip = load_speech(tmp_path / "long.wav", highest_rate=16000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.sample_rate == 16000
    np.testing.assert_allclose(clip.samples, expected, atol=2e-4)
    assert peak < 1.5 * clip.samples.nbytes


def test_prosody_of_long_sound_holds_only_its_copy_at_16_khz() -> None:
    clip = SpeechClip(np.random.default_rng(0).normal(0, 0.1, 44100 * 600).astype(np.float32), 44100)
    tracemalloc.start()
    prosody.measure(clip)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < clip.samples.nbytes

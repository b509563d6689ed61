"""What speech to motion costs: no framework to load, no memory that grows with the sound."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from talker.media.audio import SoundAtRate, load_speech, resample, resampled, save_speech
from talker.speech import prosody
from talker.types import SpeechClip


def test_a_label_and_the_lips_need_no_deep_learning_framework() -> None:
    program = """
import sys, numpy
from talker.pipeline import Rooms
from talker.options import SpeakOptions
from talker.types import SpeechClip
rooms = Rooms.default()
clip = SpeechClip(numpy.random.default_rng(0).normal(0, 0.1, 16000).astype("float32"), 16000)
code, options = rooms.label_code("happy", 1.0, False), SpeakOptions()
rooms.compose(rooms.speech_motion(clip, code, options), code, clip, options)
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_piecewise_resampling_equals_the_whole() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 24000 * 70 + 11).astype(np.float32)
    whole = resample(noise, 24000, 16000)
    sound = SoundAtRate(SpeechClip(noise, 24000), 16000)
    assert len(sound) == len(whole)
    starts = range(-320, len(sound), 48_000)
    read = [sound.between(start, start + 48_000 + 400)[:48_000] for start in starts]
    np.testing.assert_allclose(np.concatenate(read)[320 : 320 + len(whole)], whole, atol=2e-4)
    assert not np.concatenate(read)[:320].any()


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


def test_prosody_of_long_sound_holds_no_second_copy_of_it() -> None:
    clip = SpeechClip(np.random.default_rng(0).normal(0, 0.1, 44100 * 600).astype(np.float32), 44100)
    tracemalloc.start()
    prosody.measure(clip)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * clip.samples.nbytes

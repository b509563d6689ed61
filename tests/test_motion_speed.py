"""What speech to motion costs: no framework to load, no memory that grows with the sound."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np

from talker.media.audio import SoundAtRate, resample
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


def test_prosody_of_long_sound_holds_no_second_copy_of_it() -> None:
    clip = SpeechClip(np.random.default_rng(0).normal(0, 0.1, 44100 * 600).astype(np.float32), 44100)
    tracemalloc.start()
    prosody.measure(clip)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * clip.samples.nbytes

"""Motion while the sound still comes: as the offline result has it, without jumps, in time."""

from __future__ import annotations

import numpy as np
import pytest

from talker.motion.articulation import speech_motion
from talker.motion.lips import LipGeometry
from talker.motion.streaming import LOOK_AHEAD_S, StreamingArticulation
from talker.speech import voice
from talker.types import SpeechClip

PIECE_S = 0.06


@pytest.fixture(scope="module")
def clip() -> SpeechClip:
    return voice.say("My people believe you would love five pies.").with_transcript(None)


@pytest.fixture(scope="module")
def chunks(clip: SpeechClip) -> list[np.ndarray]:
    stream = StreamingArticulation(clip.sample_rate)
    length = int(PIECE_S * clip.sample_rate)
    found = [stream.feed(clip.samples[at : at + length]).blendshapes for at in range(0, len(clip.samples), length)]
    return [*found, stream.finish().blendshapes]


def _offline(clip: SpeechClip) -> np.ndarray:
    return speech_motion(clip).blendshapes


def test_the_lips_follow_the_offline_result(clip: SpeechClip, chunks: list[np.ndarray]) -> None:
    offline = _offline(clip)
    streamed = np.concatenate(chunks)
    assert streamed.shape == offline.shape
    opening = LipGeometry.load().opening_of
    assert np.corrcoef(opening(streamed), opening(offline))[0, 1] >= 0.95


def test_no_frame_waits_longer_than_it_may(chunks: list[np.ndarray]) -> None:
    final = np.cumsum([len(chunk) for chunk in chunks])
    for index, done in enumerate(final[:-1]):
        heard_s = (index + 1) * PIECE_S
        assert done / 25.0 >= heard_s - LOOK_AHEAD_S - PIECE_S


def test_chunks_join_without_a_jump(clip: SpeechClip, chunks: list[np.ndarray]) -> None:
    opening = LipGeometry.load().opening_of
    streamed, offline = (np.abs(np.diff(opening(rows))) for rows in (np.concatenate(chunks), _offline(clip)))
    borders = np.cumsum([len(chunk) for chunk in chunks if len(chunk)])[:-1] - 1
    assert len(borders) > 5
    assert streamed[borders].mean() < 1.2 * offline[borders].mean()  # the same movement, not more
    assert streamed[borders].max() < 1.15 * offline.max()


def test_nothing_said_is_nothing_moved() -> None:
    stream = StreamingArticulation(16000)
    assert len(stream.finish()) == 0
    stream.feed(np.zeros(8000, np.float32))
    assert not stream.feed(np.zeros(8000, np.float32)).blendshapes.any()
    stream.finish()

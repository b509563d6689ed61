"""Voices -> EmotionCode: what a clip says it feels, as a whole and moment by moment."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.emotion.decode import decode_points, named
from talker.emotion.model import EmotionModel, emotion_model
from talker.emotion.space import EmotionSpace
from talker.emotion.voice_features import HOP_S, VoiceFrames, doubts, moments, voice_frames, whole
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import FRAME_RATE
from talker.types import EmotionCode, FloatArray

SMOOTHING_S = 1.0
SHORTEST_S, LONG_S = 2.0, 5.0  # below the first a clip is one moment, above the second its moments say what it is
SHARE_OF_WHOLE = 0.4  # a moment is read together with its clip: short windows are noisy
HARDLY_MOVED = 0.1  # strength below which a code's source says that hardly any emotion is there


def voice_code(speech: SpeechAnalysis, *, per_moment: bool = True, model: EmotionModel | None = None) -> EmotionCode:
    """The emotion in a voice.

    per_moment: rows at 2 Hz for clips longer than one window; else one row for the whole clip.

    The code's source says so where the recording is very short, very noisy or sung.

    Raises EmotionError for a sound that is silent, shorter than 0.3 s or without a voice.
    """
    return VoiceReader((model or emotion_model()).space).read(speech, per_moment=per_moment)


class VoiceReader:
    """Reads voices into one space."""

    def __init__(self, space: EmotionSpace) -> None:
        self._space = space

    def read(self, speech: SpeechAnalysis, *, per_moment: bool = True) -> EmotionCode:
        """See `voice_code`."""
        frames = voice_frames(speech)
        points, strengths = self._heard(frames)
        if not per_moment:
            points, strengths = points.mean(0, keepdims=True), np.median(strengths, keepdims=True)
            points = points / np.linalg.norm(points)
        code = decode_points(self._space, points, strengths, "", rate_hz=1.0 / HOP_S)
        why = doubts(frames)
        if why:
            return named(code, f"voice (uncertain: {' and '.join(why)})")
        return named(code, "voice (hardly moved)" if float(np.median(strengths)) < HARDLY_MOVED else "voice")

    def _heard(self, frames: VoiceFrames) -> tuple[FloatArray, FloatArray]:
        """Points [M, width] and strengths [M] of every half second, each read together with its clip.

        The whole of a long clip is the middle of its moments: statistics over half a minute spread further than those
        of any clip that was learnt from, and would make every lecture a passion.
        """
        if len(frames) <= SHORTEST_S * FRAME_RATE:
            return self._space.place_voice(whole(frames)[None])
        points, strengths = self._space.place_voice(moments(frames))  # [M, width], [M]
        if len(frames) > LONG_S * FRAME_RATE:
            overall, overall_strength = points.mean(0, keepdims=True), np.median(strengths, keepdims=True)
        else:
            overall, overall_strength = self._space.place_voice(whole(frames)[None])
        points = (1 - SHARE_OF_WHOLE) * points + SHARE_OF_WHOLE * overall / np.linalg.norm(overall)
        strengths = (1 - SHARE_OF_WHOLE) * strengths + SHARE_OF_WHOLE * overall_strength
        sigma = SMOOTHING_S / HOP_S / 2
        points = gaussian_filter1d(points, sigma, axis=0, mode="nearest")
        strengths = gaussian_filter1d(strengths, sigma, mode="nearest")
        return points / np.linalg.norm(points, axis=1, keepdims=True), strengths

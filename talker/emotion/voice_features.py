"""What a voice's emotion is read from: statistics of a recogniser's second layer and of the prosody, over a window.

Whisper's lower layers still carry how something is said; the upper ones only what. Mean and spread over the sounding
frames leave the words out. (RAVDESS, 8 classes, 24-actor folds: layer 2 reaches 0.76, layer 4 0.66.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from talker.breaks import with_breaks
from talker.errors import EmotionError
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import FRAME_RATE
from talker.speech.prosody import Prosody
from talker.types import FloatArray

ENCODER_LAYER = 2
ACTIVE_DB = 35.0  # how far below the clip's loudest frame a frame still sounds
WINDOW_S = 3.0
HOP_S = 0.5
MIN_ACTIVE_S = 0.3
PERCENTILES = (5, 25, 50, 75, 95)
SHORT_S = 1.0  # of sound; less is heard, but says little
NO_VOICE, LITTLE_VOICE = 0.05, 0.2  # voiced share of the sounding frames: speech has 0.3 and more, 0.2 at 0 dB of noise
NOTE_FRAMES, NOTE_OCTAVES = 25, 0.5 / 12  # a sung note: half a second within half a semitone
SUNG_SHARE, SUNG_OCTAVES = 0.2, 0.6 / 12  # held notes among the voiced frames, and how far they lie apart


@dataclass(frozen=True)
class VoiceFrames:
    """One clip, frame by frame at 50 Hz: encoder features [T, 384], prosody, and which frames sound [T]."""

    features: FloatArray
    prosody: Prosody
    active: np.ndarray

    def __len__(self) -> int:
        return len(self.features)


def voice_frames(speech: SpeechAnalysis) -> VoiceFrames:
    """The frames of analysed speech. EmotionError when less than 0.3 s of it sounds, or hardly any of it is a voice."""
    features = speech.layers[ENCODER_LAYER - 2]  # [T, 384]; the first layer is not kept
    prosody = speech.prosody.thinned(round(speech.prosody.rate_hz / FRAME_RATE))
    count = min(len(features), len(prosody))
    prosody = Prosody(prosody.loudness_db[:count], prosody.pitch_hz[:count], prosody.voicing[:count], prosody.rate_hz)
    active = prosody.loudness_db > prosody.loudness_db.max() - ACTIVE_DB
    if active.sum() < MIN_ACTIVE_S * FRAME_RATE or prosody.loudness_db.max() < -60.0:
        raise EmotionError("No feeling can be heard in this sound: it is silent, or shorter than 0.3 s.")
    if (prosody.pitch_hz[active] > 0).mean() < NO_VOICE:
        raise EmotionError("No feeling can be heard in this sound: there is no voice in it, or it is lost in noise.")
    return VoiceFrames(features[:count], prosody, active)


def doubts(frames: VoiceFrames) -> tuple[str, ...]:
    """Why what is heard in these frames may be wrong, in words for the person who asked; empty for ordinary speech."""
    pitch = frames.prosody.pitch_hz
    reasons = (
        ("it is very short", frames.active.sum() < SHORT_S * FRAME_RATE),
        ("it is very noisy or whispered", (pitch[frames.active] > 0).mean() < LITTLE_VOICE),
        ("it sounds sung", _sung(pitch)),
    )
    return tuple(reason for reason, holds in reasons if holds)


def _sung(pitch_hz: FloatArray) -> bool:
    """Whether much of a pitch [T] at 50 Hz is held notes of different heights; a monotonous reader holds one."""
    voiced = pitch_hz > 0
    octaves = np.log2(np.where(voiced, pitch_hz, 1.0))
    reach = maximum_filter1d(octaves, NOTE_FRAMES) - minimum_filter1d(octaves, NOTE_FRAMES)
    inside = (minimum_filter1d(voiced.astype(np.uint8), NOTE_FRAMES) > 0) & (reach < NOTE_OCTAVES)
    held = voiced & (maximum_filter1d(inside.astype(np.uint8), NOTE_FRAMES) > 0)
    return bool(held.sum() > SUNG_SHARE * max(1, voiced.sum()) and octaves[held].std() > SUNG_OCTAVES)


def whole(frames: VoiceFrames) -> FloatArray:
    """Statistics [width] of the whole clip."""
    return window_statistics(frames, 0, len(frames))


def moments(frames: VoiceFrames) -> FloatArray:
    """Statistics [M, width] of 3 s around every half second; silent windows repeat their neighbour's."""
    half = int(WINDOW_S * FRAME_RATE / 2)
    centres = range(0, len(frames), int(HOP_S * FRAME_RATE))
    rows: list[FloatArray] = []
    for centre in with_breaks(centres):
        start, stop = max(0, centre - half), min(len(frames), centre + half)
        enough = frames.active[start:stop].sum() >= MIN_ACTIVE_S * FRAME_RATE
        rows.append(window_statistics(frames, start, stop) if enough else (rows[-1] if rows else whole(frames)))
    return np.stack(rows)


def window_statistics(frames: VoiceFrames, start: int, stop: int) -> FloatArray:
    """[width] mean and spread of the features, then prosody, over the sounding frames from `start` to `stop`."""
    active = frames.active[start:stop]
    features = frames.features[start:stop][active].astype(np.float32)
    spoken = _prosody_statistics(frames.prosody, np.flatnonzero(active) + start)
    return np.concatenate([features.mean(0), features.std(0), spoken]).astype(np.float32)


def _prosody_statistics(prosody: Prosody, sounding: np.ndarray) -> FloatArray:
    """[22] pitch (octaves), its movement, loudness below the loudest moment (dB), its movement, voicing, rhythm."""
    loudness = prosody.loudness_db[sounding] - prosody.loudness_db.max()
    pitch = prosody.pitch_hz[sounding]
    octaves = np.log2(pitch[pitch > 0]) if (pitch > 0).any() else np.array([np.log2(150.0)])
    steps = np.abs(np.diff(octaves))
    steps = steps[steps < 0.3] if (steps < 0.3).any() else np.zeros(1)
    runs = 1 + int((np.diff(sounding) > 1).sum())
    changes = np.abs(np.diff(loudness)) if len(loudness) > 1 else np.zeros(1)
    return np.array(
        [
            octaves.mean(), octaves.std(), *np.percentile(octaves, PERCENTILES), steps.mean(), steps.std(),
            loudness.mean(), loudness.std(), *np.percentile(loudness, PERCENTILES), changes.mean(),
            (pitch > 0).mean(), prosody.voicing[sounding].mean(), prosody.voicing[sounding].std(),
            np.log(len(sounding) / runs), np.ptp(octaves),
        ],
        np.float32,
    )  # fmt: skip

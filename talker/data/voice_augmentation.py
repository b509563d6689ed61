"""Synthetic voices as many people who talk with life but without an emotion: other throats, melodies and efforts.

Read sentences are flat, so whoever learns from them alone what ordinary talk is takes every lively speaker for a moved
one. The voice network says for each frame which pitch and spectrum it wants; these are changed before they sound.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talker.speech.small_voice import VoiceFrames
from talker.speech.voice import say
from talker.speech.voice_expression import ExpressionCurve, VoiceExpression
from talker.types import FloatArray, SpeechClip

SPEED = (0.8, 1.35)
PITCH_OCTAVES = (-1.0, 0.35)  # moved by this much: from a deep male voice to a high female one
MELODY = (0.8, 2.2)  # how many times as far the pitch moves
WANDER_OCTAVES = 0.15  # slow rises and falls of the pitch, standard deviation
FORMANTS_PER_OCTAVE = 0.2  # deeper voices have longer throats
FORMANTS = 0.06  # what else sets throats apart, standard deviation
EFFORT_DB = (-4.0, 6.0)  # per octave above 500 Hz over three octaves: soft to loud
STRESS_DB = 4.0  # changes of loudness from phrase to phrase, standard deviation
PHRASE_FRAMES = 30.0
# How far talkers who feel nothing in particular lie from a voice that reads: about a third of what actors do.
TALK_PITCH, TALK_MELODY, TALK_PACE, TALK_PRESENCE_DB = (-3.0, 2.0), (-0.2, 0.45), (-0.25, 0.3), (-3.0, 4.0)
NEPERS_PER_DB = np.log(10.0) / 20.0
BIN_HZ = 20.0


def augment_voice(sentence: str, random: np.random.Generator) -> SpeechClip:
    """The sentence as somebody else would say it with life."""
    octaves = random.uniform(*PITCH_OCTAVES)
    throat = 2.0 ** (FORMANTS_PER_OCTAVE * octaves + FORMANTS * random.standard_normal())
    melody, effort_db = random.uniform(*MELODY), random.uniform(*EFFORT_DB)

    def changed(frames: VoiceFrames) -> VoiceFrames:
        return spoken_by_another(frames, octaves, throat, melody, effort_db, random)

    return say(sentence, speed=random.uniform(*SPEED), seed=int(random.integers(1 << 30)), style=changed)


def talk(text: str, voice: str, random: np.random.Generator) -> SpeechClip:
    """The text as a person with the voice `voice` would say it in passing: higher or lower, livelier, hastier."""
    pitch, melody, pace, presence = (
        float(random.uniform(*span)) for span in (TALK_PITCH, TALK_MELODY, TALK_PACE, TALK_PRESENCE_DB)
    )
    expression = VoiceExpression(pitch_semitones=pitch, melody_octaves=melody, pace_octaves=pace, presence_db=presence)
    return say(text, voice=voice, express=lambda planned: ExpressionCurve.constant(expression))


def spoken_by_another(
    frames: VoiceFrames, octaves: float, throat: float, melody: float, effort_db: float, random: np.random.Generator
) -> VoiceFrames:
    """The frames with the pitch moved by `octaves`, formants times `throat`, melody and effort changed."""
    pitch, count = frames.pitch_hz, len(frames.pitch_hz)
    voiced = pitch > 0
    moved = np.log2(np.maximum(pitch, 1.0))
    middle = float(moved[voiced].mean()) if voiced.any() else 0.0
    moved = middle + octaves + melody * (moved - middle) + WANDER_OCTAVES * _slow(count, random)
    bins = np.arange(len(frames.harmonics))
    source = np.clip(bins / throat, 0, len(bins) - 1)
    low = np.floor(source).astype(int)
    share = (source - low)[:, None].astype(np.float32)

    def warped(spectrum: FloatArray) -> FloatArray:
        return spectrum[low] * (1 - share) + spectrum[np.minimum(low + 1, len(bins) - 1)] * share

    tilt = effort_db * np.clip(np.log2(np.maximum(bins * BIN_HZ, 1.0) / 500.0), 0.0, 3.0) / 3.0 * 2.0
    gain = NEPERS_PER_DB * (tilt[:, None] + STRESS_DB * _slow(count, random)[None])  # [bins, frames]
    return VoiceFrames(
        warped(frames.harmonics) + gain,
        warped(frames.phase),
        warped(frames.noise) + gain,
        warped(frames.rest) + gain,
        warped(frames.rest_phase),
        np.where(voiced, np.clip(2.0**moved, 60.0, 500.0), 0.0).astype(np.float32),
    )


def _slow(count: int, random: np.random.Generator) -> FloatArray:
    """Slow random changes [count] of standard deviation 1."""
    wave = gaussian_filter1d(random.standard_normal(count + 200), PHRASE_FRAMES)[100:-100]
    return (wave * np.sqrt(2 * np.sqrt(np.pi) * PHRASE_FRAMES)).astype(np.float32)

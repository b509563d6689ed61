"""Life besides the lips: blinks, glances, head motion, breathing and brows, drawn from a seed.

Everything is drawn in seconds before it is put on frames, so the same seed gives the same life at any frame rate, and
each part has its own random numbers, so switching one off leaves the others as they were. Timing: blinks last 0.1-0.4 s
with a close twice as fast as the opening (Stern, Walrath & Goldstein, "The endogenous eyeblink", 1984) and come 2-10 s
apart, more at the ends of phrases; fixations last 0.3-4 s (Lee, Badler & Badler, "Eyes Alive", 2002); nods and brows
go with stressed syllables (Graf et al., "Visual prosody", 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.curves import smoothstep
from talker.motion.emotion_style import EmotionStyle
from talker.options import SpeakOptions
from talker.speech.prosody import Prosody
from talker.types import FloatArray

CLOSE_S, SHUT_S, OPEN_S = 0.085, 0.04, 0.19  # phases of a blink
BLINK_EVERY_S = 3.6  # median
PHRASE_END_S = 0.7  # a blink moves this far to meet the end of a phrase
FIXATION_S = 1.3
GLANCE = (0.13, 0.06)  # spread of glances, horizontal and vertical, in eyeLook units
LOOK_BACK = 0.55  # share of glances that return to the viewer
HEAD_DRIFT = np.array([0.016, 0.026, 0.014])  # spread of pitch, yaw, roll (rad)
DRIFT_HZ = 0.32
NOD = 0.035  # rad, of a strongly stressed syllable
BREATH_HZ = 0.27
BREATH = (0.004, 0.0022)  # rad of pitch and face widths of rise
FOLLOW, FOLLOW_S = 0.15, 0.3  # rad per eyeLook unit, and how slowly the head follows the eyes
EASE_IN_S = 0.6  # the head starts in the portrait's own pose
RANDOM_STREAMS = ("blinks", "gaze", "head", "breath", "brows")


@dataclass(frozen=True)
class NonverbalMotion:
    """What comes on top of speech and expression.

    blendshapes: [T,52] of gaze and brows, to be added. blink: [T] 0 open .. 1 shut. pose: [T,6].
    """

    blendshapes: FloatArray
    blink: FloatArray
    pose: FloatArray


@dataclass(frozen=True)
class _Scene:
    """What all parts look at: the frames' times (s), how one speaks, the stressed moments (s, 0..1), pauses (s)."""

    time: FloatArray
    fps: float
    speaking: FloatArray
    stress_s: FloatArray
    stress: FloatArray
    pauses_s: FloatArray


def nonverbal_motion(
    prosody: Prosody, speaking: FloatArray, style: EmotionStyle, options: SpeakOptions, fps: float
) -> NonverbalMotion:
    """Life for a clip.

    speaking: [T] 0..1, the frames in which something is said. style: per frame. Amounts come from `options`; an
    amount of 0 switches its part off.
    """
    frames = len(speaking)
    scene = _scene(prosody, speaking, fps)
    random = {name: np.random.default_rng([options.seed, index]) for index, name in enumerate(RANDOM_STREAMS)}
    blendshapes = _brows(scene, style, options.brows, random["brows"])
    horizontal, vertical = _gaze(scene, style, options.gaze, random["gaze"])
    blendshapes += _look(horizontal, vertical)
    blink = _blinks(scene, style, options.blinks, random["blinks"])
    pose = np.zeros((frames, 6))
    if not options.still:
        pose += _head(scene, style, random["head"]) * options.head
        followed = gaussian_filter1d(horizontal, FOLLOW_S * fps, mode="nearest")
        pose[:, 1] += FOLLOW * followed * options.head  # the head goes a little where the eyes have gone
        pose += _breath(scene, style, random["breath"]) * min(options.head, 1.0)
    return NonverbalMotion(blendshapes, blink, pose * smoothstep(scene.time / EASE_IN_S)[:, None])


def _scene(prosody: Prosody, speaking: FloatArray, fps: float) -> _Scene:
    """Find the stressed syllables and the beginnings of pauses."""
    rate = prosody.rate_hz
    loud = gaussian_filter1d(prosody.loudness, 0.04 * rate, mode="nearest")
    voiced = prosody.pitch_hz > 0
    pitch = np.zeros(len(prosody))
    if voiced.sum() > 10:
        semitones = 12 * np.log2(np.maximum(prosody.pitch_hz, 1.0))
        spread = max(1.0, float(semitones[voiced].std()))
        pitch[voiced] = np.clip((semitones[voiced] - np.median(semitones[voiced])) / spread, -1.5, 1.5)
    prominence = loud * (1.0 + 0.35 * gaussian_filter1d(pitch, 0.05 * rate, mode="nearest"))
    peaks, shape = find_peaks(prominence, distance=max(1, round(0.38 * rate)), prominence=0.12)
    stress = np.clip(shape["prominences"] / 0.8, 0.0, 1.0) * np.clip(prominence[peaks], 0.0, 1.2)
    ends = np.flatnonzero((speaking[:-1] >= 0.5) & (speaking[1:] < 0.5))
    return _Scene(np.arange(len(speaking)) / fps, fps, speaking, peaks / rate, stress, (ends + 1) / fps)


def _events(intervals: FloatArray, rate: FloatArray, scene: _Scene) -> FloatArray:
    """Times (s) of events whose intervals (s) shrink where `rate` [T] is above 1 and grow where it is below."""
    clock = np.concatenate([[0.0], np.cumsum(rate) / scene.fps])
    moments = np.cumsum(intervals)
    moments = moments[moments < clock[-1]]
    return np.interp(moments, clock, np.arange(len(clock)) / scene.fps)


def _draws(scene: _Scene, shortest_s: float) -> int:
    """How many events to draw: enough for any manner, so that the manner doesn't change the numbers drawn."""
    return 8 + int(6 * scene.time[-1] / shortest_s)


def _blinks(scene: _Scene, style: EmotionStyle, amount: float, random: np.random.Generator) -> FloatArray:
    """[T] how shut the lids are."""
    count = _draws(scene, 2.0)
    intervals = np.clip(BLINK_EVERY_S * np.exp(0.45 * random.standard_normal(count)), 2.0, 10.0)
    depth = random.uniform(0.92, 1.0, count)
    length = random.uniform(0.85, 1.2, count)
    intervals[0] *= random.uniform(0.2, 1.0)
    blink = np.zeros(len(scene.time))
    if amount == 0:
        return blink
    for index, moment in enumerate(_events(intervals, amount * np.asarray(style.blinks), scene)):
        if len(scene.pauses_s):
            nearest = scene.pauses_s[np.abs(scene.pauses_s - moment).argmin()]
            moment = nearest if abs(nearest - moment) < PHRASE_END_S else moment
        pace = length[index] * np.interp(moment, scene.time, np.broadcast_to(style.blink_s, scene.time.shape))
        if moment + pace * (CLOSE_S + SHUT_S + OPEN_S) > scene.time[-1]:
            continue  # the last frame shows open eyes
        since = (scene.time - moment) / pace
        closing = np.clip(since / CLOSE_S, 0.0, 1.0)
        opening = np.clip((since - CLOSE_S - SHUT_S) / OPEN_S, 0.0, 1.0)
        shape = np.sin(0.5 * np.pi * closing) ** 2 * np.cos(0.5 * np.pi * opening) ** 2
        blink = np.maximum(blink, depth[index] * shape)
    return blink


def _gaze(
    scene: _Scene, style: EmotionStyle, amount: float, random: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """(horizontal, vertical) [T] in eyeLook units: + is to the image's right, and up. Saccades take two frames."""
    count = _draws(scene, 0.3)
    intervals = np.clip(random.gamma(2.0, FIXATION_S / 2, count), 0.3, 4.0)
    targets = random.standard_normal((count, 2)) * GLANCE
    back = random.random(count) < LOOK_BACK
    targets[back] *= 0.2
    times = _events(intervals, np.asarray(style.gaze_rate) + np.zeros(len(scene.time)), scene)
    steps = np.searchsorted(times, scene.time, side="right")
    held = np.concatenate([[[0.0, 0.0]], targets])[np.minimum(steps, count)]
    tremor = gaussian_filter1d(random.standard_normal((count, 2)), 1.0, axis=0)
    held = held + 0.012 * tremor[np.minimum((scene.time / 0.35).astype(int), count - 1)]
    moved = gaussian_filter1d(held, 0.022 * scene.fps, axis=0, mode="nearest")
    moved = moved * (amount * np.broadcast_to(style.gaze, scene.time.shape))[:, None]
    return moved[:, 0], moved[:, 1]


def _look(horizontal: FloatArray, vertical: FloatArray) -> FloatArray:
    """Eye blendshapes [T,52] for a gaze: to the image's right is to the person's left."""
    rows = np.zeros((len(horizontal), BLENDSHAPE_COUNT))
    for name, value in (
        ("eyeLookOutLeft", horizontal),
        ("eyeLookInRight", horizontal),
        ("eyeLookInLeft", -horizontal),
        ("eyeLookOutRight", -horizontal),
        ("eyeLookUpLeft", vertical),
        ("eyeLookUpRight", vertical),
        ("eyeLookDownLeft", -vertical),
        ("eyeLookDownRight", -vertical),
    ):
        rows[:, BLENDSHAPE_INDEX[name]] = np.maximum(value, 0.0)
    return rows


def _head(scene: _Scene, style: EmotionStyle, random: np.random.Generator) -> FloatArray:
    """[T,6] slow drift that settles in pauses, nods on stressed syllables, and the emotion's posture."""
    frames = len(scene.time)
    waves = random.standard_normal((3, 6))
    pitches = DRIFT_HZ * random.uniform(0.3, 1.6, (3, 6))
    phases = random.uniform(0, 2 * np.pi, (3, 6))
    size, side = random.uniform(0.5, 1.0, 4096), random.standard_normal((4096, 2))
    clock = np.cumsum(np.broadcast_to(style.head_speed, (frames,))) / scene.fps
    drift = (waves * np.sin(2 * np.pi * pitches * clock[:, None, None] + phases)).sum(2) / np.sqrt(3.0)  # [T,3]
    awake = 0.45 + 0.55 * gaussian_filter1d(scene.speaking, 0.35 * scene.fps, mode="nearest")
    pose = np.zeros((frames, 6))
    pose[:, :3] = drift * HEAD_DRIFT * (awake * style.head)[:, None]
    for index, (moment, stress) in enumerate(zip(scene.stress_s, scene.stress, strict=True)):
        bump = _bump(scene.time - moment, 0.13, 0.3) * stress * size[index % 4096] * NOD
        pose[:, 0] += bump * style.nods
        pose[:, 1:3] += bump[:, None] * 0.35 * side[index % 4096]
    pose[:, 0] += style.bow
    pose[:, 1] += style.turn
    pose[:, 2] += style.tilt
    pose[:, 5] += style.lean
    return pose


def _breath(scene: _Scene, style: EmotionStyle, random: np.random.Generator) -> FloatArray:
    """[T,6] a slow rise and fall, deeper when nothing is said."""
    phase = random.uniform(0, 2 * np.pi)
    quiet = 1.0 - 0.6 * gaussian_filter1d(scene.speaking, 0.5 * scene.fps, mode="nearest")
    wave = np.sin(2 * np.pi * BREATH_HZ * scene.time + phase) * quiet * style.breath
    pose = np.zeros((len(scene.time), 6))
    pose[:, 0], pose[:, 4] = -BREATH[0] * wave, BREATH[1] * wave
    return pose


def _brows(scene: _Scene, style: EmotionStyle, amount: float, random: np.random.Generator) -> FloatArray:
    """Brow blendshapes [T,52]: raised on some of the stressed syllables, one side a little more."""
    chosen, size = random.random(4096), random.uniform(0.5, 1.0, 4096)
    lean = 1.0 + 0.18 * random.uniform(-1.0, 1.0)
    raised = np.zeros(len(scene.time))
    for index, (moment, stress) in enumerate(zip(scene.stress_s, scene.stress, strict=True)):
        if chosen[index % 4096] < 0.25 + 0.5 * stress:
            raised = np.maximum(raised, _bump(scene.time - moment + 0.06, 0.14, 0.34) * stress * size[index % 4096])
    raised = raised * amount * style.brows
    rows = np.zeros((len(scene.time), BLENDSHAPE_COUNT))
    for name, share in (("browInnerUp", 0.3), ("browOuterUpLeft", 0.26 * lean), ("browOuterUpRight", 0.26 / lean)):
        rows[:, BLENDSHAPE_INDEX[name]] = share * raised
    return rows


def _bump(since: FloatArray, rise_s: float, fall_s: float) -> FloatArray:
    """[T] 0..1, up and back with eased ends, highest at 0."""
    up = np.clip(1.0 + since / rise_s, 0.0, 1.0)
    down = np.clip(1.0 - since / fall_s, 0.0, 1.0)
    return smoothstep(np.minimum(up, down))

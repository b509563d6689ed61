"""Life besides the lips: blinks, glances, head motion, breathing and brows, drawn from a seed.

Processes in time: each knows the past and nothing of what will be said or shown later, or how long the clip is, so that
a film and a live face live in the same way. A clip may be made in one go or frame by frame. Everything is drawn in
seconds, so the same seed gives the same life at any frame rate, and each part has its own random numbers, so switching
one off leaves the others as they were. Timing: blinks last 0.1-0.4 s with a close twice as fast as the opening (Stern,
Walrath & Goldstein, "The endogenous eyeblink", 1984) and come 2-10 s apart, more at the ends of phrases; fixations last
0.3-4 s (Lee, Badler & Badler, "Eyes Alive", 2002); nods and brows go with stressed syllables (Graf et al., "Visual
prosody", 2002), and listeners nod (Yngve, "On getting a word in edgewise", 1970).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX
from talker.curves import smoothstep
from talker.motion.emotion_style import EmotionStyle
from talker.options import SpeakOptions
from talker.smoothing import Smoother
from talker.speech.stress import Stress
from talker.types import FloatArray

CLOSE_S, SHUT_S, OPEN_S = 0.085, 0.04, 0.19  # phases of a blink
BLINK_S = CLOSE_S + SHUT_S + OPEN_S
BLINK_EVERY_S = 3.6  # median
EARLIER_S, LATER_S = 0.7, 0.4  # a blink comes at most so much earlier or later to meet the end of a phrase
FIXATION_S = 1.3
GLANCE = (0.13, 0.06)  # spread of glances, horizontal and vertical, in eyeLook units
LOOK_BACK = 0.55  # share of glances that return to the viewer
SACCADE_S = 0.022  # spread of the step from one place to the next, which takes two frames
TREMOR, TREMOR_S, TREMOR_KEPT = 0.0078, 0.35, 0.6  # eyeLook units; how often the eyes' rest changes, and how little
HEAD_DRIFT = np.array([0.016, 0.026, 0.014])  # spread of pitch, yaw, roll (rad)
DRIFT_HZ = 0.32
NOD = 0.035  # rad, of a strongly stressed syllable
NOD_AFTER_S, BROWS_AFTER_S = 0.02, 0.03  # a nod and raised brows are highest this long after the stress
NOD_RISE_S, NOD_FALL_S, BROWS_RISE_S, BROWS_FALL_S = 0.13, 0.3, 0.14, 0.34
LISTENER_NOD = 0.018  # rad, of somebody who listens,
LISTENER_NOD_EVERY_S = (3.5, 9.0)  # so often; and often twice
SILENT_S = 1.6  # after which somebody listens
BREATH_HZ = 0.27
BREATH = (0.004, 0.0022)  # rad of pitch and face widths of rise
FOLLOW, FOLLOW_S = 0.15, 0.2  # rad per eyeLook unit, and how slowly the head follows the eyes
AWAKE_S, QUIET_S = 0.25, 0.35  # how slowly head and breath notice that somebody speaks
EASE_IN_S = 0.6  # the head starts in the portrait's own pose
RANDOM_STREAMS = ("blinks", "gaze", "head", "breath", "brows", "listening")


@dataclass(frozen=True)
class NonverbalMotion:
    """What comes on top of speech and expression.

    blendshapes: [T,52] of gaze and brows, to be added. blink: [T] 0 open .. 1 shut. pose: [T,6].
    """

    blendshapes: FloatArray
    blink: FloatArray
    pose: FloatArray


class NonverbalProcess:
    """The life of one face from its first frame on. Amounts come from `options`; an amount of 0 switches a part off.

    end_s: when the film ends, so that its last frame shows open eyes; None where nobody knows.
    """

    def __init__(self, options: SpeakOptions, fps: float, end_s: float | None = None) -> None:
        self._options, self._fps, self._frame = options, fps, 0
        random = {name: np.random.default_rng([options.seed, index]) for index, name in enumerate(RANDOM_STREAMS)}
        self._blinks = _Blinks(random["blinks"], fps, options.blinks, end_s)
        self._gaze = _Gaze(random["gaze"], fps, options.gaze)
        self._head = _Head(random["head"], random["listening"], fps)
        self._breath_phase = random["breath"].uniform(0, 2 * np.pi)
        self._brows = _Brows(random["brows"], options.brows)
        self._follow, self._quiet = Smoother(FOLLOW_S, fps), Smoother(QUIET_S, fps, 0.5)

    def advance(self, speaking: FloatArray, style: EmotionStyle, stresses: Sequence[Stress]) -> NonverbalMotion:
        """The next frames.

        speaking: [n] 0..1, the frames in which something is said. style: of each of them. stresses: that have become
        known since the last call, each before its effect begins.
        """
        frames = len(speaking)
        manner = {trait.name: np.broadcast_to(getattr(style, trait.name), frames) for trait in fields(style)}
        time = (self._frame + np.arange(frames)) / self._fps
        self._frame += frames
        blendshapes = self._brows(time, manner["brows"], stresses)
        horizontal, vertical = self._gaze(time, manner)
        blendshapes += _look(horizontal, vertical)
        blink = self._blinks(time, speaking, manner)
        pose, amount = self._head(time, speaking, manner, stresses), self._options.head
        pose *= amount
        pose[:, 1] += FOLLOW * self._follow(horizontal) * amount  # the head goes a little where the eyes have gone
        quiet = 1.0 - 0.6 * self._quiet(speaking)  # a slow rise and fall, deeper when nothing is said
        wave = np.sin(2 * np.pi * BREATH_HZ * time + self._breath_phase) * quiet * manner["breath"] * min(amount, 1.0)
        pose[:, 0] -= BREATH[0] * wave
        pose[:, 4] += BREATH[1] * wave
        pose *= 0.0 if self._options.still else smoothstep(time / EASE_IN_S)[:, None]
        return NonverbalMotion(blendshapes, blink, pose)


class _Blinks:
    """Blinks come when they are due, but where somebody speaks with the end of a phrase, if one is near."""

    def __init__(self, random: np.random.Generator, fps: float, amount: float, end_s: float | None) -> None:
        self._random, self._fps, self._amount, self._end_s = random, fps, amount, end_s
        self._clock, self._spoke = 0.0, 0.0
        self._late: float | None = None  # when a blink was due that waits for the end of a phrase
        self._going: deque[tuple[float, float, float]] = deque()  # (start s, pace, depth)
        self._next = self._interval() * random.uniform(0.2, 1.0)

    def __call__(self, time: FloatArray, speaking: FloatArray, manner: dict[str, FloatArray]) -> FloatArray:
        """[n] how shut the lids are."""
        blink = np.zeros(len(time))
        if self._amount == 0:
            return blink
        rates, paces = self._amount * manner["blinks"], manner["blink_s"]
        for index, (now, voice, rate) in enumerate(zip(time.tolist(), speaking.tolist(), rates.tolist(), strict=True)):
            phrase_ends, self._spoke = self._spoke >= 0.5 > voice, voice
            if phrase_ends and (self._late is not None or self._next - self._clock < EARLIER_S * rate):
                if self._late is None:
                    self._next += self._interval()
                self._start(now, paces[index])
            elif self._late is not None and (voice < 0.5 or now - self._late >= LATER_S):
                self._start(self._late + LATER_S if voice >= 0.5 else now, paces[index])
            if self._next <= self._clock + rate / self._fps:
                due = now + max(0.0, self._next - self._clock) / rate
                self._next += self._interval()
                if voice >= 0.5:
                    self._late = due
                else:
                    self._start(due, paces[index])
            self._clock += rate / self._fps
            blink[index] = self._shut(now)
        return blink

    def _interval(self) -> float:
        """Time until the next blink, at the usual rate."""
        return float(np.clip(BLINK_EVERY_S * np.exp(0.45 * self._random.standard_normal()), 2.0, 10.0))

    def _start(self, moment_s: float, pace: float) -> None:
        self._late = None
        depth, length = self._random.uniform(0.92, 1.0), self._random.uniform(0.85, 1.2) * pace
        if self._end_s is None or moment_s + length * BLINK_S <= self._end_s:
            self._going.append((moment_s, length, depth))

    def _shut(self, now: float) -> float:
        """How shut the lids are now."""
        while self._going and now > self._going[0][0] + self._going[0][1] * BLINK_S:
            self._going.popleft()
        shut = 0.0
        for start_s, pace, depth in self._going:
            since = (now - start_s) / pace
            closing = min(max(since / CLOSE_S, 0.0), 1.0)
            opening = min(max((since - CLOSE_S - SHUT_S) / OPEN_S, 0.0), 1.0)
            shut = max(shut, float(depth * np.sin(0.5 * np.pi * closing) ** 2 * np.cos(0.5 * np.pi * opening) ** 2))
        return shut


class _Gaze:
    """Glances: fixations, a saccade of two frames between them, and the small unrest of eyes that are fixed."""

    def __init__(self, random: np.random.Generator, fps: float, amount: float) -> None:
        self._random, self._fps, self._amount = random, fps, amount
        self._clock, self._next, self._shiver = 0.0, self._interval(), 0.0
        self._target: FloatArray = np.zeros(2)
        self._rest: FloatArray = np.zeros(2)
        reach = max(1, round(2 * SACCADE_S * fps))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (SACCADE_S * fps)) ** 2)
        self._kernel = kernel / kernel.sum()
        self._past = np.zeros((2 * reach, 2))

    def __call__(self, time: FloatArray, manner: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """(horizontal, vertical) [n] in eyeLook units: + is to the image's right, and up."""
        held = np.empty((len(time), 2))
        for index, (now, rate) in enumerate(zip(time.tolist(), manner["gaze_rate"].tolist(), strict=True)):
            while self._next <= self._clock:
                self._next += self._interval()
                back = 0.2 if self._random.random() < LOOK_BACK else 1.0
                self._target = self._random.standard_normal(2) * GLANCE * back
            while self._shiver <= now:
                self._shiver += TREMOR_S
                self._rest = TREMOR_KEPT * self._rest + TREMOR * self._random.standard_normal(2)
            self._clock += rate / self._fps
            held[index] = self._target + self._rest
        seen = np.concatenate([self._past, held])
        self._past = seen[len(seen) - len(self._past) :]
        moved = np.stack([np.convolve(seen[:, axis], self._kernel, mode="valid") for axis in (0, 1)])
        moved *= self._amount * manner["gaze"]
        return moved[0], moved[1]

    def _interval(self) -> float:
        """How long the eyes stay, at the usual rate."""
        return float(np.clip(self._random.gamma(2.0, FIXATION_S / 2), 0.3, 4.0))


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


class _Head:
    """Slow drift that settles in pauses, nods on stressed syllables and of a listener, and the emotion's posture."""

    def __init__(self, random: np.random.Generator, listening: np.random.Generator, fps: float) -> None:
        self._random, self._listening, self._fps = random, listening, fps
        self._waves = random.standard_normal((3, 6))
        self._rates = DRIFT_HZ * random.uniform(0.3, 1.6, (3, 6))
        self._phases = random.uniform(0, 2 * np.pi, (3, 6))
        self._clock, self._silent_s = 0.0, 0.0
        self._awake = Smoother(AWAKE_S, fps, 0.5)
        self._nods: list[tuple[float, FloatArray]] = []  # (highest at s, [3] pitch, yaw, roll in rad)
        self._next_nod_s = listening.uniform(*LISTENER_NOD_EVERY_S)

    def __call__(
        self, time: FloatArray, speaking: FloatArray, manner: dict[str, FloatArray], stresses: Sequence[Stress]
    ) -> FloatArray:
        """[n,6] the head's pose."""
        clock = self._clock + np.cumsum(manner["head_speed"]) / self._fps
        self._clock = float(clock[-1])
        drift = (self._waves * np.sin(2 * np.pi * self._rates * clock[:, None, None] + self._phases)).sum(2)  # [n,3]
        awake = 0.45 + 0.55 * self._awake(speaking)
        pose = np.zeros((len(time), 6))
        pose[:, :3] = drift / np.sqrt(3.0) * HEAD_DRIFT * (awake * manner["head"])[:, None]
        for stress in stresses:
            size, side = self._random.uniform(0.5, 1.0), self._random.standard_normal(2)
            turn = stress.strength * size * NOD * np.array([1.0, *(0.35 * side)])
            self._nods.append((stress.moment_s + NOD_AFTER_S, turn))
        self._listen(time, speaking)
        for highest_s, nod in self._nods:
            bump = _bump(time - highest_s, NOD_RISE_S, NOD_FALL_S)
            pose[:, 0] += bump * nod[0] * manner["nods"]
            pose[:, 1:3] += bump[:, None] * nod[1:]
        self._nods = [nod for nod in self._nods if nod[0] + NOD_FALL_S > time[-1]]
        pose[:, 0] += manner["bow"]
        pose[:, 1] += manner["turn"]
        pose[:, 2] += manner["tilt"]
        pose[:, 5] += manner["lean"]
        return pose

    def _listen(self, time: FloatArray, speaking: FloatArray) -> None:
        """Nod now and then while nobody has spoken for a while."""
        for now, voice in zip(time.tolist(), speaking.tolist(), strict=True):
            self._silent_s = self._silent_s + 1 / self._fps if voice < 0.5 else 0.0
            if self._silent_s > SILENT_S and now >= self._next_nod_s:
                size = LISTENER_NOD * self._listening.uniform(0.6, 1.2)
                begun_s = max(self._next_nod_s, now - 1 / self._fps)
                for again in range(self._listening.integers(1, 3)):
                    turn = np.array([size * 0.7**again, 0.0, 0.0])
                    self._nods.append((begun_s + NOD_RISE_S + again * (NOD_RISE_S + NOD_FALL_S), turn))
                self._next_nod_s = begun_s + self._listening.uniform(*LISTENER_NOD_EVERY_S)


class _Brows:
    """Brows rise on some of the stressed syllables, one side a little more."""

    def __init__(self, random: np.random.Generator, amount: float) -> None:
        self._random, self._amount = random, amount
        self._lean = 1.0 + 0.18 * random.uniform(-1.0, 1.0)
        self._raised: list[tuple[float, float]] = []  # (highest at s, how far)

    def __call__(self, time: FloatArray, brows: FloatArray, stresses: Sequence[Stress]) -> FloatArray:
        """[n,52] blendshapes."""
        for stress in stresses:
            chosen, size = self._random.random(), self._random.uniform(0.5, 1.0)
            if chosen < 0.25 + 0.5 * stress.strength:
                self._raised.append((stress.moment_s + BROWS_AFTER_S, stress.strength * size))
        raised: FloatArray = np.zeros(len(time))
        for highest_s, size in self._raised:
            raised = np.maximum(raised, _bump(time - highest_s, BROWS_RISE_S, BROWS_FALL_S) * size)
        self._raised = [rise for rise in self._raised if rise[0] + BROWS_FALL_S > time[-1]]
        raised = raised * self._amount * brows
        rows = np.zeros((len(time), BLENDSHAPE_COUNT))
        shares = (("browInnerUp", 0.3), ("browOuterUpLeft", 0.26 * self._lean), ("browOuterUpRight", 0.26 / self._lean))
        for name, share in shares:
            rows[:, BLENDSHAPE_INDEX[name]] = share * raised
        return rows


def _bump(since: FloatArray, rise_s: float, fall_s: float) -> FloatArray:
    """[T] 0..1, up and back with eased ends, highest at 0."""
    up = np.clip(1.0 + since / rise_s, 0.0, 1.0)
    down = np.clip(1.0 - since / fall_s, 0.0, 1.0)
    return smoothstep(np.minimum(up, down))

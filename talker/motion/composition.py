"""Speech, emotion and life become one motion in which the speech still reads.

The emotion is an additive displacement, as in EAMM (Ji et al., 2022): strength scales it, two emotions mix, and at
strength 0 the neutral talker is left, bit for bit. It may not open lips that speech closes nor close what speech
opens; sums saturate smoothly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from threadpoolctl import threadpool_limits

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.curves import at_frames, smoothstep
from talker.motion.emotion_course import EmotionEnvelope, EmotionRows
from talker.motion.emotion_style import EMOTION_STYLES, EmotionStyle
from talker.motion.lips import LipGeometry
from talker.motion.nonverbal import NonverbalProcess
from talker.options import SpeakOptions
from talker.speech.analysis import SpeechAnalysis
from talker.speech.stress import Stress
from talker.types import EMOTION_LABELS, EmotionCode, FaceMotion, FloatArray

SHUT, PARTED = 0.004, 0.022  # lip opening (face widths) below which speech means closed lips, above which it doesn't
VOWEL, OPEN_VOWEL = 0.025, 0.06  # lip opening from which speech means an open mouth, and certainly does
PART, PARTS = 0.012, 0.035  # lip opening from which an emotion begins not to close it, and may not at all
ALREADY_OPEN = 0.3  # part of an emotion's opening that is left out on an open vowel
# Part of an emotion's opening that is shown while something is said; with less, surprise and anger are no longer read
# (judge, portraits 1-150).
OPENS_WHILE_SPEAKING = 0.85
LASTS_S = 0.2  # for which a closure, a vowel or a rounding is respected before and after it
SHUTS_S = 0.04  # spread of the time over which lips are brought together against an emotion that parts them
PAUSE_S = 0.4  # a pause up to twice as long doesn't open the mouth as silence does
OPENS = 0.004  # face widths: a channel that parts the lips more than this per unit is held back on closures
SPREADS = 0.02  # face widths: a channel that widens the mouth more than this per unit gives way to rounding
ROUNDED, YIELD_TO_ROUNDING = 0.7, 0.3  # pucker and funnel that count as fully rounded; the part that gives way
KNEE, ROOM = 0.8, 0.35  # values above the knee are squeezed into the room above it
SNEER_CAP, SNEER_KNEE = 1.4, 1.0  # noseSneer + mouthUpperUp of one side
COURSE_S = 0.12  # movements of the mouth that are slower than this are its course, not single sounds
COURSE_REACH_S = 0.28  # how far before and behind it the course is seen
BLOCK_S = 10.0  # of a film that are composed at once
STRESS_REACH_S = 0.5  # before a stress nothing moves for it
SIDES = ("Left", "Right")
ROUND = [BLENDSHAPE_INDEX["mouthPucker"], BLENDSHAPE_INDEX["mouthFunnel"]]
CLOSE = BLENDSHAPE_INDEX["mouthClose"]
NOSE = [BLENDSHAPE_INDEX[f"noseSneer{side}"] for side in SIDES]
UPPER = [BLENDSHAPE_INDEX[f"mouthUpperUp{side}"] for side in SIDES]
UPPER_STAYS = 0.6  # least part of a raised upper lip that is shown, on closed lips too: `enforce_closure` follows
BARING = [*UPPER, *(BLENDSHAPE_INDEX[f"mouthLowerDown{side}"] for side in SIDES)]
JAW = BLENDSHAPE_INDEX["jawOpen"]
# Talking hides part of every emotion around the mouth, and an open mouth reads as surprise. What speech leaves free
# shows that much more meanwhile: found with the judge on portraits 1-150.
MORE_WHILE_TALKING = 0.5
FREE = [
    i
    for name, i in BLENDSHAPE_INDEX.items()
    if name.startswith(("brow", "eyeWide", "nose", "mouthSmile", "mouthFrown", "mouthStretch", "mouthDimple"))
]  # fmt: skip; lids stay open


class Composer:
    """The whole face, block after block: lips that speak, an emotion, blinks, gaze, head and brows.

    Blocks of any length give the same motion. end_s: when the film ends; None where nobody knows, as live.
    """

    def __init__(self, options: SpeakOptions, fps: float, end_s: float | None = None) -> None:
        self._fps = fps
        self._life = NonverbalProcess(options, fps, end_s)
        self._envelope = EmotionEnvelope(fps, end_s)

    def advance(
        self, spoken: SpokenMouth, loudness: FloatArray, emotion: EmotionRows, stresses: Sequence[Stress]
    ) -> FaceMotion:
        """The next frames. loudness: [n] 0..1. stresses: as for `NonverbalProcess.advance`."""
        voice, mouth = spoken.voice, spoken.mouth
        shown = emotion.strength * self._envelope(voice, loudness)
        life = self._life.advance(voice, emotion.style, stresses)
        offset = apply_lip_constraints(emotion.offset * shown[:, None], spoken.constraints)
        limited = soft_limit(cap_sneer(with_eyes(mouth + offset + life.blendshapes, life.blink)))
        face = enforce_closure(limited, mouth, spoken.constraints.shut).astype(np.float32)
        return FaceMotion(face, life.pose.astype(np.float32), self._fps, shown_probabilities(emotion, shown))


@threadpool_limits.wrap(limits=1, user_api="blas")  # products this small lose time to a second thread
def compose(
    mouth_motion: FaceMotion,
    emotion: EmotionCode,
    speech: SpeechAnalysis,
    options: SpeakOptions,
    styles: Mapping[str, EmotionStyle] = EMOTION_STYLES,
) -> FaceMotion:
    """The whole face: `mouth_motion` (lips, jaw, tongue of `speech`) with an emotion, blinks, gaze, head and brows.

    The same arguments give the same motion bit for bit; `options.seed` chooses the life. styles: how each label
    changes the way one moves.
    """
    frames, fps = len(mouth_motion), mouth_motion.fps
    rows = EmotionRows.of(emotion, frames, fps, options.pace, styles)
    end = speech.film_end(frames, fps)
    said, voice = mouth_motion.blendshapes * end[:, None], speech.speaking(frames, fps) * end
    spoken = SpokenMouth.of(said, voice, rows.style, options, fps)
    loudness = at_frames(speech.prosody.loudness[:, None], frames, fps, speech.prosody.rate_hz)[:, 0]
    composer, stresses, block = Composer(options, fps, (frames - 1) / fps), speech.stresses, round(BLOCK_S * fps)
    parts = []
    for start in range(0, frames, block):
        part, known_s = slice(start, start + block), (start + block) / fps + STRESS_REACH_S
        new = [stress for stress in stresses if stress.moment_s < known_s]
        stresses = stresses[len(new) :]
        parts.append(composer.advance(spoken.during(part), loudness[part], rows.during(part), new))
    return joined(parts)


def joined(parts: Sequence[FaceMotion]) -> FaceMotion:
    """Composed motions, one after the other."""
    read = [part.emotion_probabilities for part in parts if part.emotion_probabilities is not None]
    blendshapes, pose = (np.concatenate([getattr(part, name) for part in parts]) for name in ("blendshapes", "pose"))
    return FaceMotion(blendshapes, pose, parts[0].fps, np.concatenate(read))


@dataclass(frozen=True)
class SpokenMouth:
    """The mouth [T,52] as it is spoken with an emotion's manner, the voice [T], and what both ask of the lips."""

    mouth: FloatArray
    voice: FloatArray
    constraints: LipConstraints

    @classmethod
    def of(
        cls, mouth: FloatArray, voice: FloatArray, style: EmotionStyle, options: SpeakOptions, fps: float
    ) -> SpokenMouth:
        """Of the motion of lips [T,52] and its voice [T]; a frame depends on those up to COURSE_REACH_S around it."""
        said = delivered(mouth.astype(np.float64), voice, np.full(len(mouth), options.mouth), options.articulation, fps)
        constraints = LipConstraints.of(said, voice, fps, rests=True)
        return cls(baring_teeth(said, np.asarray(style.bared) * (1.0 - constraints.closing), fps), voice, constraints)

    def during(self, part: slice) -> SpokenMouth:
        """A part of the time."""
        return SpokenMouth(self.mouth[part], self.voice[part], self.constraints.during(part))


def shown_probabilities(emotion: EmotionRows, shown: FloatArray) -> FloatArray:
    """How the face reads [T,8] (`EMOTION_LABELS`) with an emotion that is shown this strongly [T]; weak is neutral."""
    share = np.clip(shown, 0, 1)[:, None]
    rows = share * emotion.probabilities
    rows[:, EMOTION_LABELS.index("neutral")] += 1 - share[:, 0]
    return rows.astype(np.float32)


def course(values: FloatArray, fps: float) -> FloatArray:
    """The slow course of values [T,...]: without what is quicker than COURSE_S."""
    return gaussian_filter1d(values, COURSE_S * fps, axis=0, mode="nearest", radius=round(COURSE_REACH_S * fps))


def delivered(
    mouth: FloatArray, voice: FloatArray, amplitude: FloatArray, articulation: float, fps: float
) -> FloatArray:
    """The mouth [T,52] as this person says it now: how far it moves [T], and how much of that is quick.

    Articulation weighs the movements of single sounds against the slow course of the mouth: 0 mumbles, 2 spells out.
    At 1 both change nothing, bit for bit; lips that speech closes stay closed.
    """
    quick = mouth - course(mouth, fps)
    shut = meant_shut(LipGeometry.load().opening_of(mouth), voice)
    more = ((articulation - 1.0) * (1.0 - shut) * voice)[:, None]
    return np.maximum(mouth + more * quick, 0.0) * amplitude[:, None]


def baring_teeth(mouth: FloatArray, share: FloatArray, fps: float) -> FloatArray:
    """The mouth [T,52] with a share [T] of the jaw's opening made by the lips, as clenched and smiling speech do.

    Only the jaw's slow course moves over, so that teeth don't come and go with each sound. The lips are as far open as
    before; at 0 nothing changes, bit for bit.
    """
    geometry = LipGeometry.load()
    opened = share * course(mouth[:, JAW], fps)
    bared = mouth.copy()
    bared[:, JAW] -= opened
    bared[:, BARING] += (opened * geometry.opening[JAW] / geometry.opening[BARING].sum())[:, None]
    return bared


def peak_expression(emotion: EmotionCode) -> FloatArray:
    """The still face [52] of an emotion at its strongest moment, as a silent portrait would show it."""
    shown = emotion.blendshape_offset * emotion.strength[:, None]  # [T,52]
    strongest = shown[np.abs(shown).sum(1).argmax()]
    return soft_limit(cap_sneer(strongest[None]))[0].astype(np.float32)


@dataclass(frozen=True)
class LipConstraints:
    """What speech does with the lips, [T] each, 0..1: what an emotion has to leave alone.

    Each lasts a little longer on both sides than the sound that asks for it, and eases in and out. So what is held back
    on one closure is not shown for a moment before the next: teeth that come and go with each of them tremble.
    shut: lips meet, as long as they do. closing: the same and around it. vowel: the mouth is wide open. parted: it is
    open at all. rounding: lips are rounded. talking: something is said, or was a moment ago.
    """

    shut: FloatArray
    closing: FloatArray
    vowel: FloatArray
    parted: FloatArray
    rounding: FloatArray
    talking: FloatArray

    @classmethod
    def of(cls, mouth: FloatArray, voice: FloatArray, fps: float, *, rests: bool = False) -> LipConstraints:
        """Of a mouth [T,52] that speaks, with its voice [T]. rests: silence closes the lips, too, not speech alone."""
        opening = LipGeometry.load().opening_of(mouth)
        sounds = LASTS_S * fps
        shut = meant_shut(opening, np.maximum(voice, rests))
        return cls(
            np.maximum(shut, gaussian_filter1d(shut, SHUTS_S * fps, mode="nearest")),
            dilate_in_time(shut, sounds),
            dilate_in_time(smoothstep((opening - VOWEL) / (OPEN_VOWEL - VOWEL)), sounds),
            dilate_in_time(smoothstep((opening - PART) / (PARTS - PART)), sounds),
            dilate_in_time(smoothstep(mouth[:, ROUND].sum(1) / ROUNDED), sounds),
            lingering(voice, PAUSE_S * fps),
        )

    def during(self, part: slice) -> LipConstraints:
        """A part of the time."""
        return LipConstraints(*(getattr(self, name)[part] for name in self.__dataclass_fields__))


def dilate_in_time(asked: FloatArray, frames: float) -> FloatArray:
    """[T] at least what is asked [T] at every moment, begun `frames` before it, ended after it, with eased sides."""
    reach = round(frames)
    longer = maximum_filter1d(asked, 2 * reach + 1)
    return gaussian_filter1d(longer, max(reach, 1) / 2, mode="nearest", radius=reach)  # sees as far as `longer` reaches


def lingering(asked: FloatArray, frames: float) -> FloatArray:
    """[T] at least what is asked [T], half of that still after `frames`, nothing after twice as many."""
    longer, left = asked.copy(), smoothstep(1.0 - np.arange(int(2 * frames) + 1) / (2 * frames))
    for back in range(1, min(len(left), len(asked))):
        longer[back:] = np.maximum(longer[back:], asked[:-back] * left[back])
    return longer


def apply_lip_constraints(offset: FloatArray, said: LipConstraints) -> FloatArray:
    """The emotion [T,52] without what would undo the speech.

    Where speech closes the lips, what opens them is left out; where it parts them, what closes them is; where it
    rounds them, some of what spreads them. What leaves the speech alone is shown the more while something is said.
    """
    geometry = LipGeometry.load()
    opens = (offset * geometry.opening > 0) & (np.abs(geometry.opening) > OPENS)
    closes = (offset * geometry.opening < 0) & (np.abs(geometry.opening) > OPENS)
    spreads = (offset * geometry.width > 0) & (geometry.width > SPREADS)
    peak_expression = (1.0 - said.closing) * (
        1.0 - ALREADY_OPEN * said.vowel
    )  # a mouth that speech has opened isn't opened twice
    peak_expression = peak_expression * (1.0 - (1.0 - OPENS_WHILE_SPEAKING) * said.talking)
    kept = np.where(opens, peak_expression[:, None], 1.0) * np.where(closes, 1.0 - said.parted[:, None], 1.0)
    kept[:, NOSE] = 1.0  # or anger and disgust would lose their look
    kept[:, UPPER] = np.maximum(kept[:, UPPER], UPPER_STAYS)
    kept[:, FREE] *= (1.0 + MORE_WHILE_TALKING * said.talking)[:, None]
    return offset * kept * np.where(spreads, 1.0 - YIELD_TO_ROUNDING * said.rounding[:, None], 1.0)


def meant_shut(opening: FloatArray, voice: FloatArray) -> FloatArray:
    """[T] 1 where lips `opening` [T] face widths apart are meant to be closed by speech (not by silence)."""
    return smoothstep((PARTED - opening) / (PARTED - SHUT)) * voice


def enforce_closure(face: FloatArray, mouth: FloatArray, shut: FloatArray) -> FloatArray:
    """`face` [T,52] with lips no further apart than speech alone had them, as far as it meant them `shut` [T]."""
    geometry = LipGeometry.load()
    excess = np.maximum(geometry.opening_of(face) - geometry.opening_of(mouth), 0.0) * shut
    closed = face.copy()
    closed[:, CLOSE] += excess / -geometry.opening[CLOSE]
    return closed


def with_eyes(face: FloatArray, blink: FloatArray) -> FloatArray:
    """`face` [T,52] with the blinks [T]: lids meet whatever the emotion, and the eyeball sinks a little."""
    blinking = face.copy()
    for side in SIDES:
        lid, wide, squint = (BLENDSHAPE_INDEX[f"{name}{side}"] for name in ("eyeBlink", "eyeWide", "eyeSquint"))
        resting = np.clip(face[:, lid], 0.0, 1.0)
        blinking[:, lid] = face[:, lid] + (1.0 - resting) * blink
        blinking[:, wide] *= 1.0 - blink
        blinking[:, squint] *= 1.0 - 0.5 * blink
        blinking[:, BLENDSHAPE_INDEX[f"eyeLookDown{side}"]] += 0.1 * blink
    return blinking


def cap_sneer(face: FloatArray) -> FloatArray:
    """`face` [T,52] with noseSneer + mouthUpperUp of each side kept under 1.4 together, where it looks monstrous."""
    capped = face.copy()
    for side in SIDES:
        pair = [BLENDSHAPE_INDEX[f"noseSneer{side}"], BLENDSHAPE_INDEX[f"mouthUpperUp{side}"]]
        total = np.maximum(face[:, pair].sum(1), 1e-6)
        room = SNEER_CAP - SNEER_KNEE
        allowed = np.where(total > SNEER_KNEE, SNEER_KNEE + room * np.tanh((total - SNEER_KNEE) / room), total)
        capped[:, pair] *= (allowed / total)[:, None]
    return capped


def soft_limit(values: FloatArray) -> FloatArray:
    """Values squeezed smoothly into −0.3..1.15; between 0 and 0.8 they stay as they are."""
    high = KNEE + ROOM * np.tanh((values - KNEE) / ROOM)
    low = 0.3 * np.tanh(values / 0.3)
    return np.where(values > KNEE, high, np.where(values < 0, low, values))

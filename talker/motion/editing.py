"""Films: a filmed performance with another emotion, with another speech, or carried over to another face.

An emotion is edited as C-MET does (the difference of two codes moves the face), in blendshapes as EAMM has them: the
new expression is what was filmed, minus what its present emotion adds to it, plus the wanted emotion's offset. What
speech does with the lips, blinks, gaze and head stay as filmed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter, uniform_filter1d

from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.curves import smoothstep
from talker.errors import InputError
from talker.face.camera import relative_poses
from talker.face.tracked_video import TrackedVideo
from talker.motion.composition import (
    CLOSE,
    JAW,
    PART,
    SIDES,
    LipConstraints,
    apply_lip_constraints,
    cap_sneer,
    delivered,
    enforce_closure,
    soft_limit,
)
from talker.motion.emotion_style import code_rows
from talker.motion.lips import LipGeometry
from talker.options import MANNERS
from talker.types import EmotionCode, FaceMotion, FloatArray, Portrait

LASTING_S = 1.2  # speech moves the face several times in this; an emotion stays
STEADY_LIPS_S, STEADY_S = 0.03, 0.2  # standard deviations of smoothing
WIDENING = (-0.35, 0.9)  # of the lips' opening, by which an emotion makes it smaller or larger at most
STEADY_SHARE = 0.15  # of an emotion's opening that does not go with speech
CALM_SHARE = 0.2  # of a film's frames: those with the least expression show what the person looks like at rest
# Of the muscles that raise the brows, where an emotion lowers them: a filmed face raises them as it talks, and under
# brows that are lowered at one end only anger was not read (judge, `talking/expressions`).
BROWS_YIELD = 0.3
BLINK = (0.25, 0.6)  # of eyeBlink beyond the person's usual: a lid that closes, and one that is shut
TALKING_S = 0.5  # of lips that move: around it something is said
MOVING = 0.004  # face widths by which lips that speak move between frames of 25 a second


def _channels(*starts: str) -> list[int]:
    return [index for index, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(starts)]


MOUTH = _channels("jaw", "mouth", "tongue", "cheekPuff")
LASTING_MOUTH = _channels("mouthSmile", "mouthFrown", "mouthDimple")  # a dubbed mouth smiles or frowns on as filmed
BESIDE_MOUTH = [row for row in range(len(BLENDSHAPE_NAMES)) if row not in MOUTH]
# what faces are read by, beside lids and gaze
TELLING = _channels("mouthSmile", "mouthFrown", "mouthDimple", "cheekSquint", "browDown", "browInnerUp", "browOuterUp")
LOWERED, RAISED = _channels("browDown"), _channels("browInnerUp", "browOuterUp")
GAZE, LIDS = _channels("eyeLook"), _channels("eyeWide", "eyeSquint", "eyeBlink")


@dataclass(frozen=True)
class Performance:
    """What a filmed face does: blendshapes [T,52] as measured, frames per second, and where shots begin."""

    blendshapes: FloatArray
    fps: float
    shots: tuple[int, ...] = (0,)

    def __len__(self) -> int:
        return len(self.blendshapes)

    @cached_property
    def sustained(self) -> FloatArray:
        """[T,52] what lasts longer than a syllable."""
        window = max(1, round(LASTING_S * self.fps)) | 1
        parts = np.split(self.blendshapes, self.shots[1:])
        return np.concatenate([median_filter(part, (window, 1), mode="nearest") for part in parts if len(part)])

    def calm(self) -> FloatArray:
        """[52] the person at rest: the median of the frames with the least expression beside gaze and blinks.

        The mouth's is that of the frames whose lips are closest: speech seldom rests, and lips that meet must meet on
        another face, too.
        """
        counted = [row for row in range(self.sustained.shape[1]) if row not in GAZE]
        rest = self._median_where(np.abs(self.sustained[:, counted]).sum(1), self.sustained)
        opening = LipGeometry.load().opening_of(self.blendshapes)
        rest[MOUTH] = self._median_where(opening, self.blendshapes)[MOUTH]
        return rest

    @staticmethod
    def _median_where(effort: FloatArray, values: FloatArray) -> FloatArray:
        """[52] of the `values` [T,52] where `effort` [T] is least."""
        return np.asarray(np.median(values[effort <= np.quantile(effort, CALM_SHARE)], axis=0))

    def speaking(self) -> FloatArray:
        """[T] 1 around moments in which the lips move as speech moves them; what is filmed has to tell it by itself."""
        opening = LipGeometry.load().opening_of(self.blendshapes)
        moves = np.abs(np.gradient(opening)) * (self.fps / 25.0) if len(opening) > 1 else np.zeros(len(opening))
        reach = max(1, round(TALKING_S * self.fps))
        near = uniform_filter1d(np.maximum(moves - MOVING, 0.0), reach, mode="nearest")
        return smoothstep(near / (0.5 * MOVING))

    def smoothed(self, values: FloatArray) -> FloatArray:
        """`values` [T,52] of the film without the tracker's noise: lips and jaw over STEADY_LIPS_S, the rest longer."""
        result = np.empty_like(values)
        for start, end in zip(self.shots, (*self.shots[1:], len(values)), strict=True):
            for rows, seconds in ((MOUTH, STEADY_LIPS_S), (BESIDE_MOUTH, STEADY_S)):
                part = values[start:end, rows]
                result[start:end, rows] = gaussian_filter1d(part, seconds * self.fps, axis=0, mode="nearest")
        return result

    def blinking(self) -> FloatArray:
        """[T] 0..1 how far the lids close beyond where they usually are."""
        shut = np.mean([self.blendshapes[:, BLENDSHAPE_INDEX[f"eyeBlink{side}"]] for side in SIDES], axis=0)
        usual = np.median(shut)
        return smoothstep((shut - usual - BLINK[0]) / (BLINK[1] - BLINK[0]))


def with_emotion(
    filmed: Performance,
    wanted: EmotionCode | None,
    strength: float,
    *,
    present: EmotionCode,
    voice: FloatArray | None = None,
) -> FloatArray:
    """[T,52] the filmed face with another emotion.

    wanted: None changes what is there already: strength 1 doubles it, -1 takes it away. strength: -1..2; at 0 the
    result is the film, bit for bit; below, the face goes away from the wanted emotion. present: the emotion that is
    filmed. voice: [T] 0..1 where something is said; told from the lips when None.
    """
    if strength == 0:
        return filmed.blendshapes
    base = filmed.blendshapes.astype(np.float64)
    offset = _change(filmed, wanted, strength, present)
    return _added(base, offset, filmed, filmed.speaking() if voice is None else voice)


def dubbed(
    filmed: Performance,
    mouth: FaceMotion,
    wanted: EmotionCode | None,
    strength: float,
    *,
    present: EmotionCode,
    voice: FloatArray,
    amount: float = 1.0,
    articulation: float = 1.0,
) -> FloatArray:
    """[T,52] the filmed face saying something else: mouth and jaw from new speech, the rest as filmed.

    filmed: as many frames as the new speech has. mouth: lips and jaw of the new speech. wanted, strength: an emotion on
    top, as in `with_emotion`. amount, articulation: as in `SpeakOptions`.
    """
    said = delivered(mouth.blendshapes.astype(np.float64), voice, amount * np.ones(len(mouth)), articulation, mouth.fps)
    base = filmed.blendshapes.astype(np.float64)
    base[:, MOUTH] = said[:, MOUTH]
    kept = np.zeros_like(base)
    kept[:, LASTING_MOUTH] = filmed.sustained[:, LASTING_MOUTH]
    talking = Performance(base, filmed.fps, filmed.shots)
    if wanted is not None and strength != 0:
        kept = kept + _change(replace(talking, blendshapes=base + kept), wanted, strength, present)
    return _added(base, kept, talking, voice)


def transferred(filmed: Performance, *, relative: bool, source_expression: FloatArray | None = None) -> FloatArray:
    """[T,52] the filmed face for another one: as it is, or (`relative`) what it adds to the filmed person at rest.

    source_expression: [52] that the other face's picture shows; relative expressions are laid on a neutral face, with
    the gaze relative to both.
    """
    values = filmed.blendshapes.astype(np.float32)
    if not relative:
        result = values.copy()
        if source_expression is not None:
            result[:, GAZE] -= np.asarray(source_expression, np.float32)[GAZE]
        return result
    return values - filmed.calm().astype(np.float32)


def _rows(code: EmotionCode, filmed: Performance) -> FloatArray:
    """[T,52] what an emotion adds to the face at its own strength; where the person looks stays as filmed."""
    rows = code_rows(code, code.blendshape_offset * code.strength[:, None], len(filmed), filmed.fps).copy()
    rows[:, GAZE] = 0.0
    return rows


def _change(filmed: Performance, wanted: EmotionCode | None, strength: float, present: EmotionCode) -> FloatArray:
    """[T,52] what another emotion adds to the filmed face and takes from it; None and the rest as in `with_emotion`."""
    shown = _rows(present, filmed)
    if wanted is None:
        return strength * _what_is_there(shown, filmed)
    asked = _rows(wanted, filmed)
    lowered = np.clip(asked[:, LOWERED].mean(1) - asked[:, RAISED].max(1), 0.0, 1.0)
    asked[:, RAISED] -= BROWS_YIELD * lowered[:, None]
    return strength * asked - np.clip(strength, 0.0, 1.0) * _unwanted(asked, shown, filmed)


def _unwanted(asked: FloatArray, present: FloatArray, filmed: Performance) -> FloatArray:
    """What is taken out [T,52] to make room for an emotion that asks for [T,52]: what the present one adds, and what
    else lasts on the film's face that the wanted one does not show, such as a habitual smile under anger.
    """
    sustained = np.zeros_like(asked)
    sustained[:, TELLING] = np.maximum(filmed.sustained[:, TELLING] - np.maximum(asked[:, TELLING], 0.0), 0.0)
    return np.maximum(_what_is_there(present, filmed), sustained)


def _what_is_there(offset: FloatArray, filmed: Performance) -> FloatArray:
    """The part of an emotion's `offset` [T,52] that the film really shows for longer than a syllable."""
    shown = np.maximum(filmed.sustained, 0.0)
    return np.clip(offset, 0.0, shown)


def _added(base: FloatArray, offset: FloatArray, filmed: Performance, voice: FloatArray) -> FloatArray:
    """`base` [T,52] with as much of an `offset` [T,52] as speech and blinks leave room for.

    What an offset comes to depends on the face it is added to; it is worked out on the smoothed face, or the tracker's
    noise would shake what it moves.
    """
    said = LipConstraints.of(base, voice, filmed.fps)
    limited = apply_lip_constraints(offset, said)
    limited[:, LIDS] *= 1.0 - filmed.blinking()[:, None]
    limited = _with_speech(base, limited)
    steady = filmed.smoothed(base)
    changed = base + soft_limit(cap_sneer(steady + limited)) - soft_limit(cap_sneer(steady))
    return enforce_closure(changed, base, said.shut).astype(np.float32)


def _with_speech(base: FloatArray, offset: FloatArray) -> FloatArray:
    """The `offset` [T,52] with an opening of the lips that goes with that of `base` [T,52]: wider, but no other words.

    On average the lips open or close as far as the offset asks for; jaw and lips bring about what is missing.
    """
    geometry = LipGeometry.load()
    opening = np.maximum(geometry.opening_of(base), 0.0)
    added = offset @ geometry.opening
    is_open = opening > PART
    factor = 0.0
    if is_open.any():
        factor = float(np.clip(added[is_open].sum() / opening[is_open].sum(), *WIDENING))
    missing = factor * opening + STEADY_SHARE * (added - factor * opening) - added
    result = offset.copy()
    jaw = np.maximum(missing / geometry.opening[JAW], -np.maximum(base[:, JAW] + offset[:, JAW], 0.0))
    result[:, JAW] += jaw
    left = np.minimum(missing - jaw * geometry.opening[JAW], 0.0)  # what a shut jaw leaves open
    result[:, CLOSE] += left / geometry.opening[CLOSE]
    return result


def performance(tracked: TrackedVideo) -> Performance:
    """What the filmed face does."""
    return Performance(tracked.expressions, tracked.fps, tracked.track.shots)


def carried_over(tracked: TrackedVideo, portrait: Portrait, manner: str) -> FaceMotion:
    """The filmed performance for a portrait: expression, gaze and head.

    manner: "relative" adds what the filmed person does beyond rest to the portrait's neutral face and own head pose;
    "absolute" takes expression and head pose as they are filmed.
    """
    if manner not in MANNERS:
        raise InputError(f"A performance is carried over in one of these manners: {', '.join(MANNERS)}.")
    filmed, relative, fit = performance(tracked), manner == "relative", tracked.track.fit
    face = transferred(filmed, relative=relative, source_expression=portrait.source_expression)
    middle = fit.frame(int(np.argsort(fit.translation[:, 0])[len(fit) // 2]))
    reference = middle if relative else replace(middle, rotation=portrait.fit.rotation)
    pose = relative_poses(fit.rotation, fit.translation, fit.scale, reference)
    if relative:
        pose = pose - np.median(pose, axis=0)
    return FaceMotion(face, pose.astype(np.float32), tracked.fps)

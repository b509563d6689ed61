"""How a mouth compares with a filmed one: opening, width, amplitude, closures and lag of one clip, and their means.

Lip opening is the distance of the inner lips in face widths, lip width that of the corners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from talker.data.speech_clips import TrackedClip
from talker.motion import visemes
from talker.motion.articulation import speaking
from talker.motion.lips import LipGeometry, measured_lips
from talker.speech import prosody
from talker.types import BoolArray, FaceMotion, FloatArray, SpeechClip

FRAME_S = 0.04  # unit of lags
CLOSED_SHARE = 0.25  # of the clip's 90th percentile of lip opening: under it lips count as closed
NEAR_S, FAR_S = 0.08, 0.12  # a closure counts within 2 frames of its phone, is false beyond 3
SCORE_FPS = 50.0
System = Callable[[SpeechClip, float], FaceMotion]


@dataclass(frozen=True)
class LipTrace:
    """Lip opening and width [T] (face widths) of one clip's picture, on the sound's clock (s)."""

    opening: FloatArray
    width: FloatArray
    time: FloatArray


@dataclass(frozen=True)
class MotionScore:
    """One system on one set of clips; perfect values in brackets.

    opening, width: mean correlation on speech frames (1). amplitude: spread of the predicted over that of the true
    opening (1). closed: share of p, b, m with closed lips (people: 0.87). false: share of the speech frames far from
    p, b, m with closed lips (people: 0.06). lag: frames of 40 ms at which the opening correlates best (0).
    """

    opening: float
    width: float
    amplitude: float
    closed: float
    false: float
    lag: float


@dataclass(frozen=True)
class ClipScore:
    """The same for one clip; closures: (p, b, m that are closed, all of them, far frames that are, all far frames)."""

    opening: float
    width: float
    amplitude: float
    lag: float
    closures: tuple[int, int, int, int]


def trace(clip: TrackedClip) -> LipTrace:
    """The lips of a tracked clip."""
    opening, width = measured_lips(clip.landmarks).T
    time = np.arange(len(opening)) / clip.fps + clip.lag_s
    return LipTrace(opening, width, time)


def score(system: System, clips: Iterable[TrackedClip]) -> MotionScore:
    """Mean scores of a system on clips; clips without phones don't count for closures."""
    return mean_score([compare(system(clip.speech, SCORE_FPS), clip) for clip in clips])


def compare(motion: FaceMotion, clip: TrackedClip) -> ClipScore:
    """A motion beside what was filmed."""
    geometry, truth = LipGeometry.load(), trace(clip)
    frames = np.arange(len(motion))
    opened = geometry.opening_of(motion.blendshapes)
    opening = np.interp(truth.time * motion.fps, frames, opened)
    width = np.interp(truth.time * motion.fps, frames, geometry.width_of(motion.blendshapes))
    talk = _talking(clip.speech, truth.time) & np.isfinite(truth.opening)
    return ClipScore(
        _correlation(opening, truth.opening, talk),
        _correlation(width, truth.width, talk),
        float(opening[talk].std() / truth.opening[talk].std()),
        _best_lag(opened, frames / motion.fps, truth, talk),
        closures(opening, truth.time, clip.speech),
    )


def mean_score(scores: Sequence[ClipScore]) -> MotionScore:
    """The mean over clips; closures are counted over all of them together."""
    opening, width, amplitude, lag = (
        float(np.nanmean([getattr(one, name) for one in scores])) for name in ("opening", "width", "amplitude", "lag")
    )
    hit, wanted, false, far = (sum(column) for column in zip(*(one.closures for one in scores), strict=True))
    return MotionScore(opening, width, amplitude, _share(hit, wanted), _share(false, far), lag)


def person(clips: Iterable[TrackedClip]) -> MotionScore:
    """What the filmed people themselves score on closures."""
    counts = [closures(trace(clip).opening, trace(clip).time, clip.speech) for clip in clips]
    return mean_score([ClipScore(1.0, 1.0, 1.0, 0.0, count) for count in counts])


def closures(opening: FloatArray, time: FloatArray, speech: SpeechClip) -> tuple[int, int, int, int]:
    """(p, b, m that are closed, all of them, far frames that are closed, all far frames)."""
    closed = opening < CLOSED_SHARE * np.nanpercentile(opening, 90)
    sounds = speech.transcript.phones if speech.transcript else ()
    far, hit, wanted = np.zeros(len(time), bool), 0, 0
    for phone in sounds:
        if phone.text != "SIL":
            far |= (time >= phone.start_s) & (time <= phone.end_s)
    far &= _talking(speech, time)
    for phone in sounds:
        if phone.text in visemes.BILABIALS:
            near = (time >= phone.start_s - NEAR_S) & (time <= phone.end_s + NEAR_S)
            if near.any():
                hit, wanted = hit + int(closed[near].any()), wanted + 1
            far &= ~((time >= phone.start_s - FAR_S) & (time <= phone.end_s + FAR_S))
    return hit, wanted, int(closed[far].sum()), int(far.sum())


def _share(part: int, whole: int) -> float:
    """part / whole; not a number when nothing was there to count."""
    return part / whole if whole else float("nan")


def _talking(speech: SpeechClip, time: FloatArray) -> BoolArray:
    """[T] whether something is said at these times (s)."""
    frames = max(1, round(speech.duration_s * 100))
    voice = speaking(prosody.measure(speech, rate_hz=100.0), frames, 100.0, tight=True)
    return np.interp(time, np.arange(frames) / 100, voice) > 0.5


def _correlation(one: FloatArray, other: FloatArray, where: BoolArray) -> float:
    """Pearson's r (perfect: 1); 0 where one doesn't move."""
    a, b = one[where], other[where]
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 1e-9 and b.std() > 1e-9 else 0.0


def _best_lag(opening: FloatArray, time: FloatArray, truth: LipTrace, talk: BoolArray) -> float:
    """Frames of 40 ms by which the prediction is late (perfect: 0)."""
    shifts = np.arange(-4, 4.5, 0.5)
    fits = [_correlation(np.interp(truth.time + s * FRAME_S, time, opening), truth.opening, talk) for s in shifts]
    return float(shifts[int(np.argmax(fits))])

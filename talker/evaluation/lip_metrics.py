"""How a mouth compares with a filmed one: opening, width, amplitude, closures, lag, and what it does in silence.

Lip opening is the distance of the inner lips in face widths, lip width that of the corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talker.data.speech_clips import TrackedClip
from talker.evaluation.film import Film
from talker.evaluation.metrics import computes
from talker.motion import visemes
from talker.motion.lips import LipGeometry, measured_lips
from talker.speech.analysis import PROSODY_HZ, TIGHT_S, SpeechAnalysis, activity
from talker.types import BoolArray, FaceMotion, FloatArray, SpeechClip

FRAME_S = 0.04  # unit of lags
CLOSED_SHARE = 0.25  # of the clip's 90th percentile of lip opening: under it lips count as closed
NEAR_S, FAR_S = 0.08, 0.12  # a closure counts within 2 frames of its phone, is false beyond 3
SCORE_FPS = 50.0


@dataclass(frozen=True)
class LipTrace:
    """Lip opening and width [T] (face widths; NaN where no face was seen) at times [T] on the sound's clock (s)."""

    opening: FloatArray
    width: FloatArray
    time: FloatArray
    speech: SpeechClip

    @classmethod
    def of_landmarks(cls, landmarks: FloatArray, time: FloatArray, speech: SpeechClip) -> LipTrace:
        """Of tracked landmarks [T,478,2 or 3] (px)."""
        opening, width = measured_lips(landmarks).T
        return cls(opening, width, time, speech)

    @classmethod
    def of_clip(cls, clip: TrackedClip) -> LipTrace:
        """The lips of a tracked clip."""
        time = np.arange(len(clip.landmarks)) / clip.fps + clip.lag_s
        return cls.of_landmarks(clip.landmarks, time, clip.speech)

    @classmethod
    def of_film(cls, film: Film, speech: SpeechClip | None = None) -> LipTrace:
        """The lips of a film; ValueError where there is no sound to set them against."""
        speech = speech or film.speech
        if speech is None:
            raise ValueError("Lips are compared where something is said: the film has no sound.")
        return cls.of_landmarks(film.landmarks, film.time, speech)

    @classmethod
    def of_motion(cls, motion: FaceMotion, speech: SpeechClip) -> LipTrace:
        """The lips that a motion asks for, as the face model has them."""
        geometry = LipGeometry.load()
        opening, width = geometry.opening_of(motion.blendshapes), geometry.width_of(motion.blendshapes)
        return cls(opening, width, np.arange(len(motion)) / motion.fps, speech)

    @property
    def talking(self) -> BoolArray:
        """[T] whether something is said."""
        voice = activity(SpeechAnalysis(self.speech).prosody.loudness, PROSODY_HZ, TIGHT_S)
        return np.interp(self.time, np.arange(len(voice)) / PROSODY_HZ, voice) > 0.5

    @property
    def closed(self) -> BoolArray:
        """[T] whether lips count as closed."""
        return self.opening < CLOSED_SHARE * np.nanpercentile(self.opening, 90)

    def at(self, time: FloatArray) -> LipTrace:
        """The same lips at other times (s)."""
        opening, width = (np.interp(time, self.time, values) for values in (self.opening, self.width))
        return LipTrace(opening, width, time, self.speech)

    def closures(self) -> tuple[BoolArray, BoolArray]:
        """(of each p, b, m, whether lips meet near it; of each frame far from all of them, whether lips are closed).

        Both are empty without aligned phones.
        """
        sounds = self.speech.transcript.phones if self.speech.transcript else ()
        closed, met, far = self.closed, [], np.zeros(len(self.time), bool)
        for phone in sounds:
            if phone.text != "SIL":
                far |= self._around(phone.start_s, phone.end_s, 0.0)
        far &= self.talking
        for phone in sounds:
            if phone.text in visemes.BILABIALS:
                near = self._around(phone.start_s, phone.end_s, NEAR_S)
                if near.any():
                    met.append(closed[near].any())
                far &= ~self._around(phone.start_s, phone.end_s, FAR_S)
        return np.array(met, bool), closed[far]

    def _around(self, start_s: float, end_s: float, margin_s: float) -> BoolArray:
        return (self.time >= start_s - margin_s) & (self.time <= end_s + margin_s)


def scores(made: LipTrace, real: LipTrace) -> dict[str, list[float]]:
    """The metrics of the family "lips" for a mouth against the filmed one, as values whose means are the scores."""
    placed, talk = made.at(real.time), real.talking & np.isfinite(real.opening)
    met, false = LipTrace(placed.opening, placed.width, real.time, real.speech).closures()
    return {
        "lips/opening_r": [_correlation(placed.opening, real.opening, talk)],
        "lips/width_r": [_correlation(placed.width, real.width, talk)],
        "lips/amplitude": [float(placed.opening[talk].std() / real.opening[talk].std())],
        "lips/closed": [float(one) for one in met],
        "lips/falsely_closed": [float(one) for one in false],
        "lips/lag": [lag(made, real)],
    }


def lag(made: LipTrace, real: LipTrace) -> float:
    """Frames of 40 ms by which lips are late (perfect: 0)."""
    shifts = np.arange(-8, 8.5, 0.5)
    talk = real.talking & np.isfinite(real.opening)
    fits = [_correlation(made.at(real.time + shift * FRAME_S).opening, real.opening, talk) for shift in shifts]
    return float(shifts[int(np.argmax(fits))])


def delay(one: FloatArray, other: FloatArray) -> float:
    """Frames by which one opening [T] is later than another (perfect: 0), in steps of a tenth."""
    time, inner = np.arange(len(one)), slice(3, -3)
    shifts = np.arange(-20, 21) / 10
    fits = [np.corrcoef(np.interp(time + shift, time, one)[inner], other[inner])[0, 1] for shift in shifts]
    return float(shifts[int(np.argmax(fits))])


def _of_films(film: Film, real: Film) -> tuple[LipTrace, LipTrace]:
    """The lips of a film at the real film's times, and those; both against the real sound."""
    truth = LipTrace.of_film(real, real.speech)
    return LipTrace.of_film(film, real.speech).at(truth.time), truth


@computes("lips/opening_r")
def opening_r(film: Film, real: Film) -> float:
    """Pearson's r of lip opening on speech frames."""
    made, truth = _of_films(film, real)
    return _correlation(made.opening, truth.opening, truth.talking)


@computes("lips/width_r")
def width_r(film: Film, real: Film) -> float:
    """The same of lip width."""
    made, truth = _of_films(film, real)
    return _correlation(made.width, truth.width, truth.talking)


@computes("lips/amplitude")
def amplitude(film: Film, real: Film) -> float:
    """Spread of lip opening over the real film's."""
    made, truth = _of_films(film, real)
    return float(np.nanstd(made.opening[truth.talking]) / np.nanstd(truth.opening[truth.talking]))


@computes("lips/lag")
def film_lag(film: Film, real: Film) -> float:
    """Frames of 40 ms by which lips are late."""
    return lag(*_of_films(film, real))


@computes("lips/closures_kept")
def closures_kept(film: Film, real: Film) -> float:
    """Of the p, b, m that the real lips close, the share that the film's close; NaN where there are none."""
    made, truth = (trace.closures()[0] for trace in _of_films(film, real))
    return float(made[truth].mean()) if truth.any() else float("nan")


@computes("lips/closures_added")
def closures_added(film: Film, real: Film) -> float:
    """Of the frames far from p, b, m in which the real lips are open, the share in which the film's are closed."""
    made, truth = (trace.closures()[1] for trace in _of_films(film, real))
    return float(made[~truth].mean()) if (~truth).any() else float("nan")


def _correlation(one: FloatArray, other: FloatArray, where: BoolArray) -> float:
    """Pearson's r (perfect: 1) where both are known; 0 where one doesn't move."""
    known = where & np.isfinite(one) & np.isfinite(other)
    a, b = one[known], other[known]
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 1 and a.std() > 1e-9 and b.std() > 1e-9 else 0.0

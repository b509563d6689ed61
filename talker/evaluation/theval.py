"""THEval's measures of a talking face (arXiv 2511.04520), as agreement with a real film: 1 − |m − real| / real.

The measures are simple statistics of landmarks, pixels and sound. Their mean follows people's votes better than
SyncNet's confidence or FID do. What the paper takes from other detectors is taken from ours here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from talker.evaluation.film import Film
from talker.evaluation.lip_metrics import LipTrace
from talker.evaluation.metrics import computes
from talker.evaluation.picture_metrics import face_box, mouth_box, quality
from talker.face.landmarks import EYE_CORNERS
from talker.speech.analysis import PROSODY_HZ, SpeechAnalysis
from talker.types import FloatArray, SpeechClip

BROWS = (55, 285, 70, 300)
STABLE = (33, 263, 133, 362, 168, 6, 197)  # corners of the eyes and bridge of the nose: what only the head moves


def score(measured: float, real: float) -> float:
    """Agreement of a measure with the real film's, 0..1; 1 is perfect."""
    if not (np.isfinite(measured) and np.isfinite(real)):
        return float("nan")
    return max(0.0, 1.0 - abs(measured - real) / max(abs(real), 1e-6))


def lip_dynamics(film: Film, speech: SpeechClip | None = None) -> float:
    """Mean speed of the lip opening (face widths per second)."""
    return _speed(LipTrace.of_film(film, speech).opening[:, None], film.fps)


def head_dynamics(film: Film, speech: SpeechClip | None = None) -> float:
    """Mean speed of eye corners and nose (face widths per second)."""
    return _speed(film.landmarks[:, STABLE, :2].reshape(len(film), -1) / film.face_width, film.fps)


def brow_dynamics(film: Film, speech: SpeechClip | None = None) -> float:
    """Mean speed of the brows' height above the eyes (face widths per second)."""
    height = film.landmarks[:, BROWS, 1] - film.landmarks[:, EYE_CORNERS, 1].mean(1, keepdims=True)
    return _speed(height / film.face_width, film.fps)


def silent_lips(film: Film, speech: SpeechClip | None = None) -> float:
    """Mean speed of the lip opening in silences (face widths per second); NaN where somebody always talks."""
    trace = LipTrace.of_film(film, speech)
    quiet = ~(trace.talking[1:] | trace.talking[:-1])
    steps = np.abs(np.diff(trace.opening))[quiet] * film.fps
    return float(np.nanmean(steps)) if len(steps) else float("nan")


def lip_audio(film: Film, speech: SpeechClip | None = None) -> float:
    """Pearson's r of lip opening and loudness."""
    trace = LipTrace.of_film(film, speech)
    heard = SpeechAnalysis(trace.speech).prosody.loudness
    loudness = np.interp(trace.time, np.arange(len(heard)) / PROSODY_HZ, heard)
    known = np.isfinite(trace.opening)
    return float(np.corrcoef(trace.opening[known], loudness[known])[0, 1])


def mouth_quality(film: Film, speech: SpeechClip | None = None) -> float:
    """How sharp the mouth is (grey levels)."""
    return quality(film, mouth_box)


def face_quality(film: Film, speech: SpeechClip | None = None) -> float:
    """How sharp the face is (grey levels)."""
    return quality(film, face_box)


MEASURES: dict[str, Callable[[Film, SpeechClip | None], float]] = {
    function.__name__: function
    for function in (lip_dynamics, head_dynamics, brow_dynamics, silent_lips, lip_audio, mouth_quality, face_quality)
}
NEED_SOUND = ("lip_dynamics", "silent_lips", "lip_audio")


def agreement(name: str, film: Film, real: Film) -> float:
    """The score of a measure, both films set against the real sound; NaN where it needs a sound and there is none."""
    if real.speech is None and name in NEED_SOUND:
        return float("nan")
    return score(MEASURES[name](film, real.speech), MEASURES[name](real, real.speech))


for _name in MEASURES:
    computes(f"theval/{_name}")(partial(agreement, _name))


@computes("theval/mean")
def mean(film: Film, real: Film) -> float:
    """The mean of the scores that could be measured; perfect: 1."""
    return float(np.nanmean([agreement(name, film, real) for name in MEASURES]))


def _speed(values: FloatArray, fps: float) -> float:
    """Mean distance per second that rows [T,D] of a path move."""
    return float(np.nanmean(np.linalg.norm(np.diff(values, axis=0), axis=1))) * fps

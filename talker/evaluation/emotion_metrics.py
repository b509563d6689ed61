"""What a judge reads in a talking face: of clips, over frames of the film and not stills."""

from __future__ import annotations

import functools

import numpy as np

from talker.errors import FaceError
from talker.evaluation.expression_classifier import ExpressionClassifier, Prediction
from talker.evaluation.film import Film
from talker.evaluation.metrics import computes

JUDGED_FRAMES = 16  # of a clip, evenly spread, as in C-MET's and EAT's protocol


@functools.cache
def judge() -> ExpressionClassifier:
    """The judge of every table: two published networks and a regression."""
    return ExpressionClassifier.load()


def read_frames(film: Film, frames: int = JUDGED_FRAMES) -> list[Prediction]:
    """What the judge reads in evenly spread frames. Raises FaceError when none of them shows a face."""
    chosen = np.unique(np.linspace(0, len(film) - 1, min(frames, len(film))).round().astype(int))
    seen = [index for index in chosen if np.isfinite(film.landmarks[index, 0, 0])]
    if not seen:
        raise FaceError("No frame of the film shows a face.")
    return [judge().judge(film.frames[index], film.landmarks[index]) for index in seen]


@computes("emotion/agreement")
def agreement(film: Film, real: Film) -> float:
    """Overlap of what is read in both films, mean over the same frames; perfect: 1."""
    pairs = zip(read_frames(film), read_frames(real), strict=False)
    overlaps = [np.minimum(np.exp(one.log_judged), np.exp(other.log_judged)).sum() for one, other in pairs]
    return float(np.clip(np.mean(overlaps), 0.0, 1.0))

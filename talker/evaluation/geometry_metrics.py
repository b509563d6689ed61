"""Where the face's points lie against the real film's, and how steadily."""

from __future__ import annotations

import numpy as np

from talker.evaluation.film import Film
from talker.evaluation.metrics import computes
from talker.face.landmarks import FACE_LANDMARKS, OUTER_LIPS
from talker.types import FloatArray

MOUTH = [*OUTER_LIPS, 13, 14, 82, 312, 87, 317]
FACE_PX = 128.0  # width of the face in the unit of landmark distances: about that of a face in a picture of 256 px


def _distances(film: Film, real: Film, points: list[int] | range, *, aligned: bool) -> FloatArray:
    """[T] mean distance of points in real face widths; aligned: without the difference of their centres."""
    one, other = (each.landmarks[:, list(points), :2] for each in (film, real))
    apart = one - other
    if aligned:
        apart = apart - apart.mean(axis=1, keepdims=True)
    return np.linalg.norm(apart, axis=2).mean(axis=1) / real.face_width


@computes("geometry/m_lmd")
def m_lmd(film: Film, real: Film) -> float:
    """Mean distance of the mouth's landmarks, centred (px); perfect: 0."""
    return FACE_PX * float(np.nanmean(_distances(film, real, MOUTH, aligned=True)))


@computes("geometry/f_lmd")
def f_lmd(film: Film, real: Film) -> float:
    """The same of the whole face."""
    return FACE_PX * float(np.nanmean(_distances(film, real, range(FACE_LANDMARKS), aligned=True)))


@computes("geometry/landmarks")
def landmark_error(film: Film, real: Film) -> float:
    """Mean distance of all landmarks where they lie in the picture (face widths); perfect: 0."""
    return float(np.nanmean(_distances(film, real, range(FACE_LANDMARKS), aligned=False)))


@computes("geometry/expression")
def expression_error(film: Film, real: Film) -> float:
    """Mean absolute difference of the detector's blendshape scores; perfect: 0."""
    return float(np.nanmean(np.abs(film.scores - real.scores)))


@computes("geometry/jitter")
def jitter(film: Film, real: Film) -> float:
    """Mean acceleration of the landmarks over the real film's; perfect: 1."""
    sizes = [np.nanmean(np.abs(np.diff(each.landmarks[:, :FACE_LANDMARKS, :2], 2, axis=0))) for each in (film, real)]
    return float(sizes[0] / max(float(sizes[1]), 1e-6))

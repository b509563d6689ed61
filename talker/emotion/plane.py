"""The plane of valence and arousal (Russell's circumplex): a point becomes a mixture of the emotions there."""

from __future__ import annotations

import numpy as np

from talker.emotion.catalogue import EMOTIONS
from talker.emotion.model import EmotionModel
from talker.emotion.vectors import mix
from talker.errors import EmotionError
from talker.types import EmotionCode

NEAREST = 3  # emotions that a mixture is made of
HIT = 0.06  # so near to an emotion, it is that emotion alone


def parse_point(text: str) -> tuple[float, float]:
    """`0.6, -0.3` as valence and arousal. Raises EmotionError when it reads differently or leaves -1..1."""
    try:
        valence, arousal = (float(part) for part in text.split(","))
    except ValueError as error:
        raise EmotionError(f"{text!r} is not a point of the map: give valence, arousal, such as 0.6,-0.3.") from error
    if not (abs(valence) <= 1 and abs(arousal) <= 1):
        raise EmotionError(f"The point {text!r} lies beyond the map: both numbers go from -1 to 1.")
    return valence, arousal


def shares_at(valence: float, arousal: float) -> dict[str, float]:
    """Which named emotions lie there, in shares that sum to 1: the nearest alone, or the nearest few by closeness."""
    rows = list(EMOTIONS.values())
    distances = np.hypot(*(np.array([row.affect[:2] for row in rows]).T - [[valence], [arousal]]))
    nearest = np.argsort(distances, kind="stable")[: 1 if distances.min() < HIT else NEAREST]
    closeness = 1.0 / np.maximum(distances[nearest], HIT) ** 2
    shares = closeness / closeness.sum()
    return {rows[row].name: round(float(share), 2) for row, share in zip(nearest, shares, strict=True)}


def point_code(text: str, model: EmotionModel | None = None) -> EmotionCode:
    """The emotion at `valence, arousal`. Raises EmotionError for what is no point of the plane."""
    return mix(shares_at(*parse_point(text)), model)

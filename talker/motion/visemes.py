"""What lips, jaw and tongue do for each phone: rows of data, and the blending of neighbours into one movement.

Blending follows Cohen & Massaro, "Modeling coarticulation in synthetic visual speech" (1993): every phone pulls every
channel towards its own target with a dominance that fades exponentially before and after it, so that rounding spreads
over neighbours that don't care about it while closures hold their ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX, expand
from talker.curves import smoothstep
from talker.types import FloatArray, TimedToken

REACH_S = 0.4  # beyond this a phone's pull is nothing
CLOSE_S, PART_S = 0.03, 0.03  # how long lips take to meet for a closure, and to part after it
REST_DOMINANCE = 0.02  # the pull of the resting face, everywhere
BILABIALS = ("P", "B", "M")
LABIODENTALS = ("F", "V")
ROUNDED = ("W", "UW", "OW", "UH", "OY", "AO", "SH", "ZH", "CH", "JH", "R", "ER")
OPENING_CHANNELS = ("jawOpen", "mouthLowerDown", "mouthUpperUp")
ROUNDING_CHANNELS = ("mouthFunnel", "mouthPucker", "mouthStretch")


@dataclass(frozen=True)
class Viseme:
    """A row of the table.

    values: blendshape -> target 0..1; what isn't named is 0. A name without Left/Right means both sides.
    pull: how much this phone insists, relative to a vowel's 1: on the opening of the mouth, on the rounding or
        spreading of the lips, and on everything else.
    before_s, after_s: how far ahead of and behind its edges the pull falls to 1/e.
    """

    values: Mapping[str, float]
    pull: tuple[float, float, float] = (1.0, 1.0, 1.0)
    before_s: float = 0.06
    after_s: float = 0.06


# fmt: off
_CLOSED = {"mouthPress": 0.3, "mouthRollLower": 0.12, "mouthRollUpper": 0.1}
_BITE = {"jawOpen": 0.05, "mouthRollLower": 0.4, "mouthUpperUp": 0.22, "mouthShrugLower": 0.1}
VISEMES: dict[str, Viseme] = {
    "SIL": Viseme({}, (0.5, 0.3, 0.6), 0.09, 0.09),
    # consonants: lips
    "P": Viseme({"jawOpen": 0.04, **_CLOSED}, (3.0, 0.1, 3.0), 0.035, 0.03),
    "B": Viseme({"jawOpen": 0.04, **_CLOSED}, (3.0, 0.1, 3.0), 0.035, 0.03),
    "M": Viseme({"jawOpen": 0.04, **_CLOSED}, (3.0, 0.1, 3.0), 0.035, 0.03),
    "F": Viseme(_BITE, (2.2, 0.2, 2.5), 0.04, 0.035),
    "V": Viseme(_BITE, (2.0, 0.2, 2.2), 0.04, 0.035),
    "W": Viseme({"mouthPucker": 0.85, "mouthFunnel": 0.05}, (1.4, 2.0, 1.0), 0.07, 0.05),
    # consonants: tongue
    "TH": Viseme({"jawOpen": 0.06, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1, "tongueOut": 0.35},
            (0.8, 0.3, 1.5), 0.05, 0.04),
    "DH": Viseme({"jawOpen": 0.1, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1, "tongueOut": 0.3},
            (0.6, 0.2, 1.2), 0.05, 0.04),
    "T": Viseme({"jawOpen": 0.15, "mouthLowerDown": 0.25, "mouthUpperUp": 0.1, "tongueOut": 0.08}, (0.7, 0.2, 0.8)),
    "D": Viseme({"jawOpen": 0.14, "mouthLowerDown": 0.25, "mouthUpperUp": 0.1, "tongueOut": 0.1}, (0.7, 0.2, 0.8)),
    "N": Viseme({"jawOpen": 0.09, "mouthLowerDown": 0.2, "mouthUpperUp": 0.08, "tongueOut": 0.1}, (0.7, 0.2, 0.8)),
    "L": Viseme({"jawOpen": 0.23, "mouthLowerDown": 0.22, "mouthUpperUp": 0.1, "tongueOut": 0.2}, (0.6, 0.2, 1.0)),
    "S": Viseme({"jawOpen": 0.11, "mouthLowerDown": 0.32, "mouthUpperUp": 0.15, "mouthStretch": 0.2},
           (1.0, 0.4, 1.0), 0.05, 0.05),
    "Z": Viseme({"jawOpen": 0.07, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15, "mouthStretch": 0.18},
           (1.0, 0.4, 1.0), 0.05, 0.05),
    "SH": Viseme({"jawOpen": 0.02, "mouthFunnel": 0.45, "mouthPucker": 0.3, "mouthLowerDown": 0.15},
            (1.1, 1.4, 1.0), 0.07, 0.05),
    "ZH": Viseme({"jawOpen": 0.03, "mouthFunnel": 0.42, "mouthPucker": 0.3, "mouthLowerDown": 0.15},
            (1.0, 1.3, 1.0), 0.07, 0.05),
    "CH": Viseme({"jawOpen": 0.03, "mouthFunnel": 0.4, "mouthPucker": 0.3, "mouthLowerDown": 0.15},
            (1.1, 1.3, 1.0), 0.06, 0.05),
    "JH": Viseme({"jawOpen": 0.05, "mouthFunnel": 0.38, "mouthPucker": 0.28, "mouthLowerDown": 0.15},
            (1.0, 1.2, 1.0), 0.06, 0.05),
    "R": Viseme({"jawOpen": 0.02, "mouthFunnel": 0.12, "mouthPucker": 0.4, "mouthLowerDown": 0.1}, (0.8, 1.0, 0.6)),
    "Y": Viseme({"jawOpen": 0.22, "mouthStretch": 0.3, "mouthLowerDown": 0.25, "mouthUpperUp": 0.12}, (0.6, 0.6, 0.5)),
    "K": Viseme({"jawOpen": 0.19, "mouthLowerDown": 0.15, "mouthUpperUp": 0.08}, (0.4, 0.1, 0.4)),
    "G": Viseme({"jawOpen": 0.17, "mouthLowerDown": 0.15, "mouthUpperUp": 0.08}, (0.4, 0.1, 0.4)),
    "NG": Viseme({"jawOpen": 0.13, "mouthLowerDown": 0.15, "mouthUpperUp": 0.08}, (0.4, 0.1, 0.4)),
    "HH": Viseme({"jawOpen": 0.2, "mouthLowerDown": 0.15, "mouthUpperUp": 0.06}, (0.3, 0.1, 0.3)),
    # vowels
    "AA": Viseme({"jawOpen": 0.44, "mouthLowerDown": 0.25, "mouthUpperUp": 0.12}, (1.3, 0.5, 0.8)),
    "AE": Viseme({"jawOpen": 0.36, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2, "mouthStretch": 0.25}, (1.3, 0.8, 0.8)),
    "AH": Viseme({"jawOpen": 0.24, "mouthLowerDown": 0.22, "mouthUpperUp": 0.1}, (0.7, 0.3, 0.6)),
    "AO": Viseme({"jawOpen": 0.17, "mouthFunnel": 0.3, "mouthPucker": 0.25, "mouthLowerDown": 0.1}, (1.2, 1.3, 0.8)),
    "EH": Viseme({"jawOpen": 0.36, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15, "mouthStretch": 0.2}, (1.1, 0.7, 0.8)),
    "ER": Viseme({"jawOpen": 0.1, "mouthFunnel": 0.18, "mouthPucker": 0.3, "mouthLowerDown": 0.1}, (0.9, 1.0, 0.7)),
    "IH": Viseme({"jawOpen": 0.27, "mouthLowerDown": 0.28, "mouthUpperUp": 0.14, "mouthStretch": 0.22},
            (0.9, 0.5, 0.6)),
    "IY": Viseme({"jawOpen": 0.19, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15, "mouthStretch": 0.5}, (1.0, 1.2, 0.8)),
    "UH": Viseme({"jawOpen": 0.06, "mouthFunnel": 0.12, "mouthPucker": 0.45}, (0.9, 1.2, 0.7)),
    "UW": Viseme({"jawOpen": 0.03, "mouthFunnel": 0.1, "mouthPucker": 0.9}, (1.2, 1.8, 0.9), 0.08, 0.06),
    "OW": Viseme({"jawOpen": 0.1, "mouthFunnel": 0.2, "mouthPucker": 0.6}, (1.2, 1.6, 0.8), 0.07, 0.06),
}
# a diphthong is its two ends, and where between them the first gives way
DIPHTHONGS: dict[str, tuple[str, str, float]] = {
    "AY": ("AA", "IH", 0.6), "AW": ("AA", "UH", 0.55), "EY": ("EH", "IY", 0.5), "OY": ("AO", "IH", 0.5),
}
# fmt: on
_KINDS = ("opening", "rounding", "other")
_OPENING = expand(dict.fromkeys(OPENING_CHANNELS, 1.0)) > 0
_ROUNDING = expand(dict.fromkeys(ROUNDING_CHANNELS, 1.0)) > 0
TONGUE = BLENDSHAPE_INDEX["tongueOut"]


def coarticulate(phones: tuple[TimedToken, ...], frames: int, fps: float) -> FloatArray:
    """Blendshapes [frames, 52] of the mouth for timed phones; frame t is at t / fps s.

    value = Σ dominance · target / Σ dominance over the phones, and a faint pull towards rest everywhere.
    """
    weighted = np.zeros((frames, BLENDSHAPE_COUNT))
    total = np.full((frames, len(_KINDS)), REST_DOMINANCE)
    kind = np.where(_OPENING, 0, np.where(_ROUNDING, 1, 2))
    for name, start_s, end_s in _segments(phones):
        viseme = VISEMES.get(name, VISEMES["SIL"])
        first = max(0, int(np.ceil((start_s - REACH_S) * fps)))
        last = min(frames, int(np.floor((end_s + REACH_S) * fps)) + 1)
        if first >= last:
            continue
        time = np.arange(first, last) / fps
        inner = 0.25 * (end_s - start_s)  # the target itself is held over the middle half
        early = np.maximum(start_s + inner - time, 0.0) / (viseme.before_s + inner)
        late = np.maximum(time - end_s + inner, 0.0) / (viseme.after_s + inner)
        dominance = np.exp(-early - late)[:, None] * np.array(viseme.pull)  # [t, 3]
        weighted[first:last] += dominance[:, kind] * expand(dict(viseme.values))
        total[first:last] += dominance
    return (weighted / total[:, kind]).astype(np.float32)


def closure(phones: tuple[TimedToken, ...], names: tuple[str, ...], frames: int, fps: float) -> FloatArray:
    """[frames] 0..1: how far the lips have to be where the named phones need them (1 from edge to edge).

    At any frame rate at least one frame of each is fully closed.
    """
    gate = np.zeros(frames)
    for phone in phones:
        if phone.text not in names:
            continue
        margin = max(0.0, 0.5 / fps - 0.5 * (phone.end_s - phone.start_s)) + 1e-6
        first = max(0, int((phone.start_s - 0.2) * fps))
        last = min(frames, int((phone.end_s + 0.2) * fps) + 2)
        time = np.arange(first, last) / fps
        early = np.maximum(phone.start_s - margin - time, 0.0) / CLOSE_S
        late = np.maximum(time - phone.end_s - margin + 0.3 * (phone.end_s - phone.start_s), 0.0) / PART_S
        gate[first:last] = np.maximum(gate[first:last], smoothstep(1.0 - np.maximum(early, late)))
    return gate.astype(np.float32)


def _segments(phones: tuple[TimedToken, ...]) -> list[tuple[str, float, float]]:
    """(viseme, start s, end s), with diphthongs as two."""
    segments = []
    for phone in phones:
        if phone.text in DIPHTHONGS:
            first, second, share = DIPHTHONGS[phone.text]
            middle = phone.start_s + share * (phone.end_s - phone.start_s)
            segments += [(first, phone.start_s, middle), (second, middle, phone.end_s)]
        else:
            segments.append((phone.text, phone.start_s, phone.end_s))
    return segments

"""Facial action units (Ekman, Friesen & Hager, Facial Action Coding System, 2002) as blendshapes.

An emotion is written down as action units because that is how the literature reports them; the face model moves in
ARKit's blendshapes. A strength of 1 is a strong, unexaggerated movement. A leading L or R, as in FACS, moves the
person's left or right side alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.types import FloatArray

ACTION_UNITS: dict[str, dict[str, float]] = {
    "1": {"browInnerUp": 1.0},  # inner brow raiser
    "2": {"browOuterUp": 1.0},  # outer brow raiser
    "4": {"browDown": 1.0},  # brow lowerer
    "5": {"eyeWide": 1.0},  # upper lid raiser
    "6": {"cheekSquint": 1.0},  # cheek raiser; the cheek itself narrows the eye from below
    "7": {"eyeSquint": 1.0},  # lid tightener
    "9": {"noseSneer": 1.0},  # nose wrinkler
    "10": {"mouthUpperUp": 1.0},  # upper lip raiser
    "12": {"mouthSmile": 1.0},  # lip corner puller
    "14": {"mouthDimple": 1.0},  # dimpler
    "15": {"mouthFrown": 1.0},  # lip corner depressor
    "16": {"mouthLowerDown": 1.0},  # lower lip depressor
    "17": {"mouthShrugLower": 1.0},  # chin raiser
    "18": {"mouthPucker": 1.0},  # lip pucker
    "20": {"mouthStretch": 1.0},  # lip stretcher
    "22": {"mouthFunnel": 1.0},  # lip funneler
    "23": {"mouthPress": 0.6, "mouthRollLower": 0.2, "mouthRollUpper": 0.2},  # lip tightener
    "24": {"mouthPress": 1.0},  # lip pressor
    "25": {"mouthLowerDown": 0.5, "mouthUpperUp": 0.25},  # lips part
    "26": {"jawOpen": 1.0},  # jaw drop
    "28": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},  # lip suck
    "29": {"jawForward": 1.0},  # jaw thrust
    "34": {"cheekPuff": 1.0},  # puff
    "43": {"eyeBlink": 1.0},  # eyes closed; small strengths are a lid droop
    "61": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},  # eyes turn to the person's left
    "62": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},  # eyes turn to the person's right
    "63": {"eyeLookUp": 1.0},  # eyes up
    "64": {"eyeLookDown": 1.0},  # eyes down
}
# Beyond this sum nose wrinkling and lip raising look monstrous on every face that was tried.
SNEER_LIMIT = 1.4


def _sides(name: str, side: str) -> tuple[str, ...]:
    """The blendshapes that `name` stands for on `side` ("L", "R" or "" for both)."""
    if name in BLENDSHAPE_INDEX:
        return (name,)
    return tuple(name + word for word in ("Left", "Right") if not side or word.startswith(side))


def to_blendshapes(action_units: Mapping[str, float]) -> FloatArray:
    """Displacement [52] of a face that shows `action_units` (code -> strength; negative relaxes the muscle).

    Raises KeyError for an action unit that is not in the table.
    """
    row = np.zeros(BLENDSHAPE_COUNT, np.float32)
    for code, strength in action_units.items():
        side = code[0] if code[0] in "LR" else ""
        for name, gain in ACTION_UNITS[code.removeprefix(side)].items():
            for channel in _sides(name, side):
                row[BLENDSHAPE_INDEX[channel]] += gain * strength
    return limit_sneer(row)


def limit_sneer(rows: FloatArray) -> FloatArray:
    """Scale noseSneer and mouthUpperUp of `rows` [..., 52] down where, side by side, they exceed `SNEER_LIMIT`."""
    limited = np.array(rows, np.float32)
    for side in ("Left", "Right"):
        pair = [BLENDSHAPE_NAMES.index(name + side) for name in ("noseSneer", "mouthUpperUp")]
        total = limited[..., pair].sum(axis=-1, keepdims=True)
        limited[..., pair] *= np.where(total > SNEER_LIMIT, SNEER_LIMIT / np.maximum(total, 1e-6), 1.0)
    return limited

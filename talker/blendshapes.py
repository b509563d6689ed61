"""Names and order of the 52 facial blendshapes, as Apple's ARKit defines them (ARFaceAnchor.BlendShapeLocation).

Left and Right are the person's own; the person's left lies on the image's right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLENDSHAPE_NAMES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft",
    "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
BLENDSHAPE_COUNT = len(BLENDSHAPE_NAMES)
BLENDSHAPE_INDEX = {name: index for index, name in enumerate(BLENDSHAPE_NAMES)}
SMILES = [BLENDSHAPE_INDEX[f"mouthSmile{side}"] for side in ("Left", "Right")]


def mirrored_name(name: str) -> str:
    """The blendshape that `name` becomes in a mirror."""
    if name.endswith("Left"):
        return name[: -len("Left")] + "Right"
    if name.endswith("Right"):
        return name[: -len("Right")] + "Left"
    return name


MIRROR_ORDER: NDArray[np.intp] = np.array([BLENDSHAPE_INDEX[mirrored_name(name)] for name in BLENDSHAPE_NAMES])


def expand(values: Mapping[str, float]) -> NDArray[np.float32]:
    """A row of blendshapes [52] from a few named values; a name without Left/Right sets both sides.

    Raises KeyError for a name that ARKit doesn't have.
    """
    row = np.zeros(BLENDSHAPE_COUNT, np.float32)
    for name, value in values.items():
        if name in BLENDSHAPE_INDEX:
            row[BLENDSHAPE_INDEX[name]] = value
        else:
            row[BLENDSHAPE_INDEX[name + "Left"]] = value
            row[BLENDSHAPE_INDEX[name + "Right"]] = value
    return row


def smile(expression: NDArray[np.floating[Any]]) -> float:
    """How much an `expression` [52] smiles, 0..1."""
    return float(expression[SMILES].mean())

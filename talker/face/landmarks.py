"""Which of MediaPipe's 478 face landmarks belong to which feature.

Left and right are the person's own. Lists follow the topology of MediaPipe's canonical face model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talker.types import LANDMARK_COUNT, FloatArray

OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
MIDDLE_LIPS = (
    *(62, 76, 184, 183, 42, 74, 41, 73, 38, 72, 12, 11, 268, 302, 271, 303, 272, 304, 407, 408, 292, 306),
    *(325, 307, 319, 320, 403, 404, 316, 315, 15, 16, 86, 85, 179, 180, 89, 90, 96, 77),
)
LIPS = OUTER_LIPS + INNER_LIPS + MIDDLE_LIPS
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
NOSTRILS = (98, 97, 2, 326, 327, 240, 460, 75, 305, 60, 290)
RIGHT_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
LEFT_BROW = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
EYE_CORNERS = (33, 263)  # the outer ones: of the right and the left eye
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
IRISES = RIGHT_IRIS + LEFT_IRIS
FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
# by the person's own side: upper and lower lid in pairs from the outer corner to the inner, and the two corners
EYE_LIDS = {
    "Right": ((246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155)),
    "Left": ((466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382)),
}
LID_CORNERS = {"Right": (33, 133), "Left": (263, 362)}
LID_MIDDLE = 3  # of the pairs above
IRIS_OF = {"Right": RIGHT_IRIS, "Left": LEFT_IRIS}
BROW_OF = {"Right": RIGHT_BROW, "Left": LEFT_BROW}
LOWER_BROWS = (46, 53, 52, 65, 55, 285, 295, 282, 283, 276)
BROW_ENDS = (70, 300)  # the outer ones
LIP_PAIRS = (  # upper and lower lip where they touch, from the image's left to its right
    (191, 80, 81, 82, 13, 312, 311, 310, 415),
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
)
UPPER_LIP_MIDDLE, LOWER_LIP_MIDDLE = 13, 14  # of the lips' inner line
MOUTH_CORNERS = (78, 308)  # of the lips' inner line
NOSE_BRIDGE, NOSE_RIDGE, CHIN = 168, 5, 152
MIDLINE = (
    *(0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
    *(94, 151, 152, 164, 168, 175, 195, 197, 199, 200),
)
# the landmarks nearest to the 68 points of Multi-PIE, in the order that iBUG's 300-W fixed (image left to right)
# fmt: off
MULTI_PIE = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 98, 97, 2, 326, 327,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,  # outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # inner lips
)
# fmt: on
MULTI_PIE_LINES = (
    tuple(range(17)),
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    tuple(range(27, 31)),
    tuple(range(31, 36)),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)
FIRST_LEFT = 248  # the topology lists the midline and the right side first, then the left side in the same order
FACE_LANDMARKS = 468  # the ten after these lie on the irises


def _mirror() -> NDArray[np.intp]:
    partners = np.arange(LANDMARK_COUNT)
    right = np.setdiff1d(np.arange(FIRST_LEFT), MIDLINE)
    left = np.arange(FIRST_LEFT, FACE_LANDMARKS)
    partners[right], partners[left] = left, right
    # each iris: centre, then right, top, left and bottom of the ring in the image
    partners[list(RIGHT_IRIS)] = np.array(LEFT_IRIS)[[0, 3, 2, 1, 4]]
    partners[list(LEFT_IRIS)] = np.array(RIGHT_IRIS)[[0, 3, 2, 1, 4]]
    return partners


LANDMARK_MIRROR = _mirror()  # [478] the landmark that each one becomes in a mirror


def turned_points(points: FloatArray, shape: tuple[int, ...], quarter_turns: int) -> FloatArray:
    """[...,2] px of a picture of `shape` (H,W,…) where np.rot90 by `quarter_turns` takes them; negative turns back."""
    height, width = shape[:2]
    x, y = points[..., 0], points[..., 1]
    turned = ((x, y), (y, width - 1 - x), (width - 1 - x, height - 1 - y), (height - 1 - y, x))[quarter_turns % 4]
    return np.stack(turned, axis=-1)

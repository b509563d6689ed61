"""Teeth of a film: the upper row that one frame shows best, lent to the frames whose lips an edit opens.

The row hangs from the skull, so the head's fit carries it from frame to frame. All frames show one row, in one place of
the skull and each in the light of its own skin: a row of each frame's own would change with every sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from talker.face.camera import rotation_matrix
from talker.render.geometry import HeadGeometry
from talker.render.light import skin_colours
from talker.render.patch import Window
from talker.render.source import SourceFrame
from talker.render.teeth import OwnTeethParams, Teeth, find_teeth
from talker.types import FloatArray

FRONT_CM = 1.2  # depth of the part of the row that is laid from frame to frame: turned heads hide what lies behind
MOST_TURNED = 25.0  # degrees between two heads: a flat cut-out of the row does not turn further
MOST_LIT = 2.0  # factor on the row's brightness, and its inverse


@dataclass(frozen=True)
class LentTeeth:
    """The row of one frame, and what carries it to others.

    places: [N,2] px of the skull's front teeth. ahead: [3] where the head looks. skin: [3] 0..255, colour of its face.
    """

    row: Teeth
    places: FloatArray
    ahead: FloatArray
    skin: FloatArray

    @classmethod
    def best(cls, sources: Sequence[SourceFrame], white: FloatArray, params: OwnTeethParams) -> LentTeeth | None:
        """The largest row that some frames of a person show; None where none shows any.

        white: [3] colour of a white surface.
        """
        found = [(row, source) for source in sources if (row := find_teeth(source, white, params)) is not None]
        if not found:
            return None
        row, source = max(found, key=lambda pair: float(pair[0].opacity.sum()))
        return cls(row, _front_teeth(source.geometry), _ahead(source.geometry), _skin(source))

    def on(self, source: SourceFrame) -> Teeth | None:
        """The row in another frame; None where the head is turned too far for it."""
        if self.ahead @ _ahead(source.geometry) < np.cos(np.radians(MOST_TURNED)):
            return None
        before = np.column_stack([self.places, np.ones(len(self.places))])
        matrix = np.linalg.lstsq(before, _front_teeth(source.geometry), rcond=None)[0].T  # [2,3]
        row, turn = self.row, matrix[:, :2]
        width, height = row.window.width, row.window.height
        corners = np.array([(0, 0), (width, 0), (0, height), (width, height)]) + row.window.corner
        window = Window.around(corners @ turn.T + matrix[:, 2], 0.0, source.image.shape)
        local = np.column_stack([turn, turn @ row.window.corner + matrix[:, 2] - window.corner])
        size = window.width, window.height
        lit = np.clip(_skin(source) / np.maximum(self.skin, 1.0), 1.0 / MOST_LIT, MOST_LIT)
        colour = cv2.warpAffine(row.colour, local, size, borderMode=cv2.BORDER_REPLICATE) * lit.astype(np.float32)
        opacity, columns = (cv2.warpAffine(part, local, size) for part in (row.opacity, row.columns))
        edge, scale = turn @ row.edge + matrix[:, 2], float(np.sqrt(abs(np.linalg.det(turn))))
        shade = cv2.resize(row.shade, (3, max(round(len(row.shade) * scale), 1)))
        return Teeth(window, np.minimum(colour, 255.0), opacity, columns, edge, row.hidden, shade)


def _front_teeth(geometry: HeadGeometry) -> FloatArray:
    """[N,2] px of the front of the upper row; rigid: what lips do to the mesh does not move it."""
    part = slice(*geometry.model.parts["upper_teeth"])
    depth = geometry.model.neutral[part, 2]
    return geometry.project(geometry.rest_camera[part][depth > depth.max() - FRONT_CM])


def _ahead(geometry: HeadGeometry) -> FloatArray:
    return rotation_matrix(geometry.fit.rotation)[:, 2]


def _skin(source: SourceFrame) -> FloatArray:
    return np.median(skin_colours(source.image, source.geometry), axis=0)

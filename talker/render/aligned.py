"""The face in a square of its own: where the generator looks, and what the geometry knows about each of its pixels.

The square is upright on the face as drawn (the eyes' line), with a fixed side per portrait, so that the same part of
every face lies at about the same place and nothing swims from frame to frame.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, MIRROR_ORDER
from talker.face.camera import FACE_WIDTH_CM, axis_angle, rotation_matrix
from talker.face.landmarks import EYE_CORNERS, INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from talker.face.raster import rasterise
from talker.render.geometry import HeadGeometry
from talker.render.geometry_renderer import RenderedFrame
from talker.render.patch import Window
from talker.render.smooth_fill import smooth_fill
from talker.types import ByteArray, FloatArray, Portrait

SIDE = 1.3  # of the square, in face widths
EYES_AT = 0.23  # height of the eyes' line in the square
MAP_STRIDE = 4  # the maps are that much coarser than the square
HEAD_CM = 10.0  # unit of the position map
POLYGONS = ((INNER_LIPS,), (OUTER_LIPS,), (RIGHT_EYE, LEFT_EYE))  # one mask each
MAPS = 6  # channels of GeneratorInput.maps
IDENTITY = 20  # leading modes of the face model, which carry most of a face's form
STYLE = 2 * BLENDSHAPE_COUNT + 3 + IDENTITY  # numbers of a frame's style
_BOTH = np.concatenate([MIRROR_ORDER, MIRROR_ORDER + BLENDSHAPE_COUNT])
MIRRORED_STYLE = np.concatenate([_BOTH, np.arange(2 * BLENDSHAPE_COUNT, STYLE)])  # order of the mirrored face's numbers
MIRRORED_SIGN = np.concatenate([np.ones(2 * BLENDSHAPE_COUNT), [1, -1, -1], np.ones(IDENTITY)]).astype(np.float32)
# faces are nearly symmetric, so their form stays as it is


@dataclass(frozen=True)
class Square:
    """A square of the picture, `side` pixels of its own wide. matrix: [2,3] from the picture's px to the square's."""

    matrix: FloatArray
    side: int

    @property
    def scale(self) -> float:
        """Pixels of the square per pixel of the picture."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[0, 1]))

    def points(self, points: FloatArray) -> FloatArray:
        """[N,2] px of the square of `points` [N,2] px of the picture."""
        return (points @ self.matrix[:, :2].T + self.matrix[:, 2]).astype(np.float32)

    def cut(self, image: ByteArray) -> ByteArray:
        """[side,side,3] what the square shows of `image` [H,W,3]."""
        window = self.window(image.shape)
        part, matrix = image[window.slices], self.matrix_from(window)
        if self.scale < 0.75:
            part = cv2.GaussianBlur(part, (0, 0), 0.4 / self.scale)
        return cv2.warpAffine(part, matrix, (self.side, self.side), flags=cv2.INTER_LINEAR,
                              borderMode=cv2.BORDER_REPLICATE)  # fmt: skip

    def matrix_from(self, window: Window) -> FloatArray:
        """[2,3] from the px of a window of the picture to the square's."""
        matrix = self.matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ window.corner
        return matrix

    def window(self, shape: tuple[int, ...], part: tuple[slice, slice] | None = None) -> Window:
        """The upright rectangle of a picture of `shape` that holds the square, or a part of it (rows, columns)."""
        rows, columns = part or (slice(0, self.side), slice(0, self.side))
        ends = [(side.start, side.stop - 1) for side in (columns, rows)]
        corners = np.array(list(itertools.product(*ends)), np.float32)
        back = cv2.invertAffineTransform(self.matrix)
        return Window.around(corners @ back[:, :2].T + back[:, 2], 1.0, shape)


@dataclass(frozen=True)
class GeneratorInput:
    """What the generator is given of a frame.

    picture: [S,S,3] the square of the frame. masks: [S,S,3] 0..255 between the lips, the lips, the eyes.
    maps: [S/4,S/4,6] where each pixel lies on the face (x, y, z in head units; 1 where there is skin), and how far
    from it the portrait's square shows the same point (x, y in sides of the square).
    """

    picture: ByteArray
    masks: ByteArray
    maps: FloatArray


class FaceSquare:
    """One portrait's squares, `side` px wide.

    home: the portrait's own square, when another than the one around its mesh is wanted.
    """

    def __init__(self, geometry: HeadGeometry, side: int, home: Square | None = None) -> None:
        self._geometry, self._side = geometry, side
        self._face_width = geometry.fit.scale * FACE_WIDTH_CM
        self._triangles = geometry.traits.mask_triangles
        self.home = home or self.square(geometry.rest_points)
        self._source = self.home.points(geometry.rest_points) / side  # [V,2]
        self._position = geometry.model.neutral / HEAD_CM  # [V,3]

    def square(self, points: FloatArray) -> Square:
        """The square around the face whose mesh lies at `points` [V,2] px."""
        right, left = self._geometry.landmark_points(points, EYE_CORNERS)
        across = (left - right) / np.linalg.norm(left - right)
        factor = self._side / (SIDE * self._face_width)
        turn = factor * np.array([[across[0], across[1]], [-across[1], across[0]]])
        shift = np.array([0.5, EYES_AT]) * self._side - turn @ ((left + right) / 2)
        return Square(np.concatenate([turn, shift[:, None]], axis=1), self._side)

    def source(self, image: ByteArray) -> ByteArray:
        """[S,S,3] the portrait's own square of its picture `image`."""
        return self.home.cut(image)

    def look(self, drawn: RenderedFrame, square: Square | None = None) -> tuple[Square, GeneratorInput]:
        """The frame's square (that of its own mesh, unless another is given), and what is known of it."""
        square = square or self.square(drawn.points)
        maps = self._maps(square.points(drawn.points), drawn.camera[:, 2])
        return square, GeneratorInput(square.cut(drawn.frame), self._masks(square, drawn.points), maps)

    def _masks(self, square: Square, points: FloatArray) -> ByteArray:
        masks = np.zeros((3, self._side, self._side), np.uint8)
        for mask, outlines in zip(masks, POLYGONS, strict=True):
            for outline in outlines:
                line = square.points(self._geometry.landmark_points(points, outline))
                cv2.fillPoly(mask, [np.round(line * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        return np.ascontiguousarray(np.moveaxis(masks, 0, -1))

    def _maps(self, points: FloatArray, depth: FloatArray) -> FloatArray:
        """[S/4,S/4,6] from the mesh's `points` [V,2] px of the square."""
        side = self._side // MAP_STRIDE
        drawn = rasterise((points + 0.5) / MAP_STRIDE - 0.5, depth, self._triangles, side, side)
        values = np.concatenate([self._position, self._source - points / self._side], axis=1)  # [V,5]
        found = drawn.interpolate(self._triangles, values)
        covered = drawn.covered
        flow = smooth_fill(found[..., 3:], covered)
        return np.concatenate([found[..., :3], covered[..., None], flow], axis=-1).astype(np.float32)


def generator_style(blendshapes: FloatArray, pose: FloatArray, portrait: Portrait) -> FloatArray:
    """[STYLE] what shapes the frame as a whole: the expression that is asked for, the one that the portrait had, how
    the head is turned (rad, towards the camera 0) and the form of the face (in its standard deviations).
    """
    head = axis_angle(rotation_matrix(pose[:3]) @ rotation_matrix(portrait.fit.rotation))
    form = np.zeros(IDENTITY)
    known = portrait.fit.identity[:IDENTITY]
    form[: len(known)] = known
    return np.concatenate([blendshapes, portrait.source_expression, head, form]).astype(np.float32)

"""A film's motion, refined until what is drawn from it lies where the film has it: a photometric fit of the face model.

Landmarks say where lips, lids and brows are, but little of cheeks, chin and forehead, and are a pixel or two off
themselves. So the frame is drawn, the optical flow from there to the real frame is measured, and head and expression
take a step of what of that flow they can explain (Gauss-Newton on dense correspondences; cf. Thies et al., "Face2Face",
2016, which compares colours).
"""

from __future__ import annotations

import cv2
import numpy as np

from talker.blendshapes import BLENDSHAPE_NAMES
from talker.face.camera import (
    CAMERA_STEPS,
    axis_angle,
    camera_gradients,
    moved,
    relative_poses,
    rotation_matrix,
    stepped_camera,
)
from talker.face.fit import bounded_least_squares
from talker.face.model import vertex_normals
from talker.render.aligned import FaceSquare, Square
from talker.render.geometry_renderer import GeometryRenderer, RenderedFrame
from talker.types import ByteArray, FloatArray

SIDE = 256  # px of the square in which frames are compared
VERTEX_STEP = 5  # every so many vertices are asked
FLOW_BLUR_PX = 2.0  # px of the square
NOISE_CM = 0.12  # how far the flow may be wrong at any place
INDEPENDENT = 200.0  # as many places know nothing of one another
TURN, SHIFT_CM, GROWTH, EXPRESSION = 0.03, 0.3, 0.02, 0.15  # standard deviations of the landmarks' errors
KEPT = ("eyeBlink", "eyeLook", "tongue")  # channels of which landmarks and irises know more
LOCAL_PX, LEAST_CONTRAST, CONTRAST = 16, 6.0, 40.0  # light and contrast are made even over so many px of the square
EDGE_PX = 2  # of the square, in which the flow isn't believed
FACING = 0.7  # cosine from which a place counts fully
FAR = 6.0  # times the usual flow: from there on it is taken for a mistake
LEAST_USUAL_CM = 0.12  # flow that may be usual in any frame


class PhotometricFit:
    """Refines the motion of films of the person whom `renderer` draws."""

    def __init__(self, renderer: GeometryRenderer) -> None:
        self._renderer, self._geometry = renderer, renderer.geometry
        self._squares = FaceSquare(self._geometry, SIDE)
        self._vertices = np.arange(0, self._geometry.model.mask.stop, VERTEX_STEP)
        self._basis = self._geometry.basis[:, self._vertices].transpose(1, 2, 0)  # [N,3,52] cm
        self._free = [row for row, name in enumerate(BLENDSHAPE_NAMES) if not name.startswith(KEPT)]
        spread = [TURN] * 3 + [SHIFT_CM] * 2 + [GROWTH] + [EXPRESSION] * len(self._free)
        self._trust = 1.0 / np.square(spread)  # of the landmarks, in each unknown

    def refine(self, image: ByteArray, blendshapes: FloatArray, pose: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Blendshapes [52] and pose [6] that draw the face of `image` [H,W,3] better than those given.

        image: a frame of the portrait's film, as large as the renderer's frames.
        """
        drawn = self._renderer.draw(blendshapes, pose)
        camera = moved(self._geometry.fit, pose)
        square = self._squares.square(drawn.points)
        offsets = self._offsets(drawn, image, square) / camera.scale  # [N,2] cm
        turned = drawn.camera @ rotation_matrix(pose[:3]).T.astype(np.float32)
        weights = self._weights(offsets, turned, square.points(drawn.points[self._vertices]))
        by_place, by_camera = camera_gradients(turned[self._vertices])
        by_expression = by_place @ rotation_matrix(pose[:3]) @ self._basis[..., self._free]
        jacobian = np.concatenate([by_camera, by_expression], axis=-1).reshape(-1, len(self._trust))  # [2N,U]
        weighted = jacobian * np.repeat(weights, 2)[:, None]
        own = np.asarray(blendshapes, np.float64)[self._free]
        no_limit = np.full(CAMERA_STEPS, np.inf)
        step = bounded_least_squares(
            weighted.T @ jacobian + np.diag(self._trust),
            weighted.T @ offsets.ravel(),
            np.concatenate([-no_limit, np.minimum(0.0 - own, 0.0)]),
            np.concatenate([no_limit, np.maximum(1.0 - own, 0.0)]),
            np.zeros(len(self._trust)),
        )
        expression = np.array(blendshapes, np.float32)
        expression[self._free] += step[CAMERA_STEPS:].astype(np.float32)
        turn, place, scale = stepped_camera(
            rotation_matrix(camera.rotation), camera.translation, camera.scale, step[:CAMERA_STEPS]
        )
        there = relative_poses(axis_angle(turn)[None], place[None], np.array([scale]), self._geometry.fit)
        return expression, there[0].astype(np.float32)

    def _offsets(self, drawn: RenderedFrame, image: ByteArray, square: Square) -> FloatArray:
        """[N,2] px of the picture (y up) from where vertices are drawn to where `image` has them."""
        flow = cv2.GaussianBlur(offset_flow(square.cut(drawn.frame), square.cut(image)), (0, 0), FLOW_BLUR_PX)
        places = square.points(drawn.points[self._vertices])
        found = cv2.remap(flow, places[None], None, cv2.INTER_LINEAR)[0]
        return found @ np.linalg.inv(square.matrix[:, :2]).T * [1.0, -1.0]

    def _weights(self, offsets: FloatArray, turned: FloatArray, places: FloatArray) -> FloatArray:
        """[N] how much each offset [N,2] cm counts; turned: [V,3] cm in camera axes. places: [N,2] px of the square."""
        normals = vertex_normals(turned, self._geometry.traits.mask_triangles)[self._vertices]
        seen = np.clip(normals[:, 2] / FACING, 0.0, 1.0)
        seen *= ((places > EDGE_PX) & (places < SIDE - 1 - EDGE_PX)).all(axis=1)
        far = np.linalg.norm(offsets, axis=1)
        usual = max(float(np.median(far[seen > 0])) if seen.any() else 0.0, LEAST_USUAL_CM)
        believed = np.square(np.clip(1.0 - np.square(far / (FAR * usual)), 0.0, 1.0))  # Tukey's biweight
        weights: FloatArray = seen * believed * (INDEPENDENT / len(offsets) / NOISE_CM**2)
        return weights


def offset_flow(made: ByteArray, real: ByteArray) -> FloatArray:
    """[h,w,2] px from each pixel of `made` [h,w,3] to the same point of the face in `real` [h,w,3]."""
    flow: FloatArray = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        _evenly_lit(made), _evenly_lit(real), None
    )
    return flow


def _evenly_lit(picture: ByteArray) -> ByteArray:
    """[h,w] grey, with the same light and contrast everywhere, since a film's light changes."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= cv2.GaussianBlur(grey, (0, 0), LOCAL_PX)
    spread = np.sqrt(cv2.GaussianBlur(np.square(grey), (0, 0), LOCAL_PX)) + LEAST_CONTRAST
    return np.clip(128.0 + CONTRAST * grey / spread, 0, 255).astype(np.uint8)

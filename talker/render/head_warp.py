"""Head motion: a smooth displacement of head, hair, ears and neck, from a depth proxy on a coarse grid.

Every point of the head has a depth (the face mesh's, smoothly continued over hair and ears) and a weight: 1 on the
head, eased to 0 over the neck and the background. Turning the points about the base of the skull gives a forward
displacement; fixed-point iteration inverts it. Nothing tears, because one smooth field moves everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talker.curves import smoothstep
from talker.face.camera import moved, project_turned, rotation_matrix, unproject_turned
from talker.face.raster import rasterise
from talker.render.smooth_fill import smooth_fill
from talker.render.source import SourceFrame
from talker.types import FloatArray

INVERTED = 2e-4  # nodes; what a further step would change


@dataclass(frozen=True)
class HeadParams:
    """How the head turns: what moves with it, and how deep it is."""

    nodes_per_face: int = 26  # grid nodes across the face's width
    inversion_steps: int = 12  # at most
    side_depth_cm: float = 3.5  # ears and temples count as no deeper than this
    side_soft_cm: float = 1.5  # ears and temples count as no deeper than this
    border_nodes: float = 6.0  # over which the motion eases to nothing at the region's border
    hair_margin: float = 0.18  # of the face width: how far hair and ears reach beyond the bare head
    fade: float = 0.7  # of the face width: over which the motion eases to nothing beyond that
    neck_cm: tuple[float, float] = (-6.0, -14.0)  # model heights between which the neck's motion eases from 1 to 0


class HeadWarp:
    """The displacement field of one portrait's head on a coarse grid over its region."""

    def __init__(self, source: SourceFrame, params: HeadParams) -> None:
        self._geometry, self._params, region = source.geometry, params, source.region
        self.step, self.inversion_steps = (
            source.face_width / params.nodes_per_face,
            params.inversion_steps,
        )  # px between nodes
        columns = int(np.ceil(region.width / self.step)) + 1
        rows = int(np.ceil(region.height / self.step)) + 1
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        self.nodes = np.stack([x, y], axis=-1)  # [r,c,2] in steps from the region's corner
        self.origin = region.corner
        depth, weight = self._proxy(rows, columns)
        self.weight = weight * _border_ease(self.nodes, np.array(region.room) / self.step, params.border_nodes)  # [r,c]
        points = self.nodes * self.step + self.origin
        self._camera = unproject_turned(points, depth, self._geometry.fit).astype(np.float32)  # [r,c,3] cm

    def displacement(self, pose: FloatArray) -> FloatArray:
        """[r,c,2] px by which the head's points move for a `pose` [6] relative to the portrait's own."""
        fit = moved(self._geometry.fit, pose)  # the tracker's camera: it looks straight at the head wherever that is
        turned = self._camera @ rotation_matrix(pose[:3]).T.astype(np.float32)
        there = project_turned(turned, fit.translation, float(fit.scale))
        return (there - self._geometry.project(self._camera)) * self.weight[..., None]

    def invert(self, displacement: FloatArray) -> FloatArray:
        """[r,c,2] px: where each node's content comes from, relative to the node."""
        forward = displacement / self.step
        backward = -forward
        for _ in range(self.inversion_steps):
            before = backward
            backward = -cv2.remap(forward, self.nodes + before, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            if cv2.norm(backward, before, cv2.NORM_INF) < INVERTED:
                break
        return backward * self.step

    def sample(self, displacement: FloatArray, points: FloatArray) -> FloatArray:
        """[V,2] px displacement at picture positions `points` [V,2]."""
        where = ((points - self.origin) / self.step).astype(np.float32)
        found = cv2.remap(displacement, where[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return found[0]

    def _proxy(self, rows: int, columns: int) -> tuple[FloatArray, FloatArray]:
        """Depth (cm, camera axes) and weight 0..1 at each node."""
        geometry, model, params = self._geometry, self._geometry.model, self._params
        grid = (geometry.rest_points - self.origin) / self.step
        drawn = rasterise(grid, geometry.rest_camera[:, 2], model.skin_triangles, rows, columns)
        depth = smooth_fill(np.where(drawn.covered, drawn.depth, 0.0)[..., None], drawn.covered)[..., 0]
        # a flatter side of the head: what a turn would uncover there is not in the picture and can only be stretched
        flat, soft = params.side_depth_cm, params.side_soft_cm
        depth = flat + np.logaddexp(0.0, (depth - flat) / soft) * soft
        depth = cv2.GaussianBlur(depth.astype(np.float32), (0, 0), 0.8)
        whole, none = params.neck_cm
        follows = smoothstep((model.neutral[:, 1] - none) / (whole - none))  # [V]
        follows[model.mask] = 1.0
        weight = drawn.interpolate(model.skin_triangles, follows[:, None])[..., 0]
        head = drawn.covered & (weight > 0.9)
        distance = cv2.distanceTransform((~head).astype(np.uint8), cv2.DIST_L2, 5) / params.nodes_per_face
        around = smoothstep(1.0 - (distance - params.hair_margin) / params.fade)  # distance in face widths
        weight = np.where(drawn.covered, weight, around)
        return depth.astype(np.float32), cv2.GaussianBlur(weight.astype(np.float32), (0, 0), 1.5)


class StillHead:
    """A head that stays where the picture has it: what `HeadWarp` is to the flow. step: px between its nodes."""

    def __init__(self, step: float) -> None:
        self.step = step

    def invert(self, displacement: FloatArray) -> FloatArray:
        """[r,c,2] px: where each node's content comes from, relative to the node."""
        return -displacement


def _border_ease(nodes: FloatArray, room: FloatArray, border: float) -> FloatArray:
    """[r,c] 0 at the region's border, 1 inside, reached before the face, which leaves `room` [4] nodes at each side."""
    rows, columns = nodes.shape[:2]
    distances = (nodes[..., 0], nodes[..., 1], columns - 2 - nodes[..., 0], rows - 2 - nodes[..., 1])
    ease = np.ones((rows, columns), np.float32)
    for distance, free in zip(distances, room, strict=True):
        ease *= smoothstep(distance / np.clip(0.6 * free, 1.0, border))
    return ease

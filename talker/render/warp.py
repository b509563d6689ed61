"""Moving the picture with the mesh: where each pixel of a frame comes from, and what it then looks like.

The mesh is drawn at low resolution to give a dense backward flow, the flow is continued smoothly around the face, and
the full-resolution picture is sampled once with it, shaded, and laid over the still background. This is the fast path,
frame by frame on the CPU; `warp_torch.py` is the same in batches, and its specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from talker.curves import smoothstep
from talker.face.raster import rasterise
from talker.render.affine import Affine
from talker.render.background import Background
from talker.render.geometry import HeadGeometry
from talker.render.head_warp import HeadWarp, StillHead
from talker.render.sampling import bordered, compose
from talker.render.smooth_fill import smooth_fill
from talker.render.source import MeshFrame, SourceFrame
from talker.types import AnyArray, ByteArray, FloatArray

HALVED = 16  # multiples of it can be halved often, which makes `smooth_fill` fast
FADED = 3.0  # multiples of the reach, beyond which an expression moves nothing


@dataclass(frozen=True)
class FlowParams:
    """How the flow goes on around the face."""

    face_px: float = 110  # width of the face in the low-resolution flow
    expression_fade: float = 0.4  # of the face width: how far an expression still moves what lies around the face
    shading_blur: float = 0.8  # standard deviation in pixels of the flow
    facing: float = 0.2  # cosine of the angle to the viewer, below which the jaw's skin carries no flow
    jaw_cm: tuple[float, float] = (-0.3, -2.3)  # model heights between which that begins: ears stay where they are
    beside_cm: float = 4.0  # from the middle of the face: the chin's underside moves with the chin


class FlowGrid:
    """What the flow of one portrait needs and no frame changes.

    size: width and height of the flow. padded: height and width in which it is continued around the face. place: from
    px of the picture to the flow's. nodes: [h,w,2] its pixels on the head's grid. inner: [h,w] 1 inside, 0 at the
    region's border. reach: px of the flow by which an expression fades.
    """

    def __init__(
        self,
        source: SourceFrame,
        head: HeadWarp | StillHead,
        params: FlowParams,
        triangles: NDArray[np.int32],
    ) -> None:
        """triangles: [F,3] of the skin that carries the flow."""
        region, face_width = source.region, source.face_width
        shrink = min(1.0, params.face_px / face_width)
        self.size = width, height = max(round(region.width * shrink), 2), max(round(region.height * shrink), 2)
        self.padded = -height % HALVED + height, -width % HALVED + width
        self.place = Affine.resize((region.width, region.height), self.size, region.corner, np.float32)
        self.triangles = triangles = without_jaw_edges(source.geometry, triangles, params)
        self.vertices = slice(int(triangles.max()) + 1)  # the first of the mesh: it begins with the skin
        self.rest_points = source.geometry.rest_points[self.vertices]
        x = ((np.arange(width, dtype=np.float32) + 0.5) * region.width / width - 0.5) / head.step
        y = ((np.arange(height, dtype=np.float32) + 0.5) * region.height / height - 0.5) / head.step
        self.nodes = np.stack(np.meshgrid(x, y), axis=-1)
        near = self.nodes.min(axis=-1)
        far = np.minimum(region.width / head.step - self.nodes[..., 0], region.height / head.step - self.nodes[..., 1])
        self.inner = np.clip(np.minimum(near, far) / 2.0, 0, 1)
        self.reach = params.expression_fade * face_width * shrink
        self.shading_blur = params.shading_blur

    def points(self, posed: MeshFrame) -> FloatArray:
        """[V',2] px of the flow at which the vertices of the skin lie."""
        return self.place.points(posed.points[self.vertices])

    def attributes(self, posed: MeshFrame) -> FloatArray:
        """[V',3] what the flow carries: px to where a vertex comes from, and its shading beyond 1."""
        carried = np.empty((len(self.rest_points), 3), np.float32)
        np.subtract(self.rest_points, posed.points[self.vertices], out=carried[:, :2])
        np.subtract(posed.ratio[self.vertices], np.float32(1.0), out=carried[:, 2])
        return carried


def without_jaw_edges(geometry: HeadGeometry, triangles: NDArray[np.int32], params: FlowParams) -> NDArray[np.int32]:
    """[F',3] those of `triangles` [F,3] of which the picture shows enough.

    Skin that lies edge-on beside the jaw, or behind its outline, has no colours of its own in the picture. Where a
    dropping jaw makes the face narrow it would come into sight and make the outline jagged; the flow of the skin before
    it is continued there instead.
    """
    a, b, c = geometry.rest_camera[triangles].swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    facing = normal[:, 2] / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    above, below = params.jaw_cm
    across, height = geometry.model.neutral[triangles, :2].mean(axis=1).T
    least = (params.facing + 1.0) * smoothstep((above - height) / (above - below)) - 1.0
    return np.ascontiguousarray(triangles[(facing >= least) | (np.abs(across) < params.beside_cm)])


class Warp:
    """Draws the region of one portrait, frame by frame."""

    def __init__(
        self, source: SourceFrame, grid: FlowGrid, head: HeadWarp | StillHead, background: Background | None
    ) -> None:
        region, self._tint = source.region, source.light.tint
        self._flow_grid, self._head = grid, head
        self._size = width, height = region.width, region.height
        rows = np.clip((np.arange(height) + 0.5) * (grid.size[1] / height) - 0.5, 0.0, grid.size[1] - 1.001)
        self._rows, self._shares = rows.astype(np.int32), (rows % 1.0).astype(np.float32)
        self._still: tuple[Any, ...]
        if background is None:
            kept = np.empty((height, width), np.uint8), np.zeros((height, width), np.uint8)
            nothing = np.empty((1, 1, 3), np.uint8), np.empty((1, 1, 4), np.int16)
            self._still = *kept, *nothing, np.float32(1.0), np.float32(0.0)
        else:
            self._still = (
                background.kind, background.certain, background.plate, bordered(background.foreground),
                np.float32(background.settled), np.float32(background.slack),
            )  # fmt: skip

    def draw(self, frames: Sequence[MeshFrame]) -> list[ByteArray]:
        """The region [h,w,3] of each frame, still without eyes and mouth."""
        return [self._draw(posed) for posed in frames]

    def _draw(self, posed: MeshFrame) -> ByteArray:
        result = np.empty((self._size[1], self._size[0], 3), np.uint8)
        flow, (kind, certain, plate, foreground, settled, slack) = self._flow(posed), self._still
        compose(
            posed.source, flow, self._rows, self._shares, self._tint, kind, certain, plate, foreground, settled, slack,
            result,
        )  # fmt: skip
        return result

    def _flow(self, posed: MeshFrame) -> FloatArray:
        """[3,r,w] how far the content of each of the region's columns comes, x and y (px), and its shading beyond 1.

        It has the flow's rows, and is to be interpolated between them.
        """
        grid = self._flow_grid
        width, height = grid.size
        drawn = rasterise(grid.points(posed), posed.camera[grid.vertices, 2], grid.triangles, *grid.padded)
        values, covered = drawn.interpolate(grid.triangles, grid.attributes(posed)), drawn.covered
        covered[height:], covered[:, width:] = False, False
        turn = cv2.remap(self._head.invert(posed.displacement), grid.nodes, None, cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        _leave_out(values, covered, turn)
        distance = cv2.distanceTransform((~covered[:height, :width]).astype(np.uint8), cv2.DIST_L2, 5)
        values = smooth_fill(values, covered)
        flow = np.empty((3, height, width), np.float32)
        _fade(values, covered, distance, grid.inner, np.float32(grid.reach), turn, flow)
        flow[2] = cv2.GaussianBlur(flow[2], (0, 0), grid.shading_blur)
        wide = np.empty((3, height, self._size[0]), np.float32)
        for plane, result in zip(flow, wide, strict=True):
            cv2.resize(plane, (self._size[0], height), result, interpolation=cv2.INTER_LINEAR)
        return wide


@njit(cache=True, nogil=True, fastmath=True)
def _leave_out(values: AnyArray, covered: AnyArray, turn: AnyArray) -> None:
    """Take the head's `turn` [h,w,2] px out of the mesh's `values` [h+,w+,3] where they are `covered` [h+,w+]."""
    height, width = turn.shape[:2]
    for y in range(height):
        for x in range(width):
            if covered[y, x]:
                values[y, x, 0] -= turn[y, x, 0]
                values[y, x, 1] -= turn[y, x, 1]


@njit(cache=True, nogil=True, fastmath=True)
def _fade(
    values: AnyArray, covered: AnyArray, distance: AnyArray, inner: AnyArray, reach: Any, turn: AnyArray, flow: AnyArray
) -> None:
    """Write the head's `turn` [h,w,2] px with the expression's share of `values` [h+,w+,3] to `flow` [3,h,w].

    It fades with the `distance` [h,w] px from the face, and towards the region's border (`inner` [h,w] 0).
    """
    height, width = inner.shape
    for y in range(height):
        for x in range(width):
            share, away = inner[y, x], distance[y, x] / reach
            if away > np.float32(FADED):
                share = np.float32(0.0)
            elif away > 0:
                share *= np.exp(-away * away)
            flow[0, y, x] = turn[y, x, 0] + values[y, x, 0] * share
            flow[1, y, x] = turn[y, x, 1] + values[y, x, 1] * share
            flow[2, y, x] = values[y, x, 2] * share if covered[y, x] else np.float32(0.0)

"""The geometry renderer: a portrait and a motion become frames; the picture itself is the texture.

Per frame: the mesh of the new expression is turned with the head, drawn at low resolution to give a dense backward
flow, the flow is continued smoothly around the face, and the full-resolution picture is sampled once with it. What
lies behind the head is put back where it was; lips, mouth and eyes, where skin opens, are drawn at the picture's own
resolution.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from talker.face.raster import rasterise
from talker.hub import checkpoint
from talker.options import SpeakOptions
from talker.render.background import Background
from talker.render.crop import at_size
from talker.render.eyes import Eye
from talker.render.geometry import HeadGeometry
from talker.render.head_motion import HeadMotion, Region
from talker.render.light import Light, shade, white_in_this_light
from talker.render.mouth import Mouth
from talker.render.smooth_fill import smooth_fill
from talker.render.unfold import Unfolded
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait

WORKERS = min(4, os.cpu_count() or 1)  # frames drawn at the same time
cv2.setNumThreads(1)  # frames are drawn side by side: threads inside each would only wait for one another
FLOW_FACE_PX = 110  # width of the face in the low-resolution flow
EXPRESSION_FADE = 0.4  # of the face width: how far an expression still moves what lies around the face
REGION = (1.35, 1.5, 1.35, 1.35)  # face widths from the face's centre: left, up, right, down
Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Drawn:
    """A frame [H,W,3], and where the mesh lies in it: camera [V,3] cm (before the head turns), points [V,2] px."""

    frame: ByteArray
    camera: FloatArray
    points: FloatArray


class Renderer:
    """Everything that does not depend on the frame is prepared once, here.

    portrait: whose face. options: `size` and `wrinkles` matter here. flow_face_px: width of the face in the flow;
    infinity gives the specification, a flow at the picture's own resolution, that the fast one is tested against.
    still_background: whether what lies behind the head stays where it is; without, it moves as far as the flow reaches.
    """

    name = "geometry"

    def __init__(
        self,
        portrait: Portrait,
        options: SpeakOptions,
        *,
        flow_face_px: float = FLOW_FACE_PX,
        still_background: bool = True,
    ) -> None:
        self._flow_face_px = flow_face_px
        self._options = options
        self.portrait = portrait = at_size(portrait, options.size)
        self._image = np.ascontiguousarray(portrait.image)
        self.geometry = HeadGeometry(portrait, checkpoint("face-model"))
        self._region = _head_region(portrait)
        self._head = HeadMotion(self.geometry, self._region, portrait.face_width)
        self._light = Light(self.geometry, self._image)
        self._eyes = [Eye(self.geometry, self._image, portrait.landmarks, side) for side in ("Left", "Right")]
        eye_white = np.mean([eye.white for eye in self._eyes], axis=0)
        white = white_in_this_light(eye_white, self._image, self.geometry)
        self._mouth = Mouth(self.geometry, self._image, portrait.landmarks, white, portrait.face_width)
        image = np.ascontiguousarray(self._image[self._region.slices])
        self._unfolded = Unfolded(self.geometry, self._light, image, self._head.origin, options.wrinkles)
        self._background = None
        if still_background:
            self._background = Background(self.geometry, image, self._head.origin, portrait.face_width)
        self._prepare_flow()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height (px) of the frames."""
        return self._image.shape[1], self._image.shape[0]

    def opacity(self) -> FloatArray:
        """[H,W] 0..1 how far each pixel is taken for the person; 1 everywhere without still background."""
        opacity = np.ones(self._image.shape[:2], np.float32)
        if self._background is not None:
            opacity[:] = 0.0  # outside the region nothing moves
            opacity[self._region.slices] = self._background.matte.alpha
        return opacity

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        rows = zip(motion.blendshapes, motion.pose, strict=True)
        return in_order(lambda row: self.frame(*row), rows)

    def frame(self, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The portrait [H,W,3] with this expression [52] and head pose [6] (relative to its own)."""
        return self.draw(blendshapes, pose).frame

    def draw(self, blendshapes: FloatArray, pose: FloatArray) -> Drawn:
        """The same frame with the mesh that it was drawn from."""
        shape = self.geometry.shape(np.clip(blendshapes, -0.5, 1.5))
        displacement = self._head.displacement(pose)
        drift = self._head.sample(displacement, shape.points)
        points = shape.points + drift  # [V,2] px
        ratio = self._light.ratio(shape.camera, self._options.wrinkles)  # [V]
        where, shading = self._flow(shape.camera, points, ratio, displacement)
        frame = self._image.copy()
        rows, columns = self._region.slices
        source = self._unfolded.source(blendshapes)
        warped = cv2.remap(source, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        shade(warped, shading, frame[rows, columns])
        if self._background is not None:
            self._background.keep(frame[rows, columns], where)
        for eye in self._eyes:
            eye.draw(frame, shape.camera, points, ratio, drift)
        self._mouth.draw(frame, shape.camera, points, ratio, drift)
        return Drawn(frame, shape.camera, points)

    def _prepare_flow(self) -> None:
        """Grids and triangles that every frame uses."""
        region = self._region
        self._flow_scale = min(1.0, self._flow_face_px / self.portrait.face_width)
        self._flow_size = (
            max(round(region.width * self._flow_scale), 2), max(round(region.height * self._flow_scale), 2),
        )  # fmt: skip
        self._mask_triangles = self.geometry.traits.mask_triangles
        x, y = np.arange(region.width, dtype=np.float32), np.arange(region.height, dtype=np.float32)
        self._grid = np.stack(np.meshgrid(x, y), axis=-1)  # [h,w,2] px of the region
        width, height = self._flow_size
        low_x = ((np.arange(width, dtype=np.float32) + 0.5) * region.width / width - 0.5) / self._head.step
        low_y = ((np.arange(height, dtype=np.float32) + 0.5) * region.height / height - 0.5) / self._head.step
        self._node_lookup = np.stack(np.meshgrid(low_x, low_y), axis=-1)
        near_border = np.minimum.reduce([*np.meshgrid(low_x, low_y)])
        columns, rows = region.width / self._head.step, region.height / self._head.step
        far = np.minimum(columns - self._node_lookup[..., 0], rows - self._node_lookup[..., 1])
        self._inner = np.clip(np.minimum(near_border, far) / 2.0, 0, 1)  # 0 at the region's border

    def _flow(
        self, camera: FloatArray, points: FloatArray, ratio: FloatArray, displacement: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Where in the region each of its pixels comes from [h,w,2] px, and its shading factor [h,w]."""
        width, height = self._flow_size
        scale = np.array([width / self._region.width, height / self._region.height], np.float32)
        low = (points - self._head.origin + 0.5) * scale - 0.5
        drawn = rasterise(low, camera[:, 2], self._mask_triangles, height, width)
        attributes = np.concatenate([self.geometry.rest_points - points, ratio[:, None] - 1.0], axis=1)  # [V,3]
        values = drawn.interpolate(self._mask_triangles, attributes)
        turn = cv2.remap(self._head.invert(displacement), self._node_lookup, None, cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        covered = drawn.covered
        values[..., :2] -= np.where(covered[..., None], turn, 0)
        distance = cv2.distanceTransform((~covered).astype(np.uint8), cv2.DIST_L2, 5)
        reach = EXPRESSION_FADE * self.portrait.face_width * self._flow_scale
        fade = np.exp(-((distance / reach) ** 2)) * self._inner
        values = smooth_fill(values, covered) * fade[..., None]
        shading = cv2.GaussianBlur(values[..., 2] * covered, (0, 0), 0.8) + 1.0
        size = (self._region.width, self._region.height)
        where = cv2.resize(values[..., :2] + turn, size, interpolation=cv2.INTER_LINEAR)
        where += self._grid
        return where, cv2.resize(shading, size, interpolation=cv2.INTER_LINEAR)


def in_order(work: Callable[[Given], Result], rows: Iterable[Given]) -> Iterator[Result]:
    """What `work` makes of each row, in order; a few at the same time, and no more are held."""
    with ThreadPoolExecutor(WORKERS) as pool:
        drawing: deque[Future[Result]] = deque()
        for row in rows:
            drawing.append(pool.submit(work, row))
            if len(drawing) > WORKERS:
                yield drawing.popleft().result()
        while drawing:
            yield drawing.popleft().result()


def _head_region(portrait: Portrait) -> Region:
    """The rectangle around the head in which anything may change."""
    left, top, right, bottom = portrait.face_box
    centre_x, centre_y, unit = (left + right) / 2, (top + bottom) / 2, portrait.face_width
    height, width = portrait.image.shape[:2]
    wanted = (
        centre_x - REGION[0] * unit, centre_y - REGION[1] * unit,
        centre_x + REGION[2] * unit, centre_y + REGION[3] * unit,
    )  # fmt: skip
    x0, y0 = max(0, int(wanted[0])), max(0, int(wanted[1]))
    x1, y1 = min(width, int(wanted[2]) + 1), min(height, int(wanted[3]) + 1)
    return Region(x0, y0, x1 - x0, y1 - y0, (left - x0, top - y0, x1 - right, y1 - bottom))

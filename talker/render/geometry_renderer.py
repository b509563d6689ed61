"""The geometry renderer: a portrait and a motion become frames; the picture itself is the texture.

Per frame: the mesh of the new expression is turned with the head and moves the picture (`warp.py`); lips, mouth and
eyes, where skin opens, are then drawn at the picture's own resolution. Films are moved in batches where there is a GPU
(`warp_torch.py`); all else runs on the CPU, frame by frame, a few at the same time.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from talker.options import SpeakOptions
from talker.render.background import Background
from talker.render.crease_removal import CreaseRemoval
from talker.render.crop import at_size
from talker.render.eyes import Eye
from talker.render.geometry import HeadGeometry
from talker.render.head_warp import HeadWarp, Region
from talker.render.light import Light, white_in_this_light
from talker.render.mouth import Mouth
from talker.render.warp import FLOW_FACE_PX, FlowGrid, MeshFrame, Warp
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait
from talker.weights.store import checkpoint

if TYPE_CHECKING:
    from talker.render.warp_torch import TorchWarp

WORKERS = min(4, os.cpu_count() or 1)  # frames drawn at the same time
cv2.setNumThreads(1)  # frames are drawn side by side: threads inside each would only wait for one another
REGION = (1.35, 1.5, 1.35, 1.35)  # face widths from the face's centre: left, up, right, down
BATCH_FRAMES, BATCH_PIXELS = 16, 2**24  # at most, that a GPU moves at a time
COLOURLESS = 4.0  # levels between red, green and blue, on average: a picture below is black and white, and stays so
Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Drawn:
    """A frame [H,W,3], and where the mesh lies in it: camera [V,3] cm (before the head turns), points [V,2] px."""

    frame: ByteArray
    camera: FloatArray
    points: FloatArray


class GeometryRenderer:
    """Everything that does not depend on the frame is prepared once, here.

    portrait: whose face. options: `size` and `wrinkles` matter here. still_background: whether what lies
    behind the head stays where it is; without, it moves as far as the flow reaches. device: torch's name for where the
    picture is moved, in batches; None: on the CPU in the fast way, films on a GPU where there is one. flow_face_px:
    width of the face in the flow. The device `cpu` and an infinite width, a flow at the picture's own resolution, are
    the specification that both ways are tested against.
    """

    name = "geometry"

    def __init__(
        self,
        portrait: Portrait,
        options: SpeakOptions,
        *,
        still_background: bool = True,
        device: str | None = None,
        flow_face_px: float = FLOW_FACE_PX,
    ) -> None:
        self._options = options
        self.portrait = portrait = at_size(portrait, options.size)
        self._image = np.ascontiguousarray(portrait.image)
        self.geometry = HeadGeometry(portrait, checkpoint("face-model"))
        self._region = _head_region(portrait)
        self._head = HeadWarp(self.geometry, self._region, portrait.face_width)
        self._light = Light(self.geometry, self._image)
        self._colourless = np.ptp(self._image[self._region.slices], axis=2).mean() < COLOURLESS
        self._eyes = [Eye(self.geometry, self._image, portrait.landmarks, side) for side in ("Left", "Right")]
        eye_white = np.mean([eye.white for eye in self._eyes], axis=0)
        white = white_in_this_light(eye_white, self._image, self.geometry)
        self._mouth = Mouth(
            self.geometry, self._image, portrait.landmarks, white, portrait.face_width, self._head.origin
        )
        image = np.ascontiguousarray(self._image[self._region.slices])
        self._unfolded = CreaseRemoval(self.geometry, self._light, image, self._head.origin, options.wrinkles)
        self._background = None
        if still_background:
            self._background = Background(self.geometry, image, self._head.origin, portrait.face_width)
        grid = FlowGrid(self.geometry, self._head, self._region, portrait.face_width, flow_face_px)
        self._parts = grid, self._head, self._region, self._background
        self._warp: Warp | TorchWarp = Warp(*self._parts)
        self._film_device = device or ("cuda" if device is None and gpu_is_there() else None)
        if device is not None:
            self._warp = self._on(device)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height (px) of the frames."""
        return self._image.shape[1], self._image.shape[0]

    def opacity(self) -> FloatArray:
        """[H,W] 0..1 how far each pixel is taken for the person; 1 everywhere without still background."""
        opacity = np.ones(self._image.shape[:2], np.float32)
        if self._background is not None:
            opacity[:] = 0.0  # outside the region nothing moves
            opacity[self._region.slices] = 1.0
            opacity[self._region.slices] -= self._background.foreground[..., 3] / np.float32(255.0)
        return opacity

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        return (drawn.frame for drawn in self.drawn(motion))

    def drawn(self, motion: FaceMotion) -> Iterator[Drawn]:
        """The same frames, each with the mesh that it was drawn from."""
        rows = zip(motion.blendshapes, motion.pose, strict=True)
        if self._film_device is None:
            return in_order(lambda row: self.draw(*row), rows)
        posed = in_order(lambda row: self._pose(*row), rows)
        return in_order(lambda pair: self._finish(*pair), self._moved(posed, self._on(self._film_device)))

    def frame(self, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The portrait [H,W,3] with this expression [52] and head pose [6] (relative to its own)."""
        return self.draw(blendshapes, pose).frame

    def draw(self, blendshapes: FloatArray, pose: FloatArray) -> Drawn:
        """The same frame with the mesh that it was drawn from."""
        posed = self._pose(blendshapes, pose)
        return self._finish(posed, self._warp.draw([posed])[0])

    def _pose(self, blendshapes: FloatArray, pose: FloatArray) -> MeshFrame:
        """The mesh with this expression [52] and head pose [6]."""
        shape = self.geometry.shape(np.clip(blendshapes, -0.5, 1.5))
        displacement = self._head.displacement(pose)
        drift = self._head.sample(displacement, shape.points)
        ratio = self._light.ratio(shape.camera, self._options.wrinkles)  # [V]
        source = self._unfolded.source(blendshapes)
        return MeshFrame(shape.camera, shape.points + drift, ratio, drift, displacement, source)

    def _finish(self, posed: MeshFrame, region: ByteArray) -> Drawn:
        """The frame around its moved `region` [h,w,3], with eyes and mouth."""
        frame = self._image.copy()
        frame[self._region.slices] = region
        mesh = posed.camera, posed.points, posed.ratio, posed.drift
        for eye in self._eyes:
            eye.draw(frame, *mesh)
        self._mouth.draw(frame, *mesh, posed.source)
        if self._colourless:
            seen = frame[self._region.slices]
            seen[:] = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)[..., None]
        return Drawn(frame, posed.camera, posed.points)

    def _on(self, device: str) -> TorchWarp:
        import torch  # takes a second, which who draws on the CPU should not wait for

        from talker.render.warp_torch import TorchWarp

        return TorchWarp(*self._parts, torch.device(device))

    def _moved(self, frames: Iterator[MeshFrame], warp: TorchWarp) -> Iterator[tuple[MeshFrame, ByteArray]]:
        """Each frame with its moved region, several at a time."""
        count = max(1, min(BATCH_FRAMES, BATCH_PIXELS // (self._region.width * self._region.height)))
        while batch := list(islice(frames, count)):
            yield from zip(batch, warp.draw(batch), strict=True)


def gpu_is_there() -> bool:
    """Whether torch can draw on a GPU; it is only asked, and imported, where there is a driver."""
    if shutil.which("nvidia-smi") is None:
        return False
    import torch

    return torch.cuda.is_available()


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

"""The geometry renderer: a portrait and a motion become frames; the picture itself is the texture.

Per frame: the mesh of the new expression is turned with the head and moves the picture (`warp.py`); lips, mouth and
eyes, where skin opens, are then drawn at the picture's own resolution. Films are moved in batches where there is a GPU
(`warp_torch.py`); all else runs on the CPU, frame by frame, a few at the same time.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from talker.face.landmarks import EYE_LIDS
from talker.options import SpeakOptions
from talker.render.background import Background
from talker.render.crease_removal import CreaseRemoval
from talker.render.crop import at_size
from talker.render.eyes import Eye
from talker.render.geometry import HeadGeometry
from talker.render.head_warp import HeadWarp
from talker.render.light import Light, white_in_this_light
from talker.render.mouth import Mouth
from talker.render.nostrils import without_nostrils
from talker.render.orbit_skin import OrbitSkin, with_bare_orbits
from talker.render.params import DEFAULT_PARAMS, RenderParams
from talker.render.source import Appearance, HeadRegion, Layer, MeshFrame, SourceFrame
from talker.render.warp import FlowGrid, Warp
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait
from talker.weights.store import checkpoint

if TYPE_CHECKING:
    from talker.render.warp_torch import TorchWarp

WORKERS = min(4, os.cpu_count() or 1)  # frames drawn at the same time
cv2.setNumThreads(1)  # frames are drawn side by side: threads inside each would only wait for one another
BATCH_FRAMES, BATCH_PIXELS = 16, 2**24  # at most, that a GPU moves at a time
Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class RenderedFrame:
    """A frame [H,W,3], and where the mesh lies in it: camera [V,3] cm (before the head turns), points [V,2] px."""

    frame: ByteArray
    camera: FloatArray
    points: FloatArray


class GeometryRenderer:
    """Everything that does not depend on the frame is prepared once per source frame, here.

    A portrait is one source frame. Each frame of a tracked video is a portrait of its own with the same identity: hand
    the first one's `appearance` to the renderers of the others, so that light and colours do not flicker.

    portrait: whose face. options: `size` and `wrinkles` matter here. still_background: whether what lies
    behind the head stays where it is; without, it moves as far as the flow reaches. device: torch's name for where the
    picture is moved, in batches; None: on the CPU in the fast way, films on a GPU where there is one. params: tuned
    numbers. The device `cpu` and a flow at the picture's own resolution (`FlowParams.face_px` infinite) are the
    specification that both ways are tested against.
    """

    name = "geometry"

    def __init__(
        self,
        portrait: Portrait,
        options: SpeakOptions,
        *,
        appearance: Appearance | None = None,
        still_background: bool = True,
        device: str | None = None,
        params: RenderParams = DEFAULT_PARAMS,
    ) -> None:
        attributes = portrait.attributes if appearance is None else appearance.attributes
        if attributes.drawn:  # drawings have no folds and no shading of their own
            options = dataclasses.replace(options, wrinkles=0.0)
        self._options = options
        self.portrait = portrait = at_size(portrait, options.size)
        self._image = np.ascontiguousarray(portrait.image)
        self.geometry = HeadGeometry(
            portrait, checkpoint("face-model"), params.limits, params.glasses, params.orbits, attributes
        )
        light = Light(self.geometry, self._image, params.light, None if appearance is None else appearance.light)
        source = SourceFrame(portrait, self.geometry, light, HeadRegion.of(portrait, params.region))
        self.source = source
        eyes = [Eye(source, side, params.eyes, params.lids) for side in EYE_LIDS]
        self._orbits = [OrbitSkin(*pair, source) for pair in zip(self.geometry.orbits, eyes, strict=False)]
        self.appearance = appearance or _appearance(source, eyes, params)
        mouth = Mouth(source, self.appearance, params.lips, params.inside, params.own_teeth)
        self._layers: list[Layer] = [] if attributes.glasses == "sunglasses" else [*eyes]
        if not attributes.mouth_covered:
            self._layers.append(mouth)
        seen = portrait.image[source.region.slices]
        if np.ptp(seen, axis=2).mean() < min(params.colourless, params.colourless_share * seen.mean()):
            self._layers.append(Colourless(source.region))
        self._creases = CreaseRemoval(source, options.wrinkles, params.creases)
        self._background = Background(source, params.background, params.matte) if still_background else None
        self._head = HeadWarp(source, params.head)
        grid = FlowGrid(source, self._head, params.flow, without_nostrils(self.geometry, params.nostrils))
        self._parts = source, grid, self._head, self._background
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
            opacity[self.source.region.slices] = 1.0
            opacity[self.source.region.slices] -= self._background.foreground[..., 3] / np.float32(255.0)
        return opacity

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        return (drawn.frame for drawn in self.drawn(motion))

    def drawn(self, motion: FaceMotion) -> Iterator[RenderedFrame]:
        """The same frames, each with the mesh that it was drawn from."""
        rows = zip(motion.blendshapes, motion.pose, strict=True)
        if self._film_device is None:
            return in_order(lambda row: self.draw(*row), rows)
        posed = in_order(lambda row: self._pose(*row), rows)
        return in_order(lambda pair: self._finish(*pair), self._moved(posed, self._on(self._film_device)))

    def frame(self, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The portrait [H,W,3] with this expression [52] and head pose [6] (relative to its own)."""
        return self.draw(blendshapes, pose).frame

    def draw(self, blendshapes: FloatArray, pose: FloatArray) -> RenderedFrame:
        """The same frame with the mesh that it was drawn from."""
        posed = self._pose(blendshapes, pose)
        return self._finish(posed, self._warp.draw([posed])[0])

    def _pose(self, blendshapes: FloatArray, pose: FloatArray) -> MeshFrame:
        """The mesh with this expression [52] and head pose [6]."""
        shape = self.geometry.shape(np.clip(blendshapes, -0.5, 1.5))
        displacement = self._head.displacement(pose)
        drift = self._head.sample(displacement, shape.points)
        ratio = self.source.light.ratio(shape.camera, self._options.wrinkles)  # [V]
        source = self._creases.source(self.geometry.held(blendshapes))
        source = with_bare_orbits(source, shape.points, self._orbits)
        return MeshFrame(shape.camera, shape.points + drift, ratio, drift, displacement, source)

    def _finish(self, posed: MeshFrame, region: ByteArray) -> RenderedFrame:
        """The frame around its moved `region` [h,w,3], with eyes and mouth."""
        if region.shape == self._image.shape:
            frame = region
        else:
            frame = self._image.copy()
            frame[self.source.region.slices] = region
        for layer in self._layers:
            layer.draw(frame, posed)
        return RenderedFrame(frame, posed.camera, posed.points)

    def _on(self, device: str) -> TorchWarp:
        import torch  # takes a second, which who draws on the CPU should not wait for

        from talker.render.warp_torch import TorchWarp

        return TorchWarp(*self._parts, torch.device(device))

    def _moved(self, frames: Iterator[MeshFrame], warp: TorchWarp) -> Iterator[tuple[MeshFrame, ByteArray]]:
        """Each frame with its moved region, several at a time."""
        region = self.source.region
        count = max(1, min(BATCH_FRAMES, BATCH_PIXELS // (region.width * region.height)))
        while batch := list(islice(frames, count)):
            yield from zip(batch, warp.draw(batch), strict=True)


class Colourless:
    """The last layer of a black-and-white picture: what was drawn loses its colours."""

    def __init__(self, region: HeadRegion) -> None:
        self._slices = region.slices

    def draw(self, frame: ByteArray, mesh: MeshFrame) -> None:
        """Take the colours from the region of `frame` [H,W,3], in place."""
        seen = frame[self._slices]
        seen[:] = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)[..., None]


def _appearance(source: SourceFrame, eyes: list[Eye], params: RenderParams) -> Appearance:
    """What one picture tells about all of this person."""
    eye_white = np.mean([eye.white for eye in eyes], axis=0)
    image, geometry = source.image, source.geometry
    return Appearance(
        source.light.coefficients,
        white_in_this_light(eye_white, image, geometry, params.light),
        source.light.redness,
        source.portrait.attributes,
    )


def gpu_is_there() -> bool:
    """Whether torch can draw on a GPU; it is only asked, and imported, where there is a driver."""
    if shutil.which("nvidia-smi") is None:
        return False
    import torch

    return torch.cuda.is_available()


def in_order(work: Callable[[Given], Result], rows: Iterable[Given]) -> Iterator[Result]:
    """What `work` makes of each row, in order; a few at the same time, and no more are held.

    A single row, such as a still's, is not worth a thread.
    """
    rows = iter(rows)
    beginning = list(islice(rows, 2))
    if len(beginning) < 2:
        yield from map(work, beginning)
        return
    rows = chain(beginning, rows)
    with ThreadPoolExecutor(WORKERS) as pool:
        drawing: deque[Future[Result]] = deque()
        for row in rows:
            drawing.append(pool.submit(work, row))
            if len(drawing) > WORKERS:
                yield drawing.popleft().result()
        while drawing:
            yield drawing.popleft().result()

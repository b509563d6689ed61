"""The generator as a renderer: the geometry's frame, refined in the face's square and put back at full resolution.

Only what the network adds is resampled, never the frame itself, so that the picture keeps its own sharpness.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from talker.hub import checkpoint
from talker.options import SpeakOptions
from talker.render.aligned import MAP_STRIDE, FaceSquare, Sight, Square, style_of
from talker.render.generator import CHECKPOINT, Generator, absolute, load_generator
from talker.render.regions import MODES
from talker.render.renderer import Drawn, Renderer, streamed
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait


class GeneratorRenderer:
    """Everything that does not depend on the frame is prepared once, here.

    generator: the network; the shipped one when None. mode: a row of `MODES`. On a GPU it works in bfloat16.
    """

    name = "generator"

    def __init__(
        self, portrait: Portrait, options: SpeakOptions, *, generator: Generator | None = None, mode: str = "fast"
    ) -> None:
        self.geometry = Renderer(portrait, options)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._type = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        network = generator or load_generator(checkpoint(CHECKPOINT))
        self._network = network.eval().to(self._device, self._type).to(memory_format=torch.channels_last)
        self._squares = FaceSquare(self.geometry.geometry, network.config.size)
        self._parts = []  # rows and columns of the square and of its maps, and how far a refinement counts there
        for region in MODES[mode]:
            rows, columns = region.slices(network.config.size)
            fade = region.fade(rows.stop - rows.start, columns.stop - columns.start)
            self._parts.append((rows, columns, *region.slices(network.config.size // MAP_STRIDE), fade[..., None]))
        with torch.inference_mode():
            source = self._squares.source(self.geometry.portrait.image)
            self._features = self._network.encode(self._tensor(source, 1 / 255))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height (px) of the frames."""
        return self.geometry.size

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        return streamed(self.frame, motion)

    def frame(self, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The portrait [H,W,3] with this expression [52] and head pose [6] (relative to its own)."""
        return self.refine(self.geometry.draw(blendshapes, pose), blendshapes, pose)

    def refine(self, drawn: Drawn, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The geometry's frame [H,W,3], refined; `drawn.frame` stays as it is."""
        square, sight = self._squares.look(drawn)
        flow, added = self._run(sight, style_of(blendshapes, pose, self.geometry.portrait))
        return _put_back(drawn.frame, square, flow, added)

    def _run(self, sight: Sight, style: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residual flow [S,S,2] px of the square and what is added [S,S,3] in levels of 255."""
        side = len(sight.picture)
        flow, added = np.zeros((side, side, 2), np.float32), np.zeros((side, side, 3), np.float32)
        inputs = self._tensor(np.concatenate([sight.picture, sight.masks], axis=-1), 1 / 255)
        code = torch.from_numpy(style[None]).to(self._device, self._type)
        with torch.inference_mode():
            maps = absolute(self._tensor(sight.maps, 1.0))
            for rows, columns, map_rows, map_columns, fade in self._parts:
                found = self._network(
                    inputs[..., rows, columns], maps[..., map_rows, map_columns], code, self._features
                )
                flow[rows, columns] += _array(found.flow) * fade
                added[rows, columns] += _array(found.texture * found.mask) * fade * 255.0
        return flow, added

    def _tensor(self, values: ByteArray | FloatArray, factor: float) -> Tensor:
        """[1,C,h,w] of [h,w,C]."""
        there = torch.from_numpy(values)[None].permute(0, 3, 1, 2).to(self._device, self._type) * factor
        return there.contiguous(memory_format=torch.channels_last)


def _array(values: Tensor) -> FloatArray:
    """[h,w,C] of [1,C,h,w]."""
    array: FloatArray = values[0].float().permute(1, 2, 0).cpu().numpy()
    return array


def _put_back(frame: ByteArray, square: Square, flow: FloatArray, added: FloatArray) -> ByteArray:
    """The frame with the square's flow [S,S,2] (its px) and colours [S,S,3] added."""
    result = frame.copy()
    window = square.window(frame.shape)
    matrix = square.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ window.corner
    size = (window.width, window.height)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP  # the matrix leads from the picture to the square
    in_picture = flow @ np.linalg.inv(matrix[:, :2]).T.astype(np.float32)
    both = cv2.warpAffine(np.concatenate([in_picture, added[..., :2]], axis=-1), matrix, size, flags=flags)
    last = cv2.warpAffine(added[..., 2], matrix, size, flags=flags)
    where = both[..., :2] + window.pixels() - window.corner
    moved = cv2.remap(frame[window.slices], where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    colours = moved.astype(np.float32) + np.concatenate([both[..., 2:], last[..., None]], axis=-1)
    result[window.slices] = np.clip(colours + 0.5, 0, 255).astype(np.uint8)
    return result

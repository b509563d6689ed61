"""The generator as a renderer: the geometry's frame, refined in the face's square and put back at full resolution.

Only what the network adds is resampled, never the frame itself, so that the picture keeps its own sharpness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from talker.options import SpeakOptions
from talker.render.aligned import MAP_STRIDE, FaceSquare, GeneratorInput, Square, generator_style
from talker.render.generator import CHECKPOINT, Generator, absolute, load_generator
from talker.render.geometry_renderer import GeometryRenderer, RenderedFrame, in_order
from talker.render.regions import MODES
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait
from talker.weights.store import checkpoint

BATCH = 8  # frames at once on a GPU


class FrameRequest(NamedTuple):
    """What a frame is to show: blendshapes [52], pose [6], and how it reads [8] where that is known."""

    blendshapes: FloatArray
    pose: FloatArray
    emotion_probabilities: FloatArray | None = None


class Seen(NamedTuple):
    """A frame as the geometry draws it, before the network has looked at it."""

    drawn: RenderedFrame
    square: Square
    sight: GeneratorInput
    style: FloatArray


class GeneratorRenderer:
    """Everything that does not depend on the frame is prepared once, here.

    generator: the network; the shipped one when None. mode: a row of `MODES`. On a GPU it works on `BATCH` frames at
    once, in bfloat16 and compiled; on a CPU frames go side by side in threads.
    """

    name = "generator"

    def __init__(
        self, portrait: Portrait, options: SpeakOptions, *, generator: Generator | None = None, mode: str = "mouth"
    ) -> None:
        self.geometry = GeometryRenderer(portrait, options)
        cuda = torch.cuda.is_available()
        self._device, self._type = torch.device("cuda" if cuda else "cpu"), torch.bfloat16 if cuda else torch.float32
        self.batch = BATCH if cuda else 1
        network = generator or load_generator(checkpoint(CHECKPOINT))
        network = network.eval().to(self._device, self._type).to(memory_format=torch.channels_last)
        self._squares = FaceSquare(self.geometry.geometry, network.config.size)
        self._parts = []  # rows and columns of the square and of its maps, and how far a refinement counts there
        for region in MODES[mode]:
            rows, columns = region.slices(network.config.size)
            fade = region.fade(rows.stop - rows.start, columns.stop - columns.start)
            self._parts.append((rows, columns, *region.slices(network.config.size // MAP_STRIDE), fade[..., None]))
        with torch.inference_mode():
            source = self._squares.source(self.geometry.portrait.image)
            self._features = network.encode(self._tensor([source], 1 / 255))
        self._network = torch.compile(network, mode="reduce-overhead") if cuda else network  # with CUDA graphs

    @property
    def size(self) -> tuple[int, int]:
        """Width and height (px) of the frames."""
        return self.geometry.size

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        emotions: Iterable[FloatArray | None] = (
            repeat(None) if motion.emotion_probabilities is None else motion.emotion_probabilities
        )
        moments = map(FrameRequest, motion.blendshapes, motion.pose, emotions)
        if self.batch == 1:
            yield from in_order(lambda moment: self.frame(*moment), moments)
            return
        seen = in_order(lambda pair: self._seen(*pair), zip(self.geometry.drawn(motion), moments, strict=True))
        while group := list(islice(seen, self.batch)):
            yield from self._refined(group)

    def frame(
        self, blendshapes: FloatArray, pose: FloatArray, emotion_probabilities: FloatArray | None = None
    ) -> ByteArray:
        """The portrait [H,W,3] with this expression [52] and head pose [6] (relative to its own)."""
        return self.refine(self.geometry.draw(blendshapes, pose), blendshapes, pose, emotion_probabilities)

    def refine(
        self,
        drawn: RenderedFrame,
        blendshapes: FloatArray,
        pose: FloatArray,
        emotion_probabilities: FloatArray | None = None,
    ) -> ByteArray:
        """The geometry's frame [H,W,3], refined; `drawn.frame` stays as it is."""
        return self._refined([self._seen(drawn, FrameRequest(blendshapes, pose, emotion_probabilities))])[0]

    def _seen(self, drawn: RenderedFrame, moment: FrameRequest) -> Seen:
        return Seen(
            drawn,
            *self._squares.look(drawn),
            generator_style(*moment[:2], self.geometry.portrait, moment.emotion_probabilities),
        )

    def _refined(self, frames: Sequence[Seen]) -> list[ByteArray]:
        """Some frames [H,W,3] in one go; a smaller last group is filled up, so that the GPU's graphs fit it."""
        full = [*frames, *[frames[-1]] * (self.batch - len(frames))]
        flows, added = self._run([seen.sight for seen in full], np.stack([seen.style for seen in full]))
        return [
            _put_back(seen.drawn.frame, seen.square, *both)
            for seen, *both in zip(frames, flows[: len(frames)], added[: len(frames)], strict=True)
        ]

    def _run(self, sights: Sequence[GeneratorInput], styles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residual flows [B,S,S,2] px of the square and what is added [B,S,S,3] in levels of 255."""
        count, side = len(sights), len(sights[0].picture)
        flow, added = np.zeros((count, side, side, 2), np.float32), np.zeros((count, side, side, 3), np.float32)
        inputs = self._tensor([np.concatenate([one.picture, one.masks], axis=-1) for one in sights], 1 / 255)
        codes = torch.from_numpy(styles).to(self._device, self._type)
        features = [feature.expand(count, *feature.shape[1:]) for feature in self._features]
        with torch.inference_mode():
            maps = absolute(self._tensor([one.maps for one in sights], 1.0))
            for rows, columns, map_rows, map_columns, fade in self._parts:
                found = self._network(inputs[..., rows, columns], maps[..., map_rows, map_columns], codes, features)
                flow[:, rows, columns] += _array(found.flow) * fade
                added[:, rows, columns] += _array(found.texture * found.mask) * fade * 255.0
        return flow, added

    def _tensor(self, values: Sequence[ByteArray | FloatArray], factor: float) -> Tensor:
        """[B,C,h,w] of B arrays [h,w,C]."""
        there = torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2).to(self._device, self._type) * factor
        return there.contiguous(memory_format=torch.channels_last)


def _array(values: Tensor) -> FloatArray:
    """[B,h,w,C] of [B,C,h,w]."""
    array: FloatArray = values.float().permute(0, 2, 3, 1).cpu().numpy()
    return array


def _put_back(frame: ByteArray, square: Square, flow: FloatArray, added: FloatArray) -> ByteArray:
    """The frame with the square's flow [S,S,2] (its px) and colours [S,S,3] added."""
    result = frame.copy()
    window = square.window(frame.shape)
    matrix = square.matrix_from(window)
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

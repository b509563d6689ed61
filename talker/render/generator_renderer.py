"""The generator as a renderer: the geometry's frame, refined in the face's square and put back at full resolution.

Only what the network adds is resampled, never the frame itself, so that the picture keeps its own sharpness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from talker.options import SpeakOptions
from talker.render.aligned import FaceSquare, GeneratorInput, Square, generator_style
from talker.render.generator import CHECKPOINT, Generator, absolute, load_generator
from talker.render.geometry_renderer import GeometryRenderer, RenderedFrame, in_order
from talker.render.regions import covered
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait
from talker.weights.store import checkpoint

BATCH = 8  # frames at once on a GPU
EXPOSED = 50.0  # mean level of the darkest faces that it has learnt from


class Seen(NamedTuple):
    """A frame as the geometry draws it, before the network has looked at it."""

    drawn: RenderedFrame
    square: Square
    sight: GeneratorInput
    style: FloatArray


class GeneratorRenderer:
    """Everything that does not depend on the frame is prepared once, here.

    generator: the network; the one of the checkpoint when None. geometry: the portrait's own, where it is there
    already. Frames of drawings and of covered mouths stay as the geometry draws them: it has learnt from photographs of
    mouths that can be seen. On a GPU the network works on `BATCH` frames at once, in bfloat16 and compiled; on a CPU
    frames go side by side in threads.
    """

    name = CHECKPOINT  # of its weights, too

    def __init__(
        self,
        portrait: Portrait,
        options: SpeakOptions,
        *,
        generator: Generator | None = None,
        geometry: GeometryRenderer | None = None,
    ) -> None:
        self.geometry = geometry or GeometryRenderer(portrait, options)
        cuda = torch.cuda.is_available()
        self._device = torch.device("cuda" if cuda else "cpu")
        self.batch = BATCH if cuda else 1
        network = generator or load_generator(checkpoint(self.name))
        network = network.eval().to(self._device).to(memory_format=torch.channels_last)
        self._squares = FaceSquare(self.geometry.geometry, network.config.size)
        self._part = covered(network.config.mode, network.config.size)
        with torch.inference_mode():
            source = self._squares.source(self.geometry.portrait.image)
            self._gain = brightening(source)
            self._features = network.encode(self._exposed(self._tensor([source], 1 / 255)))
        self._refine = torch.compile(network.refine, mode="reduce-overhead") if cuda else network.refine

    @property
    def size(self) -> tuple[int, int]:
        """Width and height (px) of the frames."""
        return self.geometry.size

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        rows = zip(motion.blendshapes, motion.pose, strict=True)
        if self._left_alone:
            yield from self.geometry.render(motion)
            return
        if self.batch == 1:
            yield from in_order(lambda row: self.frame(*row), rows)
            return
        seen = in_order(lambda pair: self._seen(pair[0], *pair[1]), zip(self.geometry.drawn(motion), rows, strict=True))
        while group := list(islice(seen, self.batch)):
            yield from self._refined(group)

    def frame(self, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The portrait [H,W,3] with this expression [52] and head pose [6] (relative to its own)."""
        return self.refine(self.geometry.draw(blendshapes, pose), blendshapes, pose)

    def refine(self, drawn: RenderedFrame, blendshapes: FloatArray, pose: FloatArray) -> ByteArray:
        """The geometry's frame [H,W,3], refined; `drawn.frame` stays as it is."""
        if self._left_alone:
            return drawn.frame
        return self._refined([self._seen(drawn, blendshapes, pose)])[0]

    @property
    def _left_alone(self) -> bool:
        attributes = self.geometry.portrait.attributes
        return attributes.drawn or attributes.mouth_covered

    def _seen(self, drawn: RenderedFrame, blendshapes: FloatArray, pose: FloatArray) -> Seen:
        return Seen(drawn, *self._squares.look(drawn), generator_style(blendshapes, pose, self.geometry.portrait))

    def _refined(self, frames: Sequence[Seen]) -> list[ByteArray]:
        """Some frames [H,W,3] in one go; a smaller last group is filled up, so that the GPU's graphs fit it."""
        full = [*frames, *[frames[-1]] * (self.batch - len(frames))]
        flows, added = self._run([seen.sight for seen in full], np.stack([seen.style for seen in full]))
        return [
            _put_back(seen.drawn.frame, seen.square, self._part, *both)
            for seen, *both in zip(frames, flows[: len(frames)], added[: len(frames)], strict=True)
        ]

    def _run(self, sights: Sequence[GeneratorInput], styles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residual flows [B,S,S,2] px of the square and what is added [B,S,S,3] in levels of 255."""
        inputs = self._tensor([np.concatenate([one.picture, one.masks], axis=-1) for one in sights], 1 / 255)
        codes = torch.from_numpy(styles).to(self._device)
        features = [feature.expand(len(sights), *feature.shape[1:]) for feature in self._features]
        half = torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda")
        with torch.inference_mode(), half:
            maps = absolute(self._tensor([one.maps for one in sights], 1.0))
            found = self._refine(self._exposed(inputs), maps, codes, features)
            return _array(found.flow), self._toned(_array(found.texture * (255.0 / self._gain)))

    def _toned(self, added: FloatArray) -> FloatArray:
        """What is added [B,S,S,3], in the picture's colours: a grey or toned one has none beside its tone."""
        seen = self.geometry.appearance
        if seen.redness == 1.0:
            return added
        tone = (seen.white / max(float(seen.white.mean()), 1.0)).astype(np.float32)
        toned = added.mean(axis=-1, keepdims=True) * tone
        return toned + seen.redness * (added - toned)

    def _exposed(self, inputs: Tensor) -> Tensor:
        """[B,C,S,S] whose colours, the first three channels, are as bright as the network knows faces."""
        if self._gain == 1.0:
            return inputs
        colours = (inputs[:, :3] * self._gain).clamp(max=1.0)
        return torch.cat([colours, inputs[:, 3:]], dim=1).contiguous(memory_format=torch.channels_last)

    def _tensor(self, values: Sequence[ByteArray | FloatArray], factor: float) -> Tensor:
        """[B,C,h,w] of B arrays [h,w,C]."""
        there = torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2).to(self._device, torch.float32) * factor
        return there.contiguous(memory_format=torch.channels_last)


class ResearchGeneratorRenderer(GeneratorRenderer):
    """The same with weights that learnt from all photographs, also from those whose licence nobody states."""

    name = "generator-all"


def brightening(face: ByteArray) -> float:
    """By how much the network must see the square [S,S,3] of a portrait brighter to know its exposure; 1 for most."""
    border = len(face) // 5
    return max(1.0, EXPOSED / max(1.0, float(face[border:-border, border:-border].mean())))


def _array(values: Tensor) -> FloatArray:
    """[B,h,w,C] of [B,C,h,w]."""
    array: FloatArray = values.float().permute(0, 2, 3, 1).cpu().numpy()
    return array


def _put_back(
    frame: ByteArray, square: Square, part: tuple[slice, slice], flow: FloatArray, added: FloatArray
) -> ByteArray:
    """The frame with the square's flow [S,S,2] (its px) and colours [S,S,3] added, which are 0 outside its `part`."""
    result = frame.copy()
    window = square.window(frame.shape, part)
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

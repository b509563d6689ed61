"""The renderer that draws with LivePortrait: the geometry renderer's frames show its networks what the face shall do.

Guo et al., "LivePortrait: Efficient Portrait Animation with Stitching and Retargeting Control" (2024). Its motion
extractor looks at the geometry's drawing of each frame and of the picture's own expression; the difference is added to
what it read from the picture itself. No other face detector is needed, and the drawing's flaws cancel out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np
import torch

from talker.face.landmarks import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from talker.options import SpeakOptions
from talker.render.crop import at_size, resampled
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.liveportrait.config import INPUT_PX, OUTPUT_PX
from talker.render.liveportrait.keypoints import Motion
from talker.render.liveportrait.weights import Networks, published_networks
from talker.render.own_expression import to_relative_expression
from talker.render.patch import Window, blend, feather
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait

SQUARE = 2.3  # side of what the networks see, in sizes of the face below the brows
RAISED = 0.125  # of that side: how far above the face's centre its own lies
EDGE = 0.1  # of the square's side: how wide its border eases into the picture
PICTURE_EDGE = 0.02  # the same where the picture ends inside the square and the networks see black beyond it
BATCH = {"cpu": 1, "cuda": 8}  # frames drawn at once
STILL = np.zeros(6, np.float32)


class LivePortraitRenderer:
    """A portrait, prepared for LivePortrait's networks.

    networks: for tests and experiments; the published ones when not given (AssetError when these can't be had).
    """

    name = "liveportrait"

    def __init__(self, portrait: Portrait, options: SpeakOptions, networks: Networks | None = None) -> None:
        self.networks = networks or published_networks()
        self._device = next(self.networks.motion.parameters()).device
        self.portrait = portrait = at_size(portrait, options.size)
        self._geometry = GeometryRenderer(portrait, dataclasses.replace(options, size="native"))
        self._to_square = square_around(portrait.landmarks[:, :2])
        self._prepare_place()
        drawn = self._geometry.frame(
            to_relative_expression(portrait.source_expression, portrait.source_expression), STILL
        )
        picture = self.tensor([portrait.image])
        with torch.inference_mode():
            self._source = self._read(picture)
            self._drawn_source = self._read(self.tensor([drawn]))
            self._source_points = self._source.points()  # [1,K,3]
            self._volume = self.networks.appearance(picture)  # [1,C,D,64,64]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height (px) of the frames."""
        return self._geometry.size

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order."""
        shown = self._geometry.render(motion)
        while batch := list(islice(shown, BATCH[self._device.type])):
            for face in self._faces(batch):
                yield self._pasted(face)

    def _prepare_place(self) -> None:
        """Where in the picture the square lies, and how much of each of its pixels shows there."""
        side = OUTPUT_PX - 1
        corners = np.array([[0, 0, 1], [side, 0, 1], [side, side, 1], [0, side, 1]], np.float32)
        self.to_picture = cv2.invertAffineTransform(self._to_square)
        self._window = Window.around(corners @ self.to_picture.T, 0.0, self.portrait.image.shape)
        self.to_picture[:, 2] -= self._window.corner
        size = (OUTPUT_PX, OUTPUT_PX)
        whole = np.ones(self.portrait.image.shape[:2], np.float32)
        shown = cv2.warpAffine(whole, self._to_square, size) > 0.99
        opaque = np.minimum(feather(np.ones(size, bool), EDGE * OUTPUT_PX), feather(shown, PICTURE_EDGE * OUTPUT_PX))
        self._opacity = np.clip(self._placed(opaque, cv2.BORDER_CONSTANT), 0.0, 1.0)  # [h,w]

    def _placed(self, square: FloatArray, border: int) -> FloatArray:
        """What is drawn in the square, as it lies in the window of the picture."""
        return resampled(square, self.to_picture, (self._window.width, self._window.height), border)

    def tensor(self, pictures: list[ByteArray]) -> torch.Tensor:
        """[B,3,256,256] 0..1, what the networks see of pictures [H,W,3] that all lie as the portrait does."""
        factor = INPUT_PX / OUTPUT_PX
        to_input = self._to_square * factor
        to_input[:, 2] += (factor - 1) / 2  # pixels are counted from the middle of the first
        size = (INPUT_PX, INPUT_PX)
        squares = np.stack([resampled(one, to_input, size, cv2.BORDER_CONSTANT) for one in pictures])  # [B,256,256,3]
        return torch.from_numpy(squares).to(self._device).permute(0, 3, 1, 2) / 255.0

    def _read(self, pictures: torch.Tensor) -> Motion:
        return Motion.from_heads(self.networks.motion(pictures))

    @torch.inference_mode()
    def _faces(self, shown: list[ByteArray]) -> FloatArray:
        """[B,512,512,3] 0..255, the face doing what the frames `shown` do."""
        motion = self._source.moved(self._drawn_source, self._read(self.tensor(shown)))
        count = len(shown)
        source = self._source_points.expand(count, -1, -1)
        driving = self.networks.stitching(source, motion.points())  # [B,K,3]
        half = self._device.type == "cuda"  # as published; on CPUs half precision gains nothing
        with torch.autocast(self._device.type, torch.float16, enabled=half):
            volume = self._volume.expand(count, -1, -1, -1, -1)
            drawn = self.networks.decoder(self.networks.warping(volume, driving, source).features)
        faces: FloatArray = (255.0 * drawn.float()).permute(0, 2, 3, 1).cpu().numpy()
        return faces

    def _pasted(self, face: FloatArray) -> ByteArray:
        """The picture [H,W,3] with the `face` [512,512,3] in its place."""
        frame = self.portrait.image.copy()
        place = self._window.slices
        mixed = blend(frame[place].astype(np.float32), self._placed(face, cv2.BORDER_REPLICATE), self._opacity)
        frame[place] = np.clip(np.round(mixed), 0, 255).astype(np.uint8)
        return frame


def square_around(landmarks: FloatArray) -> FloatArray:
    """[2,3] from the picture to the upright square of 512 px that the networks were trained to see.

    landmarks: [478,2] px. As published, but on the landmarks of this project: those below the brows.
    """
    eyes, mouth = landmarks[[*LEFT_EYE, *RIGHT_EYE]].mean(axis=0), landmarks[list(LIPS)].mean(axis=0)
    down = (mouth - eyes) / np.linalg.norm(mouth - eyes)
    axes = np.array([[down[1], -down[0]], down])  # [2,2] right and down of the face
    along = landmarks @ axes.T  # [478,2]
    below = along[along[:, 1] >= along[[*LEFT_BROW, *RIGHT_BROW], 1].min()]
    low, high = below.min(axis=0), below.max(axis=0)
    extent = SQUARE * (high - low).max()
    centre = (low + high) / 2 - [0.0, RAISED * extent]
    scale = OUTPUT_PX / extent
    moved = OUTPUT_PX / 2 - scale * centre
    return np.concatenate([scale * axes, moved[:, None]], axis=1).astype(np.float32)

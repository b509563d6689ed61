"""A film of one person as others use it: its frames, streamed, and the face in each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from talker.curves import smoothstep
from talker.face.camera import rotation_matrix
from talker.face.tracking import FaceTrack
from talker.media.video_reader import VideoReader
from talker.types import ByteArray, FaceAttributes, FloatArray, Portrait

EASE_S = 0.2  # over which a change comes and goes where the face is lost
TURNED = (40.0, 55.0)  # degrees of yaw or pitch from which a change fades, and at which none is left
BAD_FIT = (0.05, 0.09)  # RMS of the landmarks in face widths, likewise
SMALL = (40.0, 28.0)  # px of the face's width, likewise


@dataclass(frozen=True)
class TrackedVideo:
    """A film and the face of one person in it; T frames.

    reader: streams the frames. track: the face in them. attributes: what the film shows beyond the face's shape.
    """

    reader: VideoReader
    track: FaceTrack
    attributes: FaceAttributes

    def __len__(self) -> int:
        return len(self.track)

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return self.track.fps

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the frames."""
        return self.track.size

    @property
    def expressions(self) -> FloatArray:
        """[T,52] blendshapes as measured."""
        return self.track.fit.expression

    def portrait(self, index: int, image: ByteArray) -> Portrait:
        """Frame `index`, whose picture is `image` [H,W,3], as a portrait with the film's identity."""
        landmarks = self.track.landmarks[index]
        (left, top), (right, bottom) = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
        box = (float(left), float(top), float(right), float(bottom))
        fit = self.track.fit.frame(index)
        return Portrait(image, landmarks, fit, self.track.scores[index], box, attributes=self.attributes)

    def usable(self) -> FloatArray:
        """[T] 0..1 how far a frame can be changed: 0 where the face is lost, turned away, tiny or not understood.

        It eases over `EASE_S` within a shot and jumps where the film cuts.
        """
        fit = self.track.fit
        ahead = rotation_matrix(fit.rotation)[:, :, 2]  # [T,3]
        yaw = np.degrees(np.abs(np.arctan2(ahead[:, 0], ahead[:, 2])))
        pitch = np.degrees(np.abs(np.arcsin(np.clip(ahead[:, 1], -1.0, 1.0))))
        width = np.ptp(self.track.landmarks[..., 0], axis=1)
        share = self.track.detected * _falling(np.maximum(yaw, pitch), TURNED)
        share = share * _falling(fit.error, BAD_FIT) * _falling(-width, (-SMALL[0], -SMALL[1]))
        eased = np.empty(len(share), np.float32)
        reach = max(1, round(EASE_S * self.fps))
        for start, end in self.shots:
            least = minimum_filter1d(share[start:end], 2 * reach + 1, mode="nearest")
            eased[start:end] = gaussian_filter1d(least, reach / 2, mode="nearest", radius=reach)
        return eased

    @property
    def shots(self) -> list[tuple[int, int]]:
        """First frame of each shot, and the one after its last."""
        return list(zip(self.track.shots, (*self.track.shots[1:], len(self)), strict=True))


def _falling(value: FloatArray, limits: tuple[float, float]) -> FloatArray:
    """1 up to the first limit, 0 from the second on."""
    return smoothstep((limits[1] - value) / (limits[1] - limits[0]))

"""One picture of a person as the layers of the renderer need it, and the mesh of a frame that they draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from talker.render.geometry import HeadGeometry
from talker.render.light import Light
from talker.render.patch import MeshPart, Window
from talker.types import ByteArray, FaceAttributes, FloatArray, Portrait


@dataclass(frozen=True)
class RegionParams:
    """The part of the picture in which anything may change: face widths from the face's centre."""

    left: float = 1.35
    up: float = 1.5
    right: float = 1.35
    down: float = 1.35


@dataclass(frozen=True)
class HeadRegion(Window):
    """The rectangle around the head in which anything may change.

    room: px between the face and the region's left, top, right and bottom side.
    """

    room: tuple[float, float, float, float]

    @classmethod
    def of(cls, portrait: Portrait, params: RegionParams) -> HeadRegion:
        """The region around the face of `portrait`, as far as its picture goes."""
        left, top, right, bottom = portrait.face_box
        centre_x, centre_y, unit = (left + right) / 2, (top + bottom) / 2, portrait.face_width
        height, width = portrait.image.shape[:2]
        x0, y0 = max(0, int(centre_x - params.left * unit)), max(0, int(centre_y - params.up * unit))
        x1 = min(width, int(centre_x + params.right * unit) + 1)
        y1 = min(height, int(centre_y + params.down * unit) + 1)
        return cls(x0, y0, x1 - x0, y1 - y0, (left - x0, top - y0, x1 - right, y1 - bottom))


@dataclass(frozen=True)
class Appearance:
    """What all pictures of one person in one light share; measured on one of them.

    light: [4] coefficients, as in `Light`. white: [3] 0..255, colour of a white surface. redness: 0..1, how far the
    pictures show the red of skin. attributes: glasses and whatever else one of them shows.
    """

    light: FloatArray
    white: FloatArray
    redness: float
    attributes: FaceAttributes


@dataclass(frozen=True)
class SourceFrame:
    """One picture of a person: texture, fitted mesh and light. A portrait has one, a tracked video one per frame.

    region: what may change of it.
    """

    portrait: Portrait
    geometry: HeadGeometry
    light: Light
    region: HeadRegion

    @property
    def image(self) -> ByteArray:
        """[H,W,3] the picture."""
        return self.portrait.image

    @property
    def landmarks(self) -> FloatArray:
        """[478,3] px, as measured."""
        return self.portrait.landmarks

    @property
    def face_width(self) -> float:
        """Width of the face (px)."""
        return self.portrait.face_width

    @property
    def unit(self) -> float:
        """Px per cm of the face model."""
        return self.geometry.fit.scale

    def landmark_points(self, *landmarks: int) -> FloatArray:
        """[N,2] px, where some landmarks of the mesh lie in the picture."""
        return self.geometry.landmark_points(self.geometry.rest_points, landmarks)

    def skin_near(self, centre: FloatArray, reach: float) -> MeshPart:
        """The triangles of the face within `reach` px of `centre` [2] px."""
        near, triangles = self.geometry.near(centre, reach), self.geometry.model.mask_triangles
        first, second, third = near[triangles].T
        return MeshPart.of(triangles[first & second & third])


@dataclass(frozen=True)
class MeshFrame:
    """The face of one frame, before it is drawn.

    camera: [V,3] cm before the head turns. points: [V,2] px in the picture. ratio: [V] new to old shading. drift:
    [V,2] px by which the head's turn moves the vertices. displacement: [r,c,2] px, the head's on its grid. source:
    [h+5,w+4,4] the region of the picture to sample, `bordered`.
    """

    camera: FloatArray
    points: FloatArray
    ratio: FloatArray
    drift: FloatArray
    displacement: FloatArray
    source: ByteArray


class Layer(Protocol):
    """Something that is drawn over the moved picture; prepared once per source frame."""

    def draw(self, frame: ByteArray, mesh: MeshFrame) -> None:
        """Draw into `frame` [H,W,3], in place, what the face `mesh` shows."""

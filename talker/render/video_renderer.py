"""New expressions drawn into the frames of a film: every frame is its own texture.

A frame is drawn at *its place + the difference between the mesh of the new expression and the mesh of its own*, so an
expression that is left as it is leaves the frame as it is, bit for bit, and what the tracker errs in moves nothing.
What all frames of a person share (light, colours, glasses) is measured once; eyes and mouth are prepared only where
they change. Outside the head's region nothing is touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from talker.curves import smoothstep
from talker.face.landmarks import EYE_LIDS, INNER_LIPS
from talker.face.tracked_video import TrackedVideo
from talker.options import SpeakOptions
from talker.render.crease_removal import HALVES, CreaseParams, CreaseRemoval, let_go
from talker.render.crop import placed_in
from talker.render.eyes import Eye
from talker.render.geometry import HeadGeometry
from talker.render.geometry_renderer import GeometryRenderer, in_order
from talker.render.head_warp import StillHead
from talker.render.lent_teeth import LentTeeth
from talker.render.light import Light
from talker.render.mouth import Mouth
from talker.render.nostrils import without_nostrils
from talker.render.orbit_skin import OrbitSkin, with_bare_orbits
from talker.render.own_expression import to_relative_expression
from talker.render.params import RenderParams
from talker.render.patch import Window
from talker.render.sampling import bordered
from talker.render.source import Appearance, HeadRegion, Layer, MeshFrame, RegionParams, SourceFrame
from talker.render.warp import FlowGrid, Warp
from talker.types import BoolArray, ByteArray, FloatArray, Portrait
from talker.weights.store import checkpoint

UNCHANGED = 1e-4  # of a blendshape: a frame that asks for less stays as it is
LEAST_PX, SURE_PX = 0.05, 1.0  # of motion of lids or lips, from where on they are drawn anew, and wholly so
LEAST_LET_GO = 0.03  # of a filmed expression: an edit that takes less of it away leaves its folds
REFERENCES = 5  # frames, of those in which the face is seen best, on which the shared appearance is measured

VIDEO_PARAMS = RenderParams(
    region=RegionParams(left=0.95, up=0.95, right=0.95, down=0.95),
    creases=CreaseParams(working_face_px=160),  # for every frame anew; folds are smooth
)


@dataclass(frozen=True)
class SharedLook:
    """What all frames of a person share: numbers, depth of folds, light, colours, the skin's triangles [F,3], teeth."""

    params: RenderParams
    wrinkles: float
    appearance: Appearance
    triangles: NDArray[np.int32]
    teeth: LentTeeth | None = None

    @classmethod
    def of(
        cls,
        portraits: Sequence[Portrait],
        mouths: Sequence[Portrait],
        options: SpeakOptions,
        params: RenderParams = VIDEO_PARAMS,
    ) -> SharedLook:
        """Measured on some frames of a person, of which the first shows the face best: the median of them.

        mouths: frames whose lips stand open; the teeth that one of them shows best are lent to all.
        """
        cuts = [_cut_out(portrait, _surroundings(portrait, params.region)) for portrait in portraits]
        found = [GeometryRenderer(cut, options, still_background=False, params=params) for cut in cuts]
        appearance = Appearance(
            np.median([one.appearance.light for one in found], axis=0).astype(np.float32),
            np.median([one.appearance.white for one in found], axis=0),
            float(np.median([one.appearance.redness for one in found])),
            portraits[0].attributes,
        )
        wrinkles = 0.0 if appearance.attributes.drawn else options.wrinkles
        look = cls(params, wrinkles, appearance, without_nostrils(found[0].geometry, params.nostrils))
        if appearance.attributes.drawn or appearance.attributes.mouth_covered:
            return look
        sources = [look.source(_cut_out(mouth, _surroundings(mouth, params.region))) for mouth in mouths]
        return replace(look, teeth=LentTeeth.best(sources, appearance.white, params.own_teeth))

    def source(self, portrait: Portrait) -> SourceFrame:
        """The part of a frame around the head as the layers need it."""
        params, appearance = self.params, self.appearance
        geometry = HeadGeometry(
            portrait, checkpoint("face-model"), params.limits, params.glasses, params.orbits, appearance.attributes
        )
        light = Light(geometry, portrait.image, params.light, appearance.light, appearance.redness)
        return SourceFrame(portrait, geometry, light, HeadRegion.of(portrait, params.region))

    def draw(self, portrait: Portrait, expression: FloatArray) -> ByteArray:
        """The picture [H,W,3] of a frame with another `expression` [52]; outside the head's region bit for bit."""
        if np.abs(expression - portrait.source_expression).max() < UNCHANGED:
            return portrait.image
        window = _surroundings(portrait, self.params.region)
        frame = portrait.image.copy()
        frame[window.slices] = FrameEditor(_cut_out(portrait, window), self).draw(expression)
        return frame


class VideoRenderer:
    """Draws new expressions into the frames of one tracked film.

    options: `wrinkles` matters here. params: tuned numbers.
    """

    name = "geometry"

    def __init__(self, video: TrackedVideo, options: SpeakOptions, params: RenderParams = VIDEO_PARAMS) -> None:
        self.video = video
        self._look = SharedLook.of(*self._references(), options, params)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the frames, as the file has them."""
        width, height = self.video.size
        return (height, width) if self.video.reader.quarter_turns % 2 else (width, height)

    def render(self, expressions: FloatArray, sources: NDArray[np.intp] | None = None) -> Iterator[ByteArray]:
        """Frames [H,W,3], in order, each with the expression [52] that `expressions` [T,52] asks for.

        sources: [T] numbers of the film's frames that the new ones are drawn from; all of them, by default. They rise,
        begin anew, or run back frame by frame.
        """
        numbers = np.arange(len(self.video)) if sources is None else sources
        rows = zip(self._frames(numbers), expressions, strict=True)
        drawn = in_order(self._draw, rows)
        turns = self.video.reader.quarter_turns
        return (np.ascontiguousarray(np.rot90(frame, -turns)) for frame in drawn) if turns else drawn

    def _draw(self, row: tuple[tuple[int, ByteArray], FloatArray]) -> ByteArray:
        """A frame, (number, picture), with an expression [52]."""
        (index, image), expression = row
        return self._look.draw(self.video.portrait(index, image), expression)

    def _frames(self, numbers: NDArray[np.intp]) -> Iterator[tuple[int, ByteArray]]:
        """(number, picture) of the film's frames, as many as run back are held."""
        steps = np.diff(numbers)
        held: deque[tuple[int, ByteArray]] = deque(maxlen=_longest_run(steps == -1) + 1)
        frames = enumerate(self.video.reader)
        for number in numbers.tolist():
            if held and number < held[0][0]:
                frames = enumerate(self.video.reader)
                held.clear()
            while not held or held[-1][0] < number:
                held.append(next(frames))
            yield held[number - held[-1][0] - 1]

    def _references(self) -> tuple[list[Portrait], list[Portrait]]:
        """Frames in which the face is seen best, the best one first, and in which the mouth is open widest."""
        track, usable = self.video.track, self.video.usable()
        width = np.ptp(track.landmarks[..., 0], axis=1)
        turned = np.linalg.norm(track.fit.rotation, axis=1)
        inner = track.landmarks[:, list(INNER_LIPS), :2]
        x, y = np.moveaxis(inner, 2, 0)
        opening = np.abs((x * np.roll(y, 1, axis=1) - y * np.roll(x, 1, axis=1)).sum(axis=1))  # px², twice the area
        chosen = [_foremost(usable * score * np.exp(-turned)) for score in (width, opening)]
        wanted = {index for numbers in chosen for index in numbers}
        frames = zip(range(max(wanted) + 1), self.video.reader, strict=False)
        found = {index: self.video.portrait(index, image) for index, image in frames if index in wanted}
        best, mouths = ([found[index] for index in numbers] for numbers in chosen)
        return best, mouths


class FrameEditor:
    """One frame of a film, ready to show another expression. portrait: the part of the frame around the head."""

    def __init__(self, portrait: Portrait, look: SharedLook) -> None:
        params, appearance, self._wrinkles = look.params, look.appearance, look.wrinkles
        self._creases = params.creases
        self.portrait = portrait
        self._source = source = look.source(portrait)
        self.geometry = source.geometry
        self._layers: list[tuple[Layer, BoolArray]] = []  # each with the vertices that it depends on
        traits = self.geometry.traits
        eyes = {side: Eye(source, side, params.eyes, params.lids) for side in EYE_LIDS}
        self._orbits = [OrbitSkin(*pair, source) for pair in zip(self.geometry.orbits, eyes.values(), strict=False)]
        if appearance.attributes.glasses != "sunglasses":
            for side, eye in eyes.items():
                self._layers.append((eye, traits.lids[side] > 0.1))
        if not appearance.attributes.mouth_covered:
            mouth = Mouth(source, appearance, params.lips, params.inside, params.own_teeth, look.teeth)
            self._layers.append((mouth, np.maximum(traits.upper_lip, traits.lower_lip) > 0.1))
        head = StillHead(source.face_width / params.head.nodes_per_face)
        grid = FlowGrid(source, head, params.flow, look.triangles)
        self._warp = Warp(source, grid, head, None)
        self._own = self._shape(self.portrait.source_expression)

    def draw(self, expression: FloatArray) -> ByteArray:
        """The picture [h,w,3] with an `expression` [52]."""
        mesh = self._mesh(expression)
        frame = self.portrait.image.copy()
        frame[self._source.region.slices] = self._warp.draw([mesh])[0]
        moved = np.abs(mesh.points - self.geometry.rest_points).max(axis=1)
        for layer, vertices in self._layers:
            share = float(smoothstep((moved[vertices].max() - LEAST_PX) / (SURE_PX - LEAST_PX)))
            if share > 0.0:
                before = frame.copy() if share < 1.0 else frame
                layer.draw(frame, mesh)
                if share < 1.0:
                    frame = cv2.addWeighted(frame, share, before, 1.0 - share, 0.0)
        return frame

    def _skin(self, expression: FloatArray) -> ByteArray:
        """The region, `bordered`, without the folds of what the new `expression` [52] takes out of the filmed one."""
        rest = self.portrait.source_expression
        if max(let_go(expression, rest, half) for half in HALVES) < LEAST_LET_GO:
            return bordered(self.portrait.image[self._source.region.slices])
        return CreaseRemoval(self._source, self._wrinkles, self._creases).source(expression)

    def _shape(self, expression: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The mesh [V,3] cm and its points [V,2] px with an `expression` [52], as the model has it."""
        shape = self.geometry.shape(to_relative_expression(expression, self.portrait.source_expression))
        return shape.camera, shape.points

    def _mesh(self, expression: FloatArray) -> MeshFrame:
        """The picture's own mesh moved by what the model has between its own expression and the new one [52]."""
        (camera, points), (own_camera, own_points) = self._shape(expression), self._own
        moved = self.geometry.rest_camera + (camera - own_camera)
        ratio = self._source.light.ratio(moved, self._wrinkles)
        still = np.zeros((2, 2, 2), np.float32)
        places = self.geometry.rest_points + (points - own_points)
        image = with_bare_orbits(self._skin(self.geometry.held(expression)), places, self._orbits)
        return MeshFrame(moved, places, ratio, np.zeros_like(places), still, image)


def _foremost(score: FloatArray) -> list[int]:
    """Some frames with a high score [T], the highest first, not all of one moment."""
    best = np.argsort(-score, kind="stable")
    chosen: list[int] = best[:: max(1, len(best) // (4 * REFERENCES))][:REFERENCES].tolist()
    return chosen


def _longest_run(true: NDArray[np.bool_]) -> int:
    """The most values that are true one after the other."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], true.astype(int), [0]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _surroundings(portrait: Portrait, region: RegionParams) -> Window:
    """The part of the frame around the head, with a few px more than may change."""
    head = HeadRegion.of(portrait, region)
    height, width = portrait.image.shape[:2]
    left, top = max(0, head.left - 4), max(0, head.top - 4)
    right, bottom = min(width, head.left + head.width + 4), min(height, head.top + head.height + 4)
    return Window(left, top, right - left, bottom - top)


def _cut_out(portrait: Portrait, window: Window) -> Portrait:
    """What lies in the `window`, as a portrait."""
    return placed_in(portrait, np.ascontiguousarray(portrait.image[window.slices]), window.corner)

"""Where every vertex of the face lies in the picture, for any expression.

A vertex is drawn at *its place in the picture + the projected difference* to the fitted face: the mesh is first laid
exactly on the picture (the landmarks' residual, spread smoothly over it), so that expressions only ever add motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numba import njit

from talker.blendshapes import BLENDSHAPE_INDEX, smile
from talker.face.camera import project_turned, rotation_matrix
from talker.face.landmarks import (
    CHIN,
    EYE_LIDS,
    FACE_LANDMARKS,
    IRIS_OF,
    LID_MIDDLE,
    LIP_PAIRS,
    NOSE_BRIDGE,
)
from talker.face.model import IntArray, mean_points
from talker.face.traits import face_traits, person_mesh
from talker.render.glasses import DEFAULT_GLASSES, GlassesParams, frame_weights
from talker.render.orbits import DEFAULT_ORBITS, Orbit, OrbitParams
from talker.render.own_expression import JAW, OWN_BLINK, to_absolute_expression
from talker.types import AnyArray, BoolArray, FaceAttributes, FloatArray, Portrait

BLINK_ROWS = {side: BLENDSHAPE_INDEX[f"eyeBlink{side}"] for side in EYE_LIDS}


@dataclass(frozen=True)
class MotionLimits:
    """How far lids and lips go, whatever the motion asks for."""

    lid_overlap: float = 0.3  # of the landmarks' distance on shut lids: the lids press on each other a little
    most_raised: float = 1.22  # iris radii: how far over its middle the upper lid goes
    lid_below: tuple[float, float] = (0.75, 1.0)  # iris radii: how far below its middle the lower lid may lie
    most_widened: float = 1.45  # of the opening that an expressionless eye has
    easy_share: float = 0.75  # of the most that an eye opens: up to here lids follow the motion fully
    easy_rise_cm: float = 0.5  # the upper lip rises freely up to here,
    rise_room_cm: float = 0.3  # then by this at most,
    smile_rise_cm: float = 0.5  # and a full smile lifts it so much further than a sneer does,
    full_smile: tuple[float, float] = (0.7, 1.0)  # which begins and is full here
    biting_smile: tuple[float, float] = (0.3, 0.75)  # who smiles parts lips before teeth, more and more between these,
    biting_jaw: float = 0.35  # up to about this much of jawOpen: wide openings are the jaw's
    shut_gap_cm: float = 0.08  # a smaller distance between the lips is the landmarks' noise


DEFAULT_LIMITS = MotionLimits()


@dataclass(frozen=True)
class Shape:
    """The face in one expression, before the head turns.

    camera: [V,3] cm in camera axes. points: [V,2] px in the picture.
    """

    camera: FloatArray
    points: FloatArray


class HeadGeometry:
    """A portrait's own mesh: expressions in, picture positions out."""

    def __init__(
        self,
        portrait: Portrait,
        model_folder: Path,
        limits: MotionLimits = DEFAULT_LIMITS,
        glasses: GlassesParams = DEFAULT_GLASSES,
        orbits: OrbitParams = DEFAULT_ORBITS,
        attributes: FaceAttributes | None = None,
    ) -> None:
        """attributes: glasses stay rigid, and what the picture hides stays; when None, they are the portrait's."""
        self._params = limits
        self._landmarks: dict[tuple[int, ...], tuple[FloatArray, IntArray]] = {}  # weights and vertices of each row
        self.traits = face_traits(model_folder)
        self.model = self.traits.model
        self.fit = portrait.fit
        self.source_expression = portrait.source_expression.astype(np.float32)
        self._behind_lips = slice(self.model.parts["gums"][0], self.model.parts["lower_teeth"][1])
        self._person = person_mesh(model_folder, self.fit.identity.astype(np.float32).tobytes())
        mesh = self._mesh(self.source_expression)
        self._turn = rotation_matrix(self.fit.rotation).astype(np.float32).T
        self.rest_camera = mesh @ self._turn  # [V,3]
        projected = self.project(self.rest_camera)
        self.residual = self._residual(projected, portrait.landmarks)  # [V,2] px
        self.rest_points = projected + self.residual  # [V,2] px: the mesh on the picture
        shown = attributes or portrait.attributes
        self.free: FloatArray | None = None  # [V,1] share of motion
        if shown.glasses != "none":
            self.free = 1.0 - frame_weights(self.model, shown.glasses, glasses)[:, None]
        self._still = _still_rows(shown)
        self._measure_lids(portrait.landmarks)
        shut = self._lip_gap(self.rest_points)
        shut[shut > self._params.shut_gap_cm * self.fit.scale] = 0.0
        self.residual += self._part_lips(self.rest_points, -shut) - self.rest_points  # lips that all but touch do touch
        self.rest_points = projected + self.residual
        self._rest_gap = self._lip_gap(self.rest_points)  # [9] px
        neutral = np.zeros_like(self.source_expression)
        self._gap_basis = self.traits.lip_gaps * self.fit.scale  # [52,9] px
        self._rest_opening = np.maximum(self.source_expression @ self._gap_basis, 0.0)  # [9] px
        self._rest_lip = self._lip_height(self.rest_points)  # [9] px
        self._shut_lip = np.full(len(LIP_PAIRS[0]), -1e6)  # px, no limit until it is known
        skin, down = self.rest_points[: self.model.mask.stop], self.down(self.rest_points)
        lids = self.traits.lids
        self.orbits = [Orbit(self, skin, side, down, lids[side], orbits) for side in EYE_LIDS if self.free is None]
        self.shut_points = self._posed(self.held(neutral)).points  # [V,2] px with an expressionless face
        self._shut_lip = self._lip_height(self.shut_points)

    @cached_property
    def _parting(self) -> FloatArray:
        """[V] how far each vertex goes down (below 0: up) where lips part by 1."""
        return (self.traits.lower_lip - self.traits.upper_lip) / 2

    @cached_property
    def basis(self) -> FloatArray:
        """[52,V,3] cm by which each blendshape moves the vertices, in camera axes."""
        return np.ascontiguousarray(self.model.expression_basis @ self._turn)

    def project(self, camera: FloatArray) -> FloatArray:
        """[...,2] px of points [...,3] cm in camera axes."""
        return project_turned(camera, self.fit.translation, self.fit.scale)

    def shape(self, expression: FloatArray) -> Shape:
        """The face that is asked for an `expression` [52] and keeps what is the person's own."""
        return self._posed(self.absolute(expression))

    def _posed(self, absolute: FloatArray) -> Shape:
        """The face with an expression [52] as the face model has it."""
        delta = absolute - self.source_expression
        change = np.zeros_like(self.rest_camera)
        self.traits.add_shapes(delta, change)
        self._bite(change, self._bitten(absolute) - self._bitten(self.source_expression))
        camera = self.rest_camera + change @ self._turn
        points: FloatArray = self.project(camera) + self.residual
        points = self._touch_lids(self._touch_lips(points, absolute), absolute)
        for orbit in self.orbits:
            points = orbit.laid_out(points)
        if self.free is not None:
            points = self.rest_points + (points - self.rest_points) * self.free
        return Shape(camera, points)

    def _mesh(self, expression: FloatArray) -> FloatArray:
        """[V,3] cm the person's mesh with an `expression` [52], in the model's axes."""
        mesh = self._person.copy()
        self.traits.add_shapes(expression, mesh)
        self._bite(mesh, self._bitten(expression))
        return mesh

    def _bite(self, mesh: FloatArray, bitten: float) -> None:
        """Take `bitten` of jawOpen from what lies behind the lips in `mesh` [V,3] cm, in place."""
        part = self._behind_lips
        mesh[part] -= np.float32(bitten) * self.model.expression_basis[JAW, part]

    def _bitten(self, expression: FloatArray) -> float:
        """How much of its jawOpen an `expression` [52] leaves to the lips: who smiles parts them before the teeth.

        A fit to landmarks can't know, and gives every opening to the jaw.
        """
        smiling = float(np.interp(smile(expression), self._params.biting_smile, (0.0, 1.0)))
        opened = max(float(expression[JAW]), 0.0)
        return smiling * opened * float(np.exp(-((opened / self._params.biting_jaw) ** 2)))

    def _residual(self, projected: FloatArray, landmarks: FloatArray) -> FloatArray:
        """[V,2] px that lay the mesh on the picture: what the landmarks ask for, spread smoothly."""
        wanted = landmarks[:FACE_LANDMARKS, :2] - self.model.landmarks(projected)[:FACE_LANDMARKS]
        return self.traits.spread(wanted.astype(np.float32))

    def landmark_points(self, points: FloatArray, landmarks: tuple[int, ...]) -> FloatArray:
        """[N,2] px of some landmarks on the drawn mesh `points` [V,2]."""
        known = self._landmarks.get(landmarks)
        if known is None:
            index = list(landmarks)
            known = self.model.landmark_weights[index], self.model.landmark_vertices[index]
            self._landmarks[landmarks] = known
        return mean_points(*known, points)

    def near(self, centre: FloatArray, reach: float) -> BoolArray:
        """[V] the vertices of the redrawn face that lie within `reach` px of `centre` [2] px in the picture."""
        near = np.linalg.norm(self.rest_points - centre, axis=1) < reach
        near[self.model.mask.stop :] = False
        return near

    def absolute(self, expression: FloatArray) -> FloatArray:
        """[52] what the face shall show, given what is the person's own in the picture's expression."""
        return self.held(to_absolute_expression(expression, self.source_expression))

    def held(self, expression: FloatArray) -> FloatArray:
        """[52] with what the picture hides, a covered mouth or eyes behind dark glasses, as in the picture."""
        result = np.array(expression, np.float32)
        result[self._still] = self.source_expression[self._still]
        return result

    def _touch_lids(self, points: FloatArray, expression: FloatArray) -> FloatArray:
        """Scale the lids' opening by 1 - eyeBlink, whatever else moves them, so that at 1 they just meet.

        However wide the motion asks the eye to be, it opens no further than eyes do.
        """
        for side, (upper, lower) in EYE_LIDS.items():
            row = BLINK_ROWS[side]
            blink = float(np.clip(expression[row], 0.0, 1.0))
            top, bottom = self.landmark_points(points, upper), self.landmark_points(points, lower)
            down = self.down(points)
            gap = (bottom - top) @ down  # [7] px
            open_gap = gap + expression[row] * self._lid_travel[side]
            wanted = self._params.lid_overlap * self._shut_lids[side] + np.maximum(open_gap, 0.0) * (1.0 - blink)
            wanted = gap + np.clip(blink * 8.0, 0.0, 1.0) * (wanted - gap)
            lowering = gap - wanted * self._narrowing(wanted[LID_MIDDLE], side)
            order = np.argsort(top[:, 0])
            points = _shifted(points, self.traits.lids[side], top[order, 0], lowering[order], down)
        return points

    def _narrowing(self, opening: float, side: str) -> float:
        """Factor 0..1 on the lids' `opening` (px, in the middle) that keeps it below what an eye can do."""
        most = self._most_open[side]
        easy = max(self._rest_open[side], self._params.easy_share * most)
        if opening <= easy:
            return 1.0
        room = max(most - easy, 0.05 * most)
        return float(_limited(np.array([opening]), np.array([easy]), room)[0]) / opening

    def _measure_lids(self, landmarks: FloatArray) -> None:
        """How far eyeBlink brings the lids together (px), and how far apart their landmarks lie when they are shut.

        Also how far the middle of an eye is open in the picture, and how far it can be, by the irises' size.
        """
        self._lid_travel, self._shut_lids, self._rest_open, self._most_open = {}, {}, {}, {}
        own = np.zeros_like(self.source_expression)
        for row in BLINK_ROWS.values():
            own[row] = min(self.source_expression[row], OWN_BLINK)
        seen, calm = self._mesh(self.source_expression), self._mesh(own)
        height = self.model.landmarks(self._person)[:, 1] * self.fit.scale
        widened = self.model.landmarks(calm - seen)[:, 1] * self.fit.scale
        down = self.down(self.rest_points)
        for side, (upper, lower) in EYE_LIDS.items():
            shape = self.model.landmarks(self.model.expression_basis[BLINK_ROWS[side]])[:, 1] * self.fit.scale
            self._lid_travel[side] = shape[list(lower)] - shape[list(upper)]
            self._shut_lids[side] = np.maximum(height[list(upper)] - height[list(lower)] - self._lid_travel[side], 0.0)
            top, bottom = (self.landmark_points(self.rest_points, lid)[LID_MIDDLE] for lid in (upper, lower))
            self._rest_open[side] = float((bottom - top) @ down)
            calm_open = self._rest_open[side] + widened[upper[LID_MIDDLE]] - widened[lower[LID_MIDDLE]]
            iris = landmarks[list(IRIS_OF[side]), :2]
            radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
            below = np.clip((bottom - iris[0]) @ down / radius, *self._params.lid_below)
            self._most_open[side] = float(
                min(
                    (self._params.most_raised + below) * radius,
                    self._params.most_widened * max(calm_open, self._rest_open[side]),
                )
            )

    def _lip_gap(self, points: FloatArray) -> FloatArray:
        """[9] distance (px, along the face's own vertical) between the lips at the inner landmarks."""
        upper, lower = (self.landmark_points(points, lip) for lip in LIP_PAIRS)
        return (lower - upper) @ self.down(points)

    def down(self, points: FloatArray) -> FloatArray:
        """[2] unit vector from the brows to the chin in the picture."""
        bridge, chin = self.landmark_points(points, (NOSE_BRIDGE, CHIN))
        return _unit(chin - bridge)

    def _touch_lips(self, points: FloatArray, expression: FloatArray) -> FloatArray:
        """Move the lips so that they meet in the picture exactly when they meet on the mesh.

        The fit leaves a small gap or overlap between the lips; without this step a closed mouth shows a slit.
        """
        opening = np.maximum(expression @ self._gap_basis, 0.0)
        # what the picture has beyond the mesh stays at the rest and leaves with the mouth's opening
        floor = self._params.shut_gap_cm * self.fit.scale
        share = np.clip((opening + floor) / (self._rest_opening + floor), 0.0, 1.0)
        beyond = (self._rest_gap - self._rest_opening) * share
        wanted = np.maximum(opening + beyond, 0.0)
        parted = self._part_lips(points, wanted - self._lip_gap(points))
        return self._hold_upper_lip(parted, smile(expression))

    def _hold_upper_lip(self, points: FloatArray, smiling: float) -> FloatArray:
        """[V,2] px with the upper lip raised no further than lips go, or than it is in the picture.

        smiling: 0..1 how much the face smiles.
        """
        unit = self.fit.scale
        raised = self._shut_lip - self._lip_height(points)
        easy_rise = self._params.easy_rise_cm
        easy_rise += self._params.smile_rise_cm * float(np.interp(smiling, self._params.full_smile, (0.0, 1.0)))
        easy = np.maximum(easy_rise * unit, self._shut_lip - self._rest_lip)
        lowering = raised - _limited(raised, easy, self._params.rise_room_cm * unit)
        columns = self.landmark_points(points, LIP_PAIRS[0])[:, 0]
        order = np.argsort(columns)
        return _shifted(points, self.traits.upper_lip, columns[order], lowering[order], self.down(points))

    def _lip_height(self, points: FloatArray) -> FloatArray:
        """[9] px from the bridge of the nose down to the upper lip's edge."""
        bridge = self.landmark_points(points, (NOSE_BRIDGE,))
        return (self.landmark_points(points, LIP_PAIRS[0]) - bridge) @ self.down(points)

    def _part_lips(self, points: FloatArray, widening: FloatArray) -> FloatArray:
        """`points` [V,2] px with the gap between the lips wider by `widening` [9] px, half for each lip."""
        columns = self.landmark_points(points, LIP_PAIRS[0])[:, 0]
        order = np.argsort(columns)
        return _shifted(points, self._parting, columns[order], widening[order], self.down(points))


def _still_rows(attributes: FaceAttributes) -> list[int]:
    """Blendshapes of what the picture hides."""
    starts: tuple[str, ...] = ("jaw", "mouth", "tongue", "cheek", "nose") if attributes.mouth_covered else ()
    starts += ("eye",) if attributes.glasses == "sunglasses" else ()
    return [row for name, row in BLENDSHAPE_INDEX.items() if name.startswith(starts)]


def _shifted(
    points: FloatArray, weights: FloatArray, columns: FloatArray, amounts: FloatArray, direction: FloatArray
) -> FloatArray:
    """`points` [V,2] px moved in a `direction` [2] by `amounts` [N] px, given at `columns` [N] px; `weights` [V]."""
    moved = points.copy()
    _shift(moved, weights, columns, amounts, direction)
    return moved


@njit(cache=True, nogil=True)
def _shift(points: AnyArray, weights: AnyArray, columns: AnyArray, amounts: AnyArray, direction: AnyArray) -> None:
    for vertex in range(len(points)):
        if weights[vertex] == 0:
            continue
        x, after = points[vertex, 0], 1
        while after < len(columns) - 1 and columns[after] < x:
            after += 1
        share = (x - columns[after - 1]) / max(columns[after] - columns[after - 1], 1e-9)
        share = min(max(share, 0.0), 1.0)
        along = weights[vertex] * (amounts[after - 1] + share * (amounts[after] - amounts[after - 1]))
        points[vertex, 0] += along * direction[0]
        points[vertex, 1] += along * direction[1]


def _limited(value: FloatArray, easy: FloatArray, room: float) -> FloatArray:
    """`value` up to `easy`, then ever slower, never beyond `easy` + `room`."""
    beyond = np.maximum(value - easy, 0.0)
    return np.minimum(value, easy) + room * np.tanh(beyond / room)


def _unit(vector: FloatArray) -> FloatArray:
    return vector / np.linalg.norm(vector)

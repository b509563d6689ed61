"""Where teeth, gums and tongue lie behind one portrait's lips.

The upper row is brought to the picture's own, or to just below a resting upper lip; the lower one stands so that shut
lips hide it. A fit to landmarks knows neither, and where people smile it leaves a gap that their teeth have not: rows
that are nearly together meet there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talker.face.landmarks import LEFT_IRIS, LOWER_LIP_MIDDLE, MOUTH_CORNERS, RIGHT_IRIS, UPPER_LIP_MIDDLE
from talker.face.model import INSIDE
from talker.render.source import SourceFrame
from talker.render.teeth import Teeth
from talker.render.tongue import Tongue
from talker.types import AnyArray, BoolArray, FloatArray

FRONT_TEETH = 60  # vertices of a row that lie furthest to the front


@dataclass(frozen=True)
class ToothRowParams:
    """The rows of teeth: lengths in cm of the face model, colours relative to a white surface in the same light."""

    upper_colour: tuple[float, float, float] = (0.97, 0.90, 0.83)
    lower_colour: tuple[float, float, float] = (0.95, 0.88, 0.82)
    upper_gloss: float = 0.22  # of the white's brightness
    lower_gloss: float = 0.15
    lower_lit: float = 0.7  # share of the upper lip's shadow which does not reach the lower teeth
    # so far behind the front teeth cheeks have taken 1 - 1/e of the light; turned heads show the lower row from inside
    upper_cheek_cm: float = 2.8
    lower_cheek_cm: float = 2.0
    lower_deeper_cm: float = 0.05  # the lower row is set this much deeper than the face model has it
    most_raised_cm: float = 0.4  # by which the lower row follows an upper row that sits higher than the face model's
    upper_show_cm: float = 0.15  # incisors below the upper lip of a resting, parted mouth
    lower_show_cm: float = 0.15  # incisors above the lower lip of a shut mouth, which lies before them
    middle_gap_cm: float = 0.095  # between the face model's middle teeth, which is closed
    middle_tooth_cm: float = 0.6  # beside the middle, by which the rest of a row has its own place
    iris_share: tuple[float, float] = (
        0.097,
        0.105,
    )  # of the face's width: more has a small child, as irises hardly grow
    tooth_round_cm: float = 0.12  # a tooth's front is no further behind the row's arch,
    groove_cm: float = 0.15  # and as deep behind that a place has lost
    groove_shade: float = 0.15  # this share of its light: between teeth, and where they leave the gums
    groove_reach_cm: float = 0.3  # to the sides, within which a tooth has its front
    closed_cm: float = 0.4  # rows no further apart than about this meet in a smile,
    closed_smile: tuple[float, float] = (1.05, 1.2)  # more and more as the mouth is so much wider than at rest
    milk_teeth_cm: float = 0.45  # this much of an adult's crown is still hidden in a small child's gums


class ToothRows:
    """Places of what lies behind the lips of one portrait: of the V' vertices of the mesh's parts `INSIDE`."""

    def __init__(self, source: SourceFrame, teeth: Teeth | None, params: ToothRowParams, tongue: Tongue) -> None:
        """teeth: the picture's own upper row, when it shows one."""
        self._geometry, self._teeth, self._params = source.geometry, teeth, params
        parts = self._geometry.model.parts
        first, end = parts[INSIDE[0]][0], parts[INSIDE[-1]][1]
        self._vertices = slice(first, end)
        self._parts = {name: slice(*(np.array(parts[name]) - first)) for name in INSIDE}
        self._depth = self._geometry.rest_camera[self._vertices, 2]  # [V'] cm
        self._neutral = self._geometry.model.neutral[self._vertices]  # [V',3] cm
        self._shifts = self._shift_teeth(0.0 if teeth is not None else self._childhood(source.landmarks), tongue)
        self._tips = [self._front_tips("upper_teeth", 1.0), self._front_tips("lower_teeth", -1.0)]
        self._below, self._shut_width = self._of_the_jaw(), self._width(self._geometry.shut_points)

    def placed(self, points: FloatArray, drift: FloatArray | None = None) -> tuple[FloatArray, float]:
        """[V',2] px for the whole mesh `points` [V,2] px, and cm that stay between the rows.

        drift: [V,2] px by which the head's turn has moved the mesh.
        """
        geometry, params = self._geometry, self._params
        places, still = points[self._vertices] + self._shifts, points if drift is None else points - drift
        down = geometry.down(still)
        upper, lower = (places[tips].mean(axis=0) for tips in self._tips)
        gap = max(float((lower - upper) @ down) / geometry.fit.scale, 0.0)
        wider = self._width(still) / self._shut_width
        share = float(np.interp(wider, params.closed_smile, (0.0, 1.0)))
        closed = share * gap * float(np.exp(-((gap / params.closed_cm) ** 4)))
        places[self._below] -= (closed * geometry.fit.scale * down).astype(np.float32)
        return places, gap - closed

    def groove_light(self, row: str) -> FloatArray:
        """[V''] how much light reaches each vertex of a row between its teeth."""
        params, (across, _, depth) = self._params, self._neutral[self._parts[row]].T  # cm
        near = np.abs(across[:, None] - across) < params.groove_reach_cm
        front = np.where(near, depth, -np.inf).max(axis=1)
        arch = np.polynomial.Polynomial.fit(across, front, 4)(across)
        behind = np.maximum(arch - depth - params.tooth_round_cm, 0.0)
        return np.asarray(1.0 - params.groove_shade * (1.0 - np.exp(-((behind / params.groove_cm) ** 2))))

    def _width(self, points: FloatArray) -> float:
        """Px between the corners of the mouth."""
        right, left = self._geometry.landmark_points(points, MOUTH_CORNERS)
        return float(np.linalg.norm(left - right))

    def _shift_teeth(self, childhood: float, tongue: Tongue) -> FloatArray:
        """[V',2] px that bring the model's upper teeth to the picture's own, or to just below the resting upper lip.

        The lower row is set a little deeper; a small child's teeth (`childhood` 1) hardly look out of the gums.
        """
        geometry, params = self._geometry, self._params
        edge = geometry.rest_points[self._vertices][self._parts["upper_teeth"]]
        front = edge[self._front("upper_teeth")]
        lowest = front[front[:, 1] >= np.percentile(front[:, 1], 80)].mean(0)
        down = geometry.down(geometry.rest_points)
        lip = geometry.landmark_points(geometry.shut_points, (UPPER_LIP_MIDDLE,))[0]
        hidden = params.milk_teeth_cm * childhood
        upper = (lip - lowest) @ down + (params.upper_show_cm - hidden) * geometry.fit.scale
        if self._teeth is not None:
            own = (self._teeth.edge - lowest) @ down
            upper = max(upper, own) if self._teeth.hidden else own
        shifts = np.zeros((len(self._depth), 2), np.float32)
        for row in ("upper_teeth", "lower_teeth"):
            shifts[self._parts[row]] = self._beside_one_another(row)[:, None] * np.array([down[1], -down[0]])
        shifts[self._parts["upper_teeth"]] += upper * down
        lower = max(upper / geometry.fit.scale, -params.most_raised_cm) if upper < 0 else 0.0  # shut teeth meet
        lower = max(lower + params.lower_deeper_cm + 2 * hidden, self._below_lower_lip(down))
        shifts[self._parts["lower_teeth"]] += lower * geometry.fit.scale * down
        shifts[self._parts["tongue"]] = tongue.lowered(down)
        return shifts

    def _beside_one_another(self, row: str) -> FloatArray:
        """[V''] px to the right that close the gap between the middle teeth of a row."""
        params, across = self._params, self._neutral[self._parts[row], 0]  # cm
        aside = np.abs(across)
        nearer = aside - params.middle_gap_cm / 2 * np.exp(-((aside / params.middle_tooth_cm) ** 2))
        return np.sign(across) * (np.maximum(nearer, 0.0) - aside) * self._geometry.fit.scale

    def _below_lower_lip(self, down: FloatArray) -> float:
        """How far (cm) the lower row has to sink to stand no higher than the lower lip of a shut mouth."""
        geometry = self._geometry
        points = geometry.shut_points[self._vertices][self._parts["lower_teeth"]]
        front = points[self._front("lower_teeth")] @ down
        lip = geometry.landmark_points(geometry.shut_points, (LOWER_LIP_MIDDLE,))[0] @ down
        return float((lip - np.percentile(front, 10)) / geometry.fit.scale) - self._params.lower_show_cm

    def _front(self, row: str) -> AnyArray:
        """Vertices, among those of a row, that lie furthest to the front."""
        return np.argsort(self._depth[self._parts[row]])[-FRONT_TEETH:]

    def _front_tips(self, row: str, sense: float) -> AnyArray:
        """Vertices, among the V', at the tips of a row's front teeth; sense: 1 where they point down."""
        part, front = self._parts[row], self._front(row)
        height = sense * self._neutral[part][front, 1]
        return front[height <= np.percentile(height, 20)] + part.start

    def _of_the_jaw(self) -> BoolArray:
        """[V'] lower teeth, their gums and the tongue."""
        moved = np.zeros(len(self._depth), bool)
        moved[self._parts["lower_teeth"]] = moved[self._parts["tongue"]] = True
        gums, upper = (self._neutral[self._parts[name], 1] for name in ("gums", "upper_teeth"))
        moved[self._parts["gums"]] = gums <= upper.min()
        return moved

    def _childhood(self, landmarks: FloatArray) -> float:
        """0 for grown-ups, 1 for small children, by the iris' share of the face's width in `landmarks` [478,3] px."""
        irises = [landmarks[list(iris), :2] for iris in (LEFT_IRIS, RIGHT_IRIS)]
        radius = np.mean([np.linalg.norm(iris[1:] - iris[0], axis=1).mean() for iris in irises])
        share, (adult, child) = 2 * radius / np.ptp(landmarks[:, 0]), self._params.iris_share
        return float(np.clip((share - adult) / (child - adult), 0.0, 1.0))

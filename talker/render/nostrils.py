"""Nostrils: what lies in them is hidden in the picture and has no colours of its own when the nose moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from talker.face.landmarks import NOSTRILS
from talker.face.raster import rasterise
from talker.render.geometry import HeadGeometry


@dataclass(frozen=True)
class NostrilParams:
    """What counts as the inside of the nostrils."""

    reach_cm: float = 0.7  # around the nostrils' landmarks
    behind_cm: float = 0.1  # what lies this far behind the surface that is seen is inside
    px_per_cm: float = 16.0


def without_nostrils(geometry: HeadGeometry, params: NostrilParams) -> NDArray[np.int32]:
    """[F,3] the triangles of the face without those inside the nostrils; what surrounds them fills the gap."""
    triangles, depth = geometry.traits.mask_triangles, geometry.rest_camera[:, 2]
    points = geometry.rest_points * (params.px_per_cm / geometry.fit.scale)
    nose = geometry.landmark_points(points, NOSTRILS)
    centres = points[triangles].mean(axis=1)
    near = cKDTree(nose).query(centres)[0] < params.reach_cm * params.px_per_cm
    corner = centres[near].min(axis=0) - 1
    width, height = np.ceil(centres[near].max(axis=0) - corner).astype(int) + 2
    seen = rasterise(points - corner, depth, triangles, int(height), int(width)).depth
    column, row = np.round(centres[near] - corner).astype(int).T
    a, b, c = (points[triangles[near, k]] for k in range(3))
    (x, y), (u, v) = (b - a).T, (c - a).T
    turned_away = x * v - y * u > 0  # picture coordinates run downwards
    hidden = turned_away | (depth[triangles[near]].mean(axis=1) < seen[row, column] - params.behind_cm)
    keep = np.ones(len(triangles), bool)
    keep[np.flatnonzero(near)[hidden]] = False
    return np.ascontiguousarray(triangles[keep])

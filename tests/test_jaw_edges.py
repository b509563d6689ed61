"""The outline of the jaw where a mouth opens wide: skin that the picture shows edge-on has no say there."""

from __future__ import annotations

import dataclasses

import numpy as np
import skimage.data
from scipy.spatial import ConvexHull

from talker.blendshapes import expand
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.params import RenderParams
from talker.render.source import SourceFrame
from talker.render.warp import FlowParams, without_jaw_edges
from talker.types import Portrait

OPEN = expand({"jawOpen": 0.8})
STILL = np.zeros(6)
EVERYTHING = FlowParams(facing=-1.0)  # no triangle faces less


def outline_roughness(portrait: Portrait, flow: FlowParams) -> float:
    """By how much the place where content comes from jumps to and fro between rows, along the jaw's outline.

    The picture goes up and down along its rows by 8 levels a px, so that a drawn level is a place.
    """
    columns = np.arange(portrait.image.shape[1])
    ramp = np.broadcast_to(8 * np.abs(columns % 62 - 31)[None, :, None], portrait.image.shape)
    renderer = GeometryRenderer(
        dataclasses.replace(portrait, image=ramp.astype(np.uint8)),
        SpeakOptions(wrinkles=0.0),
        still_background=False,
        params=dataclasses.replace(RenderParams(), flow=flow),
    )
    drawn = renderer.draw(OPEN, STILL)
    jumps = np.abs(np.diff(drawn.frame[..., 0].astype(int), 2, axis=0))
    points = drawn.points[renderer.geometry.model.mask]
    top, height = points[:, 1].min(), np.ptp(points[:, 1])
    outline = points[ConvexHull(points).vertices]
    jaw = outline[(outline[:, 1] > top + 0.6 * height) & (outline[:, 1] < top + 0.93 * height)]
    return float(np.mean([jumps[y - 4 : y + 3, x - 4 : x + 5].max() for x, y in np.round(jaw).astype(int)]))


def test_a_wide_open_jaw_has_a_smooth_outline() -> None:
    portrait = analyse(skimage.data.astronaut())
    assert outline_roughness(portrait, FlowParams()) < 0.85 * outline_roughness(portrait, EVERYTHING)


def test_only_what_lies_edge_on_beside_the_jaw_is_left_out() -> None:
    portrait = analyse(skimage.data.astronaut())
    source: SourceFrame = GeometryRenderer(portrait, SpeakOptions()).source
    geometry, everything = source.geometry, source.geometry.traits.mask_triangles
    kept = without_jaw_edges(geometry, everything, FlowParams())
    left_out = np.array(sorted({tuple(face) for face in everything} - {tuple(face) for face in kept}))
    across, height = geometry.model.neutral[left_out, :2].mean(axis=1).T
    assert 100 < len(left_out) < 0.15 * len(everything)
    assert np.abs(across).min() >= 4.0
    assert height.max() < 0.0
    np.testing.assert_array_equal(without_jaw_edges(geometry, everything, EVERYTHING), everything)

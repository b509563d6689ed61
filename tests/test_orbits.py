"""Skin between lids and brows: lashes and hair stay where they grow, nothing tears or folds over the lid."""

import dataclasses

import numpy as np
import pytest
import skimage.data

from talker.blendshapes import expand
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry import HeadGeometry
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.orbits import OrbitParams
from talker.render.params import RenderParams
from talker.types import Portrait
from talker.weights.store import checkpoint

STILL = np.zeros(6)
SIDES = ("Left", "Right")


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return analyse(skimage.data.astronaut())


def test_lifted_brows_leave_lashes_on_the_lid_and_hair_on_the_brow(portrait: Portrait) -> None:
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    calm, raised = (geometry.shape(expand(face)).points for face in ({}, {"browInnerUp": 1.0, "browOuterUp": 1.0}))
    for orbit in geometry.orbits:
        assert orbit.lift(geometry.rest_points) == 0
        assert orbit.lift(raised) == 1
        share, inside, way = orbit.places(geometry.rest_points[: geometry.model.mask.stop])
        rise = ((calm - raised)[: geometry.model.mask.stop] @ geometry.down(geometry.rest_points)) / way
        middle = inside > 0.95
        on_the_lid, on_the_brow = (rise[middle & (share > low) & (share < low + 0.2)] for low in (0.02, 0.8))
        assert np.abs(on_the_lid).max() < 0.1
        assert on_the_brow.min() > 0.3
        assert np.ptp(on_the_brow) < 0.5 * on_the_brow.mean()


def test_bare_skin_unfolds_where_the_picture_has_streaks(portrait: Portrait) -> None:
    streaked = portrait.image.copy()
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    where = np.stack(np.meshgrid(np.arange(512), np.arange(512)), axis=-1).astype(np.float32)
    for orbit in geometry.orbits:
        share, inside, _ = orbit.places(where)
        streaked[(share > 0.3) & (share < 0.6) & (inside > 0.9) & (where[..., 0] % 4 < 2)] = 20

    def spoilt_by(params: RenderParams) -> float:
        raised = expand({"browInnerUp": 1.0, "browOuterUp": 1.0})
        clean, other = (
            GeometryRenderer(dataclasses.replace(portrait, image=image), SpeakOptions(), params=params)
            .frame(raised, STILL)
            .astype(float)
            for image in (portrait.image, streaked)
        )
        return float(np.abs(clean - other).sum())

    nowhere = RenderParams(orbits=OrbitParams(bare=(2.0, 3.0, -1.0, -0.5)))
    assert spoilt_by(RenderParams()) < 0.4 * spoilt_by(nowhere)


def test_a_lifted_brow_lets_light_into_a_dark_orbit(portrait: Portrait) -> None:
    geometry = HeadGeometry(portrait, checkpoint("face-model"))
    shaded = portrait.image // 3
    for orbit in geometry.orbits:
        for x, y in np.concatenate(orbit.around(geometry.fit.scale)).round().astype(int):
            shaded[y - 1 : y + 2, x - 1 : x + 2] = portrait.image[y - 1 : y + 2, x - 1 : x + 2]
    raised = expand({"browInnerUp": 1.0, "browOuterUp": 1.0})
    points = geometry.shape(raised).points

    def brightness(params: OrbitParams) -> float:
        face = dataclasses.replace(portrait, image=shaded)
        frame = GeometryRenderer(face, SpeakOptions(), params=RenderParams(orbits=params)).frame(raised, STILL)
        found = []
        for orbit in geometry.orbits:
            share, inside, _ = orbit.places(geometry.rest_points)
            middle = points[(inside > 0.9) & (share > 0.35) & (share < 0.6)].round().astype(int)
            forehead, cheek = (shaded[*line.round().astype(int).T[::-1]] for line in orbit.around(geometry.fit.scale))
            skin = frame[middle[:, 1], middle[:, 0]]
            found.append(np.median(skin) / min(np.median(forehead), np.median(cheek)))
        return float(np.mean(found))

    assert brightness(OrbitParams(least_light=0.0)) < 0.45
    assert brightness(OrbitParams()) > 0.55


@pytest.mark.parametrize("lids", [{"eyeWide": 0.4}, {"eyeBlink": 0.5}, {"eyeBlink": 1.0}])
def test_lowered_brows_push_skin_together_instead_of_folding_it_over_the_lid(
    portrait: Portrait, lids: dict[str, float]
) -> None:
    """Folded over, pieces of two layers of skin lay across each other along the lid's edge."""
    angry = expand({f"{name}{side}": value for name, value in (lids | {"browDown": 1.0}).items() for side in SIDES})

    def turned_over(params: OrbitParams) -> int:
        geometry = HeadGeometry(portrait, checkpoint("face-model"), orbits=params)
        faces, points = geometry.model.mask_triangles, geometry.shape(angry).points
        found = 0
        for orbit in geometry.orbits:
            share, inside, _ = orbit.places(geometry.rest_points)
            between = ((inside > 0.5) & (share > 0.1) & (share < 1))[faces].all(axis=1)
            areas = []
            for mesh in (geometry.rest_points, points):
                a, b, c = mesh[faces[between]].swapaxes(0, 1)
                areas.append((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
            found += int((areas[0] * areas[1] < 0).sum())
        return found

    as_the_model_has_it = turned_over(OrbitParams(folds=1e6))
    assert as_the_model_has_it > 50
    assert turned_over(OrbitParams()) < 0.15 * as_the_model_has_it

"""What a smile does to lips and teeth on the mesh: as in people's photographs, not as a fit to landmarks has it."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from talker.blendshapes import expand
from talker.example_faces import ADMIRAL, ASTRONAUT
from talker.face.landmarks import MOUTH_CORNERS
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry import HeadGeometry, MotionLimits
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.mouth import LipParams
from talker.render.params import DEFAULT_PARAMS
from talker.render.teeth import find_teeth
from talker.render.tongue import Tongue, TongueParams
from talker.render.tooth_rows import ToothRowParams, ToothRows
from talker.weights.store import checkpoint

APART = ToothRowParams(closed_smile=(9.0, 10.0))  # never closed


def test_a_full_smile_bares_more_teeth_than_a_sneer() -> None:
    """Lips that a photograph lifts in a broad smile were held as low as a sneer's, over the teeth."""
    portrait, folder = analyse(load_image(ADMIRAL)), checkpoint("face-model")
    free, held = HeadGeometry(portrait, folder), HeadGeometry(portrait, folder, MotionLimits(smile_rise_cm=0.0))
    for smile, least, most in ((0.5, 0.0, 1e-6), (1.0, 0.1, 0.5)):
        lifted = expand({"mouthSmile": smile, "mouthUpperUp": 0.9})
        lips = [one.landmark_points(one.shape(lifted).points, (82, 13, 312)) for one in (free, held)]
        higher = (lips[1] - lips[0]) @ free.down(free.rest_points) / free.fit.scale  # cm
        assert (higher >= least).all()
        assert (higher <= most).all()


def test_a_smile_parts_lips_before_teeth() -> None:
    """Every opening went to the jaw, so that broad smiles had a dark gap below their teeth; vowels stay so."""
    portrait, folder = analyse(load_image(ADMIRAL)), checkpoint("face-model")
    geometry, jaws = (
        HeadGeometry(portrait, folder),
        HeadGeometry(portrait, folder, MotionLimits(biting_smile=(2.0, 3.0))),
    )
    row = slice(*geometry.model.parts["lower_teeth"])
    for smile, jaw, least, most in ((0.2, 0.2, 0.0, 0.01), (1.0, 0.2, 0.3, 0.66), (1.0, 0.8, 0.0, 0.1)):
        shape, before = (one.shape(expand({"mouthSmile": smile, "jawOpen": jaw})) for one in (geometry, jaws))
        higher = (shape.camera - before.camera)[:, 1]  # cm
        assert least <= float(higher[row].mean()) <= most
        assert np.allclose(shape.points[: geometry.model.mask.stop], before.points[: geometry.model.mask.stop])


def test_corners_of_an_open_smile_are_dark() -> None:
    """Real corners have a tenth of the skin's light; drawn ones had a third."""
    renderer = GeometryRenderer(analyse(load_image(ASTRONAUT)), SpeakOptions(size="crop512"))
    drawn = renderer.draw(expand({"mouthSmile": 0.8, "mouthUpperUp": 0.4, "jawOpen": 0.25}), np.zeros(6))
    grey = cv2.cvtColor(drawn.frame, cv2.COLOR_RGB2GRAY)
    right, left, cheek = renderer.geometry.landmark_points(drawn.points, (*MOUTH_CORNERS, 50))
    skin = float(grey[int(cheek[1]), int(cheek[0])])
    for corner, other in ((right, left), (left, right)):
        column, row = (corner + 0.03 * (other - corner)).astype(int)
        assert grey[row - 1 : row + 4, column].min() < 0.26 * skin


def test_rows_that_nearly_touch_meet_in_a_smile() -> None:
    """A smile showed a slit of tongue over a thin line of lower teeth; speech and wide mouths stay as they are."""
    source = GeometryRenderer(analyse(load_image(ADMIRAL)), SpeakOptions()).source
    tongue = Tongue(source.geometry, TongueParams())
    rows, apart = (ToothRows(source, None, params, tongue) for params in (ToothRowParams(), APART))
    for smile, jaw, least, most in ((1.0, 0.25, 0.0, 0.5), (0.0, 0.12, 0.99, 1.01), (1.0, 0.9, 0.95, 1.01)):
        points = source.geometry.shape(expand({"mouthSmile": smile, "jawOpen": jaw, "mouthUpperUp": 0.3})).points
        (_, gap), (_, before) = rows.placed(points), apart.placed(points)
        assert before > 0.05
        assert least <= gap / before <= most


def test_the_jaw_carries_nothing_of_the_upper_row() -> None:
    """Where a smile opens further than photographed, a pale copy of the upper teeth hung below them."""
    portrait, drawn = analyse(load_image(ASTRONAUT)), []
    opened = portrait.source_expression + expand({"jawOpen": 0.2})
    for lips in (LipParams(own_side_cm=1e6), LipParams(own_row_cm=1e6, own_side_cm=1e6)):
        params = dataclasses.replace(DEFAULT_PARAMS, lips=lips)
        renderer = GeometryRenderer(portrait, SpeakOptions(size="crop512"), params=params)
        drawn.append(renderer.draw(opened, np.zeros(6)).frame.astype(int))
    teeth = find_teeth(renderer.source, np.array([235.0, 230.0, 225.0]), DEFAULT_PARAMS.own_teeth)
    assert teeth is not None
    paler = (drawn[1] - drawn[0]).mean(axis=2)[round(float(teeth.edge[1])) :]  # levels, below the row
    assert (paler > 20).sum() > 100
    assert paler.min() > -10


def test_less_light_reaches_places_between_teeth() -> None:
    """The model's rows were one even white."""
    source = GeometryRenderer(analyse(load_image(ADMIRAL)), SpeakOptions()).source
    model = source.geometry.model
    rows = ToothRows(source, None, ToothRowParams(), Tongue(source.geometry, TongueParams()))
    for name in ("upper_teeth", "lower_teeth"):
        across, _, depth = model.neutral[slice(*model.parts[name])].T  # cm
        light, middle = rows.groove_light(name), np.abs(across) < 0.3
        front = depth > depth[middle].max() - 0.05
        assert light[middle & front].min() > 0.95
        assert light[middle & (depth < depth[middle].max() - 0.4)].max() < 0.9

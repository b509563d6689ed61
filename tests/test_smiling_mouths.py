"""What a smile does to lips and teeth on the mesh: as in people's photographs, not as a fit to landmarks has it."""

from __future__ import annotations

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
from talker.weights.store import checkpoint


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

"""Glasses, covered mouths, drawings and turned pictures: noticed, and not seen where they are not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from stand_ins import FakeComponents

from talker.blendshapes import BLENDSHAPE_NAMES, expand
from talker.data.drawings import STYLES, draw
from talker.data.occluders import PAINTERS, cover
from talker.errors import CoveredMouthError
from talker.face.detector import FaceDetector
from talker.face.landmark_motion import landmark_motion
from talker.face.landmarks import OUTER_LIPS, turned_points
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.portrait.analyse import analyse
from talker.portrait.attributes import CHECKPOINT, FEATURES, AlignedFace, load_attributes
from talker.portrait.outline import outline
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.registry import create_renderer
from talker.types import ByteArray, FaceAttributes, FaceMotion, Portrait
from talker.weights.store import checkpoint

DATA = Path(__file__).parent / "data"
CALM = FaceMotion(np.zeros((1, 52), np.float32), np.zeros((1, 6), np.float32))


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def astronaut(detector: FaceDetector) -> Portrait:
    return analyse(skimage.data.astronaut(), detector=detector)


def test_ordinary_photographs_show_nothing_special(astronaut: Portrait) -> None:
    assert astronaut.attributes == FaceAttributes()
    assert astronaut.quarter_turns == 0


@pytest.mark.parametrize(("name", "glasses"), [("sfhq_147_268px.jpg", "clear"), ("sfhq_t2i_0799.webp", "sunglasses")])
def test_glasses_are_noticed(detector: FaceDetector, name: str, glasses: str) -> None:
    shown = analyse(load_image(DATA / "faces" / name), detector=detector).attributes
    assert shown == FaceAttributes(glasses)


@pytest.mark.parametrize("name", ["face_with_mask.jpg", "face_hand_before_mouth.jpg"])
def test_covered_mouths_are_noticed(detector: FaceDetector, name: str) -> None:
    assert analyse(load_image(DATA / "failing" / name), detector=detector).attributes.mouth_covered


@pytest.mark.parametrize("kind", PAINTERS)
def test_what_covers_is_noticed_and_what_lies_beside_is_not(
    astronaut: Portrait, detector: FaceDetector, kind: str
) -> None:
    covered, hidden = cover(astronaut.image, astronaut.landmarks, kind, np.random.default_rng(1))
    assert hidden > 0.6
    assert analyse(covered, detector=detector).attributes.mouth_covered
    beside, hidden = cover(astronaut.image, astronaut.landmarks, kind, np.random.default_rng(1), away=1.2)
    assert hidden < 0.1
    assert not analyse(beside, detector=detector).attributes.mouth_covered


def test_drawings_are_noticed(astronaut: Portrait, detector: FaceDetector) -> None:
    assert analyse(load_image(DATA / "failing" / "drawn_face.png"), detector=detector).attributes == FaceAttributes(
        drawn=True
    )
    for style in set(STYLES) - {"pencil"}:  # whose fine strokes are noise in so small a face
        drawn = draw(astronaut.image, astronaut.landmarks, style, np.random.default_rng(0))
        assert analyse(drawn, detector=detector).attributes.drawn, style


def test_dark_photographs_are_no_drawings(astronaut: Portrait, detector: FaceDetector) -> None:
    """In the dark contrasts are as small as paint's; drawings stay what they are there."""
    assert (
        analyse(load_image(DATA / "failing" / "face_very_dark.jpg"), detector=detector).attributes == FaceAttributes()
    )
    classifier = load_attributes(checkpoint(CHECKPOINT))
    drawn = draw(astronaut.image, astronaut.landmarks, "flat", np.random.default_rng(0))
    for picture, is_drawn in ((astronaut.image, False), (drawn, True)):
        for share in (1.0, 0.4, 0.2):
            dark = AlignedFace.of(np.round(picture * share).astype(np.uint8), astronaut.landmarks)
            assert classifier.attributes(dark).drawn == is_drawn, share


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_pictures_are_measured_upright(astronaut: Portrait, detector: FaceDetector, turns: int) -> None:
    turned = np.ascontiguousarray(np.rot90(astronaut.image, -turns))
    portrait = analyse(turned, detector=detector)
    assert portrait.quarter_turns == turns
    assert np.array_equal(portrait.image, astronaut.image)
    apart = np.linalg.norm(portrait.landmarks[:, :2] - astronaut.landmarks[:, :2], axis=1).mean()
    assert apart < 0.005 * astronaut.face_width


@pytest.mark.parametrize(
    ("name", "turns"),
    [("face_upside_down.jpg", 2), ("face_turned_135deg.jpg", None), ("face_turned_90deg_light_eyes.jpg", None)],
)
def test_films_come_out_as_the_picture_was(detector: FaceDetector, name: str, turns: int | None) -> None:
    image = load_image(DATA / "failing" / name)
    portrait = analyse(image, detector=detector)
    assert turns is None or portrait.quarter_turns == turns
    across = portrait.landmarks[263, :2] - portrait.landmarks[33, :2]
    assert abs(np.degrees(np.arctan2(across[1], across[0]))) < 50
    renderer = create_renderer(portrait, SpeakOptions())
    frame = next(iter(renderer.render(CALM)))
    assert frame.shape == image.shape
    assert renderer.size == image.shape[1::-1]
    assert np.abs(frame.astype(float) - image)[:8].mean() < 1.0  # the border hardly changes
    assert outline(portrait).shape == image.shape
    moving = landmark_motion(portrait, FaceMotion(portrait.source_expression[None], np.zeros((1, 6), np.float32)))
    there = turned_points(portrait.landmarks[:, :2], portrait.image.shape, -portrait.quarter_turns)
    assert moving.size == image.shape[1::-1]
    assert np.abs(moving.landmarks[0, :, :2] - there).max() < 1.0


@pytest.mark.parametrize("turns", range(4))
def test_points_turn_with_their_picture(turns: int) -> None:
    image = np.zeros((5, 9), np.uint8)
    image[1, 7] = 255
    there = turned_points(np.array([[7, 1]]), image.shape, turns)[0]
    turned = np.rot90(image, turns)
    assert turned[there[1], there[0]] == 255
    back = turned_points(there[None], turned.shape, -turns)[0]
    assert back.tolist() == [7, 1]


def test_a_mirror_changes_no_answer(astronaut: Portrait) -> None:
    face = AlignedFace.of(astronaut.image, astronaut.landmarks)
    again = face.mirrored().mirrored()
    assert np.array_equal(again.picture, face.picture)
    assert np.allclose(again.landmarks, face.landmarks)
    assert all(features(face).ndim == 1 for features in FEATURES.values())


def covered_portrait(image: ByteArray, portrait: Portrait) -> Portrait:
    return dataclasses.replace(portrait, image=image, attributes=FaceAttributes(mouth_covered=True))


class Covered(FakeComponents):
    """Components that see a covered mouth in every picture."""

    def analyse(self, image: ByteArray, face_index: int, permissive: bool = False) -> Portrait:
        return covered_portrait(image, super().analyse(image, face_index, permissive))


def test_a_covered_mouth_is_an_error_unless_it_is_allowed(tmp_path: Path) -> None:
    talker = Talker(Covered().as_components())
    picture = np.full((64, 64, 3), 90, np.uint8)
    with pytest.raises(CoveredMouthError, match="covers the mouth"):
        talker.speak(picture, text="Hello.", out=tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
    options = SpeakOptions(allow_covered=True)
    result = talker.speak(picture, text="Hello.", emotion="neutral", options=options, out=tmp_path / "out.mp4")
    assert any("covers the mouth" in note for note in result.notes)


def test_the_page_tells_a_covered_mouth_beside_the_outline(tmp_path: Path) -> None:
    from talker.web import faces  # Gradio takes seconds to import

    Image.new("RGB", (80, 96), "brown").save(tmp_path / "portrait.png")
    shown, sentence = faces.look(Talker(Covered().as_components()), str(tmp_path / "portrait.png"), 0)
    assert shown["visible"]
    assert "class='bad'" in sentence
    assert "covers the mouth" in sentence


def test_nothing_is_drawn_over_what_covers_the_mouth(astronaut: Portrait) -> None:
    image, _ = cover(astronaut.image, astronaut.landmarks, "mask", np.random.default_rng(1))
    motion = np.zeros((1, 52), np.float32)
    motion[0] = astronaut.source_expression
    motion[:, [name.startswith(("jaw", "cheek", "nose")) for name in BLENDSHAPE_NAMES]] = 0.8
    portrait = covered_portrait(image, astronaut)
    frame = next(iter(create_renderer(portrait, SpeakOptions()).render(FaceMotion(motion, CALM.pose))))
    left, top, right, bottom = (int(value) for value in portrait.face_box)
    lower = slice((top + bottom) // 2, bottom), slice(left, right)
    assert np.abs(frame[lower].astype(float) - image[lower]).mean() < 2.0


@pytest.mark.parametrize(("name", "most_off"), [("face_blue_light", 0.25), ("face_sepia", 0.1), ("face_very_dark", 9)])
def test_a_drawn_mouth_lies_in_the_pictures_own_light(name: str, most_off: float) -> None:
    """No grey teeth in blue light, no pink tongue in sepia, nothing that shines in the dark."""
    portrait = analyse(load_image(DATA / "failing" / f"{name}.jpg"))
    renderer = GeometryRenderer(portrait, SpeakOptions())
    bared = expand({"jawOpen": 0.3, "mouthUpperUp": 0.7, "mouthLowerDown": 0.8}) - portrait.source_expression
    frame = renderer.frame(bared, np.zeros(6, np.float32)).astype(np.float32)
    lips = portrait.landmarks[list(OUTER_LIPS), :2]
    left, top = lips.min(axis=0).astype(int)
    right, bottom = lips.max(axis=0).astype(int)
    mouth = frame[top : bottom + (bottom - top) // 2, left:right].reshape(-1, 3)
    skin = portrait.image[top - (bottom - top) : top, left:right].reshape(-1, 3).astype(np.float32)
    assert np.percentile(mouth.mean(axis=1), 99) < 2.2 * np.percentile(skin.mean(axis=1), 95)
    tones = mouth / np.maximum(mouth.mean(axis=1, keepdims=True), 8.0)
    own = np.median(skin, axis=0) / np.median(skin.mean(axis=1))
    assert np.percentile(np.abs(tones - own).max(axis=1), 90) < most_off

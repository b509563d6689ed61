"""Emotions from texts, voices and pictures with the real weights, and what wrong inputs get."""

from pathlib import Path

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.emotion.model import emotion_model
from talker.emotion.picture import own_look, picture_code
from talker.emotion.text import text_code
from talker.emotion.voice import voice_code
from talker.errors import EmotionError, FaceError, ImageError
from talker.face.detector import FaceDetector
from talker.media.image import load_image
from talker.speech.analysis import SpeechAnalysis
from talker.types import EMOTION_LABELS, SpeechClip

PEOPLE = Path(__file__).parents[1] / "assets" / "people"


def reads_as(code) -> str:
    return EMOTION_LABELS[int(code.probabilities.mean(0).argmax())]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("she is so happy that she laughs", "happy"), ("tears run down her cheeks", "sad"), ("a fit of rage", "angry"),
        ("frightened to death", "fear"), ("that smells disgusting", "disgusted"),
        ("wow, what a surprise!", "surprised"), ("😡", "angry"), ("calm", "neutral"), ("a scornful sneer", "contempt"),
    ],
)  # fmt: skip
def test_texts_read_as_what_they_say(text: str, label: str) -> None:
    assert reads_as(text_code(text)) == label


def test_text_without_a_feeling_is_neutral_and_says_so() -> None:
    code = text_code("the train leaves at nine")
    assert "names no feeling" in code.source and not code.blendshape_offset.any()


def test_intensity_and_negation() -> None:
    assert text_code("slightly sad").strength[0] < text_code("sad").strength[0] < text_code("utterly sad").strength[0]
    assert reads_as(text_code("not happy")) != "happy"


@pytest.mark.parametrize(
    ("text", "label"),
    [("never saw that coming", "surprised"), ("hardly believes his luck", "surprised"), ("not happy", "sad"),
     ("not worth my time", "contempt"), ("leave me alone, you idiot", "angry"), ("no longer angry", "neutral")],
)  # fmt: skip
def test_idioms_are_no_negations_or_mixtures(text: str, label: str) -> None:
    assert EMOTION_LABELS[int(text_code(text).probabilities.mean(0).argmax())] == label


def test_stage_direction_becomes_a_timeline() -> None:
    code = text_code("starts calm, ends in tears", duration_s=3.0)
    assert len(code.strength) == 75
    assert EMOTION_LABELS[int(code.probabilities[0].argmax())] == "neutral"
    assert EMOTION_LABELS[int(code.probabilities[-1].argmax())] == "sad"


@pytest.mark.parametrize("text", ["", "   ", "x" * 40_000_000])
def test_useless_texts(text: str) -> None:
    with pytest.raises(EmotionError):
        text_code(text)


def test_silent_and_tiny_voices() -> None:
    for samples in (np.zeros(16000, np.float32), 0.1 * np.ones(1600, np.float32)):
        with pytest.raises(EmotionError, match="heard"):
            voice_code(SpeechAnalysis(SpeechClip(samples, 16000)))


def test_voice_gives_a_code_per_moment() -> None:
    time = np.arange(6 * 16000) / 16000
    samples = (0.3 * np.sin(2 * np.pi * 140 * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2).astype(np.float32)
    code = voice_code(SpeechAnalysis(SpeechClip(samples, 16000)))
    assert len(code.strength) == 12 and code.rate_hz == 2.0
    assert np.allclose(code.probabilities.sum(1), 1.0, atol=1e-4) and code.source.startswith("voice: ")
    assert len(voice_code(SpeechAnalysis(SpeechClip(samples, 16000)), per_moment=False).strength) == 1


def test_pictures_without_a_face_or_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FaceError, match="No face"):
        picture_code(np.full((200, 200, 3), 128, np.uint8))
    path = tmp_path / "picture.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError):
        picture_code(path)


def measured(name: str) -> np.ndarray:
    """Measurements [1,…] of a portrait's face."""
    with FaceDetector() as detector:
        face = detector.detect(load_image(PEOPLE / name))[0]
    return emotion_model().space.measure_picture(face.landmarks[None], face.blendshapes[None])


def test_a_film_is_read_against_the_persons_own_calm_face() -> None:
    """What a face looks like at rest is no emotion; a film that smiles all the time says nothing about the rest."""
    space = emotion_model().space
    resting, smiling = measured("sfhq_215.jpg"), measured("sfhq_187.webp")
    look = own_look(space, resting)
    before, after = (space.read(space.place_measured(resting - taken)).probabilities[0, 0] for taken in (0.0, look))
    assert after > before + 0.05
    np.testing.assert_array_equal(look[:BLENDSHAPE_COUNT], 0.0)
    assert np.abs(own_look(space, smiling)).max() < 0.1 * np.abs(look).max()
    film = np.concatenate([resting, smiling, resting, smiling, smiling])  # the calm part is found
    np.testing.assert_allclose(own_look(space, film), look, atol=1e-6)

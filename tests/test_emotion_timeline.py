"""Emotions over time, and sums and differences of emotions."""

import json
from pathlib import Path

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX
from talker.emotion.labels import label_code
from talker.emotion.retargeting import retarget_to_portrait
from talker.emotion.timeline import Moment, load_timeline, split_tags, tagged_code, timeline_code
from talker.emotion.vectors import direction, mix, parse_mix, vector_of
from talker.errors import EmotionError
from talker.types import TimedToken, Transcript

SMILE = BLENDSHAPE_INDEX["mouthSmileLeft"]


def shown(code) -> np.ndarray:
    return code.blendshape_offset * code.strength[:, None]


def test_a_timeline_passes_through_its_moments_without_jumps() -> None:
    code = timeline_code([Moment(0.0, label_code("happy")), Moment(2.0, label_code("sad"), 0.6)], 4.0)
    face = shown(code)
    assert len(face) == 100
    assert np.allclose(face[0], label_code("happy").blendshape_offset[0], atol=1e-4)
    assert np.allclose(face[-1], 0.6 * label_code("sad").blendshape_offset[0], atol=1e-4)
    assert np.abs(np.diff(face, axis=0)).max() < 0.12
    assert np.allclose(np.linalg.norm(code.embedding, axis=1), 1.0, atol=1e-4)
    assert np.allclose(code.probabilities.sum(1), 1.0, atol=1e-4)


def test_a_single_moment_is_its_code() -> None:
    code = timeline_code([Moment(0.0, label_code("fear", 0.7))], 1.0)
    assert np.allclose(shown(code), 0.7 * label_code("fear").blendshape_offset, atol=1e-4)


@pytest.mark.parametrize("starts", [[], [1.0, 1.0], [2.0, 1.0], [-1.0, 0.0]])
def test_moments_must_be_in_order(starts: list[float]) -> None:
    with pytest.raises(EmotionError):
        timeline_code([Moment(start, label_code("sad")) for start in starts], 4.0)


def test_tags_are_taken_out_of_the_spoken_text() -> None:
    spoken, tags = split_tags("I [happy] love it, [sad:0.6] but it is over.")
    assert spoken == "I love it, but it is over."
    assert [(tag.words_before, tag.emotion, tag.strength) for tag in tags] == [(1, "happy", 1.0), (3, "sad", 0.6)]


def test_tags_start_with_their_word() -> None:
    spoken = ("I", "love", "it", "but", "it", "is", "over")
    words = tuple(TimedToken(word, 0.5 * index, 0.5 * index + 0.4) for index, word in enumerate(spoken))
    _, tags = split_tags("I [happy] love it [sad] but it is over")
    code = tagged_code(tags, Transcript(words), 4.0, label_code)
    smile = shown(code)[:, SMILE]
    assert smile[0] < 0.1 and smile[25] > 0.85 * label_code("happy").blendshape_offset[0, SMILE] and smile[-1] < 0.1


@pytest.mark.parametrize("content", ["", "{}", "[]", '[{"emotion": "happy"}]', '[{"start_s": 0, "emotion": "zzz"}]',
                                     '[{"start_s": 0, "emotion": "sad", "strength": 9}]'])  # fmt: skip
def test_bad_timeline_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "timeline.json"
    path.write_text(content)
    with pytest.raises(EmotionError):
        load_timeline(path, 3.0, label_code)


def test_timeline_file(tmp_path: Path) -> None:
    path = tmp_path / "timeline.json"
    path.write_text(json.dumps([{"start_s": 0, "emotion": "happy"}, {"start_s": 1, "emotion": "sad", "strength": 0.5}]))
    assert len(load_timeline(path, 3.0, label_code).strength) == 75


def test_arithmetic_moves_the_face_linearly() -> None:
    happy, angry, sad = (label_code(name) for name in ("happy", "angry", "sad"))
    vector = vector_of(sad) + 0.5 * direction(angry, sad)
    wanted = 0.5 * (sad.blendshape_offset[0] + angry.blendshape_offset[0])
    assert np.allclose(vector.blendshape_offset, wanted, atol=1e-5)
    assert np.allclose((vector_of(happy) - vector_of(happy)).blendshape_offset, 0.0)
    with pytest.raises(EmotionError, match="cancel"):
        (vector_of(happy) - vector_of(happy)).code()


def test_scaling_is_monotone() -> None:
    sizes = [
        np.linalg.norm((s * vector_of(label_code("happy"))).code().blendshape_offset) for s in np.linspace(0.1, 1.5, 8)
    ]
    assert (np.diff(sizes) > 0).all()


def test_mixture_reads_as_both() -> None:
    code = mix({"happy": 0.6, "fear": 0.4})
    row = shown(code)[0]
    wanted = 0.6 * label_code("happy").blendshape_offset[0] + 0.4 * label_code("fear").blendshape_offset[0]
    assert np.allclose(row, wanted, atol=1e-5)
    half = mix({"happy": 0.5})
    assert half.strength == pytest.approx(0.5)
    assert np.allclose(half.blendshape_offset, label_code("happy").blendshape_offset, atol=1e-5)


@pytest.mark.parametrize("text", ["happy", "happy=x", "=", "happy=-1", "nonsense=0.4", "happy=0"])
def test_bad_mixtures(text: str) -> None:
    with pytest.raises(EmotionError):
        mix(parse_mix(text))


def test_bridging_counters_what_the_photograph_shows_and_the_wanted_face_does_not() -> None:
    smiling = np.zeros(52, np.float32)
    smiling[[SMILE, SMILE + 1]] = 0.6
    sad, happy = label_code("sad"), label_code("happy")
    assert retarget_to_portrait(sad, smiling).blendshape_offset[0, SMILE] < sad.blendshape_offset[0, SMILE] - 0.2
    assert np.allclose(retarget_to_portrait(happy, smiling).blendshape_offset, happy.blendshape_offset)
    assert np.allclose(retarget_to_portrait(sad, np.zeros(52)).blendshape_offset, sad.blendshape_offset)
    assert retarget_to_portrait(sad, smiling).onset_s > sad.onset_s

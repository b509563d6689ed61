"""Labels and the catalogue: every row is a face that could exist, and says what its name says."""

from pathlib import Path

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX, MIRROR_ORDER
from talker.emotion.action_units import ACTION_UNITS, SNEER_LIMIT, limit_sneer, to_blendshapes
from talker.emotion.catalogue import EMOTIONS, find_emotion
from talker.emotion.labels import label_code
from talker.errors import EmotionError
from talker.motion.composition import shown_probabilities
from talker.motion.emotion_course import EmotionRows
from talker.types import EMOTION_LABELS, FaceMotion


def channel(label: str, name: str) -> float:
    return float(label_code(label).blendshape_offset[0, BLENDSHAPE_INDEX[name]])


def test_the_eight_labels_come_first_and_in_order() -> None:
    assert tuple(EMOTIONS)[:8] == EMOTION_LABELS


@pytest.mark.parametrize("emotion", EMOTIONS.values(), ids=lambda emotion: emotion.name)
def test_rows_hold_together(emotion) -> None:
    assert emotion.probabilities.sum() == pytest.approx(1.0)
    assert set(emotion.reads_as) <= set(EMOTION_LABELS)
    assert np.abs(emotion.affect).max() <= 1.0
    assert 0.05 <= emotion.onset_s <= 3.0 and 0.05 <= emotion.decay_s <= 5.0
    assert emotion.blendshape_offset.min() >= -0.5 and emotion.blendshape_offset.max() <= 1.5


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_label_reads_as_itself(label: str) -> None:
    code = label_code(label, 0.8)
    assert EMOTION_LABELS[int(code.probabilities[0].argmax())] == label
    assert np.linalg.norm(code.embedding[0]) == pytest.approx(1.0, abs=1e-5)


def test_neutral_moves_nothing_and_the_strength_stands_apart() -> None:
    assert not label_code("neutral").blendshape_offset.any()
    weak, full = label_code("happy", 0.3), label_code("happy")
    assert weak.strength == pytest.approx(0.3)
    for name in ("embedding", "blendshape_offset", "probabilities", "affect"):
        assert np.array_equal(getattr(weak, name), getattr(full, name)), name


def test_faces_do_what_their_names_say() -> None:
    assert channel("happy", "mouthSmileLeft") > 0.6 and channel("happy", "cheekSquintRight") > 0.3
    assert channel("sad", "mouthFrownLeft") > 0.4 and channel("sad", "browInnerUp") > 0.5
    assert channel("angry", "browDownLeft") > 0.8 and channel("surprised", "eyeWideLeft") > 0.5
    assert channel("fear", "mouthStretchLeft") > 0.4 and channel("disgusted", "noseSneerLeft") > 0.6


def test_names_and_aliases_are_unique_and_there_are_enough() -> None:
    words = [word for emotion in EMOTIONS.values() for word in (emotion.name, *emotion.aliases)]
    assert len(words) == len(set(words)) and len(EMOTIONS) >= 48
    assert {"desire", "envy", "romance", "sarcasm", "charisma", "empathy"} <= set(words)


def test_only_contempt_is_one_sided() -> None:
    for label in EMOTION_LABELS:
        row = label_code(label).blendshape_offset[0]
        assert np.allclose(row, row[MIRROR_ORDER]) == (label != "contempt")


def test_a_side_moves_only_its_side() -> None:
    row = to_blendshapes({"L12": 0.5})
    assert row[BLENDSHAPE_INDEX["mouthSmileLeft"]] == 0.5 and np.count_nonzero(row) == 1
    assert all(to_blendshapes({code: 1.0}).any() for code in ACTION_UNITS)


def test_sneer_is_capped_and_small_ones_are_left_alone() -> None:
    row = to_blendshapes({"9": 1.2, "10": 1.0})
    assert row[BLENDSHAPE_INDEX["noseSneerLeft"]] + row[BLENDSHAPE_INDEX["mouthUpperUpLeft"]] <= SNEER_LIMIT + 1e-5
    gentle = to_blendshapes({"9": 0.6, "10": 0.5})
    assert np.array_equal(limit_sneer(gentle), gentle)


def test_aliases_and_case() -> None:
    assert find_emotion("  Joy ") is find_emotion("happy")


@pytest.mark.parametrize("label", ["", "hapy", "12", "happy "[:3]])
def test_unknown_label_names_the_known_ones(label: str) -> None:
    with pytest.raises(EmotionError, match="neutral, happy, sad"):
        label_code(label)


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan")])
def test_strength_out_of_range(strength: float) -> None:
    with pytest.raises(EmotionError, match=r"between 0 and 1\.5"):
        label_code("happy", strength)


def test_a_motion_says_how_its_face_reads(tmp_path: Path) -> None:
    """Without strength it is neutral, at full strength the emotion itself; the file keeps it."""
    angry, neutral = (EMOTION_LABELS.index(name) for name in ("angry", "neutral"))
    rows = EmotionRows.of(label_code("angry"), 5, 25.0)
    off, full = shown_probabilities(rows, np.zeros(5)), shown_probabilities(rows, np.ones(5))
    np.testing.assert_allclose(off.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(full.sum(1), 1, atol=1e-5)
    assert (off[:, neutral] == 1).all()
    assert (full.argmax(1) == angry).all()
    FaceMotion(np.zeros((5, 52)), np.zeros((5, 6)), emotion_probabilities=full).save(tmp_path / "motion.npz")
    kept = FaceMotion.load(tmp_path / "motion.npz").emotion_probabilities
    assert kept is not None
    np.testing.assert_array_equal(kept, full)

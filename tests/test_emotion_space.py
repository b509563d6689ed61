"""The space, its towers and what is trained around them, on made-up measurements and on the shipped weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from talker.data.face_photographs import FaceRecords
from talker.data.voice_corpora import VoiceRecords
from talker.emotion.catalogue import EMOTIONS
from talker.emotion.decode import decode_mixture, decode_points, mixing_gain
from talker.emotion.labels import label_code
from talker.emotion.model import emotion_model
from talker.emotion.picture_features import align, principal_shapes
from talker.emotion.space import EmotionSpace, SpaceConfig, SpaceNetwork, save_space
from talker.errors import AssetError
from talker.training.emotion_losses import contrastive, geometry
from talker.training.emotion_space import EmotionTraining, SpaceTrainer, TextSet, prototypes_from_geometry
from talker.training.voice_tower import VoiceTraining, train_voice_tower
from talker.types import EMOTION_LABELS

VOICE_NAMES = ("neutral", "happy", "sad", "angry")


def tiny_data(config: SpaceConfig) -> tuple[TextSet, VoiceRecords, FaceRecords]:
    random = np.random.default_rng(0)
    count = len(config.emotions)
    sentences = torch.from_numpy(random.normal(size=(2, 2 * count, config.text_width)).astype(np.float32))
    texts = TextSet(sentences, torch.arange(count).repeat(2), torch.ones(2 * count), sentences[0, :3] + 1.0)
    names = np.array(VOICE_NAMES * 4)
    voices = VoiceRecords(
        random.normal(size=(16, 6, config.voice_width)).astype(np.float32),
        names,
        np.array([f"made/{index // 4 % 2}" for index in range(16)]),
    )
    faces = FaceRecords(
        random.normal(size=(12, 478, 3)).astype(np.float32),
        random.uniform(size=(12, 52)).astype(np.float32),
        np.array([*VOICE_NAMES, *VOICE_NAMES, *EMOTION_LABELS[:4]]),
        np.array([f"photograph/{index}" for index in range(8)] + ["rendered/1"] * 4),
    )
    return texts, voices, faces


def test_one_step_of_a_shrunken_run_changes_every_tower_and_saves(tmp_path: Path) -> None:
    config = SpaceConfig.tiny()
    texts, voices, faces = tiny_data(config)
    trainer = SpaceTrainer(config, EmotionTraining.tiny(), texts, faces)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    losses = trainer.losses()
    assert set(losses) == set(trainer.training.weights)
    assert all(torch.isfinite(value) for value in losses.values())
    space = trainer.fit()
    for part in ("text.linear.weight", "picture.linear.weight", "prototypes"):
        assert not torch.equal(before[part], space.network.state_dict()[part]), part
    heard = train_voice_tower(space, voices, VoiceTraining(iterations=3))
    for name, value in heard.network.state_dict().items():
        assert name.startswith("voice") or torch.equal(value, space.network.state_dict()[name]), name
    assert heard.config.voice_emotions == VOICE_NAMES
    save_space(heard, tmp_path)
    space = heard
    assert np.array_equal(EmotionSpace.load(tmp_path).prototypes, space.prototypes)


def test_a_folder_without_a_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="emotion space"):
        EmotionSpace.load(tmp_path)
    save_space(EmotionSpace(SpaceNetwork(SpaceConfig.tiny())), tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"width": 8', '"width": 4'))
    with pytest.raises(AssetError, match="emotion space"):
        EmotionSpace.load(tmp_path)


@pytest.mark.parametrize("permissive", [False, True])
def test_the_shipped_space_reads_its_own_keys(permissive: bool) -> None:
    space = emotion_model(permissive).space
    assert space.config.emotions == tuple(EMOTIONS)
    assert np.allclose(np.linalg.norm(space.prototypes, axis=1), 1.0, atol=1e-5)
    assert (space.read(space.prototypes).weights.argmax(1) == np.arange(len(EMOTIONS))).all()
    for label in EMOTION_LABELS:
        code = label_code(label, model=emotion_model(permissive))
        assert EMOTION_LABELS[int(space.read(code.embedding).probabilities[0].argmax())] == label


def test_kin_lie_nearer_than_strangers() -> None:
    space = emotion_model().space
    assert space.prototype("happy") @ space.prototype("amused") > space.prototype("happy") @ space.prototype("sad")
    assert space.prototype("angry") @ space.prototype("furious") > space.prototype("angry") @ space.prototype("tender")
    assert space.prototype("fear") @ space.prototype("panicked") > space.prototype("fear") @ space.prototype("content")


def test_moving_between_two_keys_moves_the_face_without_jumps() -> None:
    space = emotion_model().space
    shares = np.linspace(0.0, 1.0, 21)[:, None]
    code = decode_points(space, (1 - shares) * space.prototype("happy") + shares * space.prototype("sad"), 1.0, "test")
    steps = np.abs(np.diff(code.blendshape_offset, axis=0)).max(axis=1)
    assert steps.max() < 0.6 and np.allclose(code.probabilities.sum(1), 1.0, atol=1e-4)


def test_a_mixture_is_the_mean_face_and_is_shown_a_little_stronger() -> None:
    space = emotion_model().space
    weights = np.zeros(len(EMOTIONS), np.float32)
    weights[[1, 2]] = 0.5  # happy and sad
    code = decode_mixture(space, weights, 1.0, "test")
    wanted = 0.5 * (EMOTIONS["happy"].blendshape_offset + EMOTIONS["sad"].blendshape_offset)
    assert np.allclose(code.blendshape_offset[0], wanted, atol=1e-5)
    assert 1.0 < mixing_gain(space, weights) <= 1.4
    assert mixing_gain(space, np.eye(len(EMOTIONS))[1]) == pytest.approx(1.0)


def test_alignment_ignores_place_size_and_turn() -> None:
    random = np.random.default_rng(1)
    faces = random.normal(size=(30, 478, 3))
    mean, _ = principal_shapes(faces, 5)
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = 7.0 * faces[:3] @ turn + 5.0
    assert np.allclose(align(faces[:3], mean), align(moved, mean), atol=1e-6)


def test_contrastive_loss_is_lower_where_pairs_agree() -> None:
    points = torch.nn.functional.normalize(torch.eye(4), dim=-1)
    label, sharpness = torch.arange(4), torch.tensor(10.0)
    assert contrastive(points, points, label, label, sharpness) < 0.01
    assert contrastive(points, points.flip(0), label, label, sharpness) > 5.0


def test_keys_take_a_wanted_geometry() -> None:
    random = np.random.default_rng(2)
    points = random.normal(size=(6, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    keys = prototypes_from_geometry((points @ points.T).astype(np.float32), 8)
    assert np.allclose(keys @ keys.T, points @ points.T, atol=1e-4)
    assert float(geometry(torch.from_numpy(keys), torch.from_numpy((points @ points.T).astype(np.float32)))) < 1e-6

"""CLIP reading texts and pictures: a tiny random one, and stand-ins that understand."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from talker.emotion import clip, clip_pictures
from talker.emotion.picture import picture_code
from talker.emotion.prompts import prompt_bank
from talker.emotion.request import EmotionRequest, read_emotion
from talker.emotion.sentences import sentence_tower
from talker.emotion.text import text_code
from talker.errors import AssetError
from talker.example_faces import ADMIRAL, ASTRONAUT, draw_faces
from talker.types import EMOTION_LABELS, ByteArray, EmotionCode, FloatArray
from talker.weights import sources, store

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
REVISION = "0" * 40


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny random CLIP in a Hub cache of its own; heads go to the test's folder, fetched weights stay in theirs."""
    sentence_tower()
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in store.ASSETS:
        (cache / name).symlink_to(store.cache_folder() / name)
    monkeypatch.setenv("TALKER_CACHE", str(cache))
    (tmp_path / "tiny-clip.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "tiny-clip.json")
    monkeypatch.setattr(clip, "MODEL", "tiny-clip")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sources, "hub_reachable", lambda: pytest.fail("the network was asked"))
    wanted = store.EXTRAS["clip"]
    folder = tmp_path / "hub" / f"models--{wanted.source.repository.replace('/', '--')}"
    path = folder / "snapshots" / REVISION / wanted.file
    path.parent.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(REVISION)
    torch.manual_seed(0)
    save_file(open_clip.create_model("tiny-clip").state_dict(), path)
    return path


def forget() -> None:
    """As a new process would."""
    clip._language.cache_clear()
    clip_pictures._opinion.cache_clear()


def test_a_text_is_read_as_open_clip_reads_it(weights: Path) -> None:
    tower = clip.ClipTower.load(weights)
    texts = ["sad", "a person who is so happy that she laughs out loud", "", "cold fury"]
    with torch.inference_mode():
        whole = tower._network.encode_text(tower._tokenizer(texts))
    np.testing.assert_allclose(tower.encode(texts), torch.nn.functional.normalize(whole, dim=-1).numpy(), atol=1e-5)
    assert tower.encode(texts).shape == (4, tower.width)


def test_without_weights_nothing_changes_and_no_network_is_asked(weights: Path) -> None:
    weights.unlink()
    assert store.extra("clip") is None
    assert clip.language().note == "" and clip.language().tower is sentence_tower()
    assert "CLIP" not in text_code("slightly nervous").source
    assert picture_code(ASTRONAUT, draw=draw_faces).source == picture_code(ASTRONAUT).source


def test_a_clip_that_understands_too_little_reads_no_texts(weights: Path) -> None:
    code = text_code("slightly nervous")
    assert "sentence encoder" in code.source and "understood" in code.source
    (heads,) = (store.cache_folder() / "emotion-heads").iterdir()
    changed = heads.stat().st_mtime_ns
    forget()
    assert text_code("slightly nervous").source == code.source
    assert heads.stat().st_mtime_ns == changed  # the second process takes what the first one found
    weights.unlink()
    np.testing.assert_array_equal(text_code("slightly nervous").blendshape_offset, code.blendshape_offset)


def test_a_clip_that_understands_reads_texts(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {text: index for index, texts in enumerate(prompt_bank().emotions.values()) for text in texts}

    def knowing(self: clip.ClipTower, texts: Sequence[str]) -> FloatArray:
        """Knows the feeling of every phrase in the bank, in whichever sentence it stands."""
        rows = np.full((len(texts), 80), 0.01, np.float32)
        for row, text in zip(rows, texts, strict=True):
            known = [phrase for phrase in places if phrase in text]
            row[places[max(known, key=len)] if known else -1] = 1.0
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    monkeypatch.setattr(clip.ClipTower, "encode", knowing)
    monkeypatch.setattr(clip.ClipTower, "width", 80)
    for _ in ("fitted now", "from the cache"):
        forget()
        reads = clip.language()
        assert isinstance(reads.tower, clip.ClipTower)
        code = read_emotion(EmotionRequest("text", prompt_bank().emotions["sad"][-1]))
        assert "read by CLIP" in code.source
        assert EMOTION_LABELS[int(code.probabilities[0].argmax())] == "sad"


def test_weights_that_are_none_are_named(weights: Path) -> None:
    weights.write_bytes(b"no weights")
    forget()
    clip.clip_tower.cache_clear()
    assert weights.name in text_code("cold fury").source
    assert weights.name in picture_code(ADMIRAL, draw=draw_faces).source


def test_a_clip_that_understands_too_little_reads_no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_pictures, "STRENGTHS", (1.0,))  # fewer faces are drawn sooner
    monkeypatch.setattr(clip_pictures, "CHECK_STRENGTHS", (0.8,))
    code = read_emotion(EmotionRequest("picture", str(ADMIRAL)), draw=draw_faces)
    assert "without a second opinion" in code.source
    np.testing.assert_array_equal(code.blendshape_offset, picture_code(ADMIRAL).blendshape_offset)
    forget()

    def no_drawing(codes: Sequence[EmotionCode]) -> Iterator[tuple[FloatArray, Sequence[ByteArray]]]:
        raise AssertionError("the head was kept")

    assert picture_code(ADMIRAL, draw=no_drawing).source == code.source


def test_a_clip_that_understands_is_a_second_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    def pixels(self: clip.ClipTower, pictures: ByteArray) -> FloatArray:
        rows = pictures[:, 14::28, 14::28].mean(-1).reshape(len(pictures), -1) / np.float32(255)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def painted(codes: Sequence[EmotionCode]) -> Iterator[tuple[FloatArray, Sequence[ByteArray]]]:
        """Two people whose emotions are 8 x 8 grey squares."""
        landmarks = np.linspace((20, 20, 0), (203, 203, 0), 478)
        for person in (0, 1):
            faces = []
            for code in codes:
                face = np.zeros(64)
                face[:52] = code.blendshape_offset[0] * code.strength[0]
                grey = np.kron(face.reshape(8, 8), np.ones((28, 28))) * 90 + 110 + 20 * person
                faces.append(np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2))
            yield landmarks, faces

    monkeypatch.setattr(clip.ClipTower, "encode_pictures", pixels)
    code = picture_code(ASTRONAUT, draw=painted)
    assert "with CLIP" in code.source
    assert np.abs(code.blendshape_offset - picture_code(ASTRONAUT).blendshape_offset).max() > 1e-4


def test_the_square_around_a_face_may_reach_beyond_the_picture() -> None:
    image = np.full((100, 80, 3), 200, np.uint8)
    square = clip_pictures.face_square(image, np.linspace((0, 0, 0), (79, 99, 0), 478))
    assert square.shape == (224, 224, 3) and square[112, 112, 0] == 200 and square[0, 0, 0] == 0


def test_an_extra_that_cant_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "hub_reachable", lambda: False)
    with pytest.raises(AssetError, match=r"CLIP.*not reachable"):
        store.fetch_extra("clip")


def test_asking_for_an_extra_fills_the_hubs_own_cache(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "hub_reachable", lambda: True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda repository, name, tqdm_class: os.fspath(weights))
    assert store.fetch_extra("clip") == weights == store.extra("clip")

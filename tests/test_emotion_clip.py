"""CLIP through one closed-form map: a tiny random one, and stand-ins that understand."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from talker import loaded
from talker.emotion import clip
from talker.emotion.model import emotion_model
from talker.emotion.picture import picture_code
from talker.emotion.prompts import prompt_bank
from talker.emotion.resolve import EmotionRequest, resolve
from talker.emotion.sentences import sentence_tower
from talker.emotion.text import text_code
from talker.errors import AssetError
from talker.example_faces import ADMIRAL, ASTRONAUT
from talker.types import EMOTION_LABELS, ByteArray, FloatArray
from talker.weights import registry, sources, store

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
REVISION = "0" * 40


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tiny random CLIP in a Hub cache of its own; maps go to the test's folder, fetched weights stay in theirs."""
    sentence_tower()
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in registry.ASSETS:
        (cache / name).symlink_to(store.cache_folder() / name)
    monkeypatch.setenv("TALKER_CACHE", str(cache))
    (tmp_path / "tiny-clip.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "tiny-clip.json")
    monkeypatch.setattr(clip, "MODEL", "tiny-clip")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sources, "hub_reachable", lambda: pytest.fail("the network was asked"))
    wanted = registry.EXTRAS["clip"]
    folder = tmp_path / "hub" / f"models--{wanted.source.repository.replace('/', '--')}"
    path = folder / "snapshots" / REVISION / wanted.file
    path.parent.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(REVISION)
    torch.manual_seed(0)
    save_file(open_clip.create_model("tiny-clip").state_dict(), path)
    yield path
    loaded.release()


def knowing(self: clip.ClipTower, texts: Sequence[str]) -> FloatArray:
    """Stands in for `ClipTower.encode` and knows the emotion of every phrase in the bank, in whichever sentence."""
    places = {text: index for index, texts in enumerate(prompt_bank().emotions.values()) for text in texts}
    rows = np.full((len(texts), 80), 0.01, np.float32)
    for row, text in zip(rows, texts, strict=True):
        known = [phrase for phrase in places if phrase in text]
        row[places[max(known, key=len)] if known else -1] = 1.0
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def understanding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CLIP whose texts are understood, and whose pictures are those of sad people, beside the texts by a constant."""
    gap = np.linspace(-2.0, 2.0, 80, dtype=np.float32)

    def seeing(self: clip.ClipTower, pictures: ByteArray) -> FloatArray:
        mean = knowing(self, [text for texts in prompt_bank().emotions.values() for text in texts]).mean(0)
        if len(pictures) > 1:  # the example faces, whose mean stands for any face
            return np.repeat((mean + gap)[None], len(pictures), axis=0)
        return knowing(self, ["sad"]) + gap

    monkeypatch.setattr(clip.ClipTower, "encode", knowing)
    monkeypatch.setattr(clip.ClipTower, "encode_pictures", seeing)
    monkeypatch.setattr(clip.ClipTower, "width", 80)


def test_texts_of_any_length_are_read_as_if_alone(weights: Path) -> None:
    tower = clip.ClipTower.load(weights)
    texts = ["sad", "a person who is so happy that she laughs out loud", "", "cold fury"]
    together = tower.encode(texts)
    assert together.shape == (4, tower.width) and np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(tower.encode([text])[0], vector, atol=1e-5)
    network = open_clip.create_model("tiny-clip", pretrained=str(weights)).eval()
    with torch.inference_mode():
        whole = network.encode_text(open_clip.get_tokenizer("tiny-clip")(texts))
    np.testing.assert_allclose(together, torch.nn.functional.normalize(whole, dim=-1).numpy(), atol=1e-5)


def test_without_weights_nothing_changes_and_no_network_is_asked(weights: Path) -> None:
    weights.unlink()
    assert store.extra("clip") is None
    placer = clip.text_placer(emotion_model())
    assert placer.note == "" and isinstance(placer, clip.SentencePlacer)
    assert "CLIP" not in text_code("slightly nervous").source
    assert "opinion" not in picture_code(ASTRONAUT).source


def test_a_clip_that_understands_too_little_is_not_asked(weights: Path) -> None:
    code, seen = text_code("slightly nervous"), picture_code(ADMIRAL)
    assert "sentence encoder" in code.source and "understood" in code.source
    assert "without a second opinion" in seen.source
    (stored,) = (store.cache_folder() / "clip-map").iterdir()
    changed = stored.stat().st_mtime_ns
    loaded.release()  # as a new process would begin
    assert text_code("slightly nervous").source == code.source
    assert stored.stat().st_mtime_ns == changed  # the second process takes what the first one found
    weights.unlink()
    np.testing.assert_array_equal(text_code("slightly nervous").blendshape_offset, code.blendshape_offset)
    np.testing.assert_array_equal(picture_code(ADMIRAL).blendshape_offset, seen.blendshape_offset)


@pytest.mark.usefixtures("understanding")
def test_a_clip_that_understands_reads_texts() -> None:
    for _ in ("solved now", "from the cache"):
        loaded.release()
        code = resolve(EmotionRequest("text", prompt_bank().emotions["sad"][-1]))
        assert "read by CLIP" in code.source
        assert EMOTION_LABELS[int(code.probabilities[0].argmax())] == "sad"


@pytest.mark.usefixtures("understanding")
def test_pictures_are_read_by_the_same_map_across_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    tower = clip.ClipTower.load(store.extra("clip"))
    found = clip.clip_map(emotion_model().space, tower, prompt_bank())
    point = found.pictures(tower.encode_pictures(np.zeros((1, 224, 224, 3), np.uint8)))
    assert EMOTION_LABELS[int(emotion_model().space.read(point).probabilities[0].argmax())] == "sad"
    np.testing.assert_allclose(point, found.texts(tower.encode(["sad"])), atol=5e-3)
    code = picture_code(ASTRONAUT)
    assert "with CLIP" in code.source
    monkeypatch.setattr(clip, "PICTURE_SHARE", 0.0)
    sadder = (code.embedding - picture_code(ASTRONAUT).embedding) @ emotion_model().prototypes["sad"]
    assert sadder > 0.01  # a smiling astronaut, and a CLIP that sees tears


def test_weights_that_are_none_are_named(weights: Path) -> None:
    weights.write_bytes(b"no weights")
    loaded.release()
    assert weights.name in text_code("cold fury").source
    assert weights.name in picture_code(ADMIRAL).source


def test_the_example_faces_are_there() -> None:
    squares = clip.example_squares()
    assert len(squares) >= 30 and squares.shape[1:] == (clip.SQUARE, clip.SQUARE, 3)


def test_the_square_around_a_face_may_reach_beyond_the_picture() -> None:
    image = np.full((100, 80, 3), 200, np.uint8)
    square = clip.face_square(image, np.linspace((0, 0, 0), (79, 99, 0), 478))
    assert square.shape == (224, 224, 3) and square[112, 112, 0] == 200 and square[0, 0, 0] == 0


def test_an_extra_that_cant_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "hub_reachable", lambda: False)
    with pytest.raises(AssetError, match=r"CLIP.*not reachable"):
        store.fetch_extra("clip")


def test_asking_for_an_extra_fills_the_hubs_own_cache(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "hub_reachable", lambda: True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda repository, name, tqdm_class: os.fspath(weights))
    assert store.fetch_extra("clip") == weights == store.extra("clip")

"""CLIP where its weights are on this machine: one map leads from its space to the emotion sphere.

Texts and pictures share CLIP's space. The map is linear and solved in closed form from CLIP's vectors of the prompts
to the places of their emotions; phrases that were kept apart decide whether it may be used. CLIP's pictures lie
beside its texts by a constant (Liang et al., "Mind the Gap", 2022): once the difference of the two means is taken
away, the same map reads pictures (Radford et al., 2021; open_clip's build). It is solved when CLIP is first used, in
seconds, and stored. The weights are those of LAION's ViT-B/32 (`registry.EXTRAS`), fetched only when somebody asks for
them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from talker.cache import cache_path, load, save
from talker.emotion.model import EmotionModel
from talker.emotion.prompts import PromptBank, in_templates, prompt_bank
from talker.emotion.sentences import LanguageTower, sentence_tower
from talker.emotion.space import EmotionSpace
from talker.emotion.text_classifier import fit_gate
from talker.errors import AssetError
from talker.loaded import loaded_once
from talker.resources import resource
from talker.types import EMOTION_LABELS, ByteArray, FloatArray
from talker.weights import store

MODEL, EXTRA = "ViT-B-32", "clip"  # in open_clip's table and in `registry.EXTRAS`
CHECK_PER_LABEL = 5  # phrases of each label that the map is not fitted to
ENOUGH = 0.85  # of the 40 checked phrases
REGULARISATION = 0.5  # of the mean variance along a direction
BATCH_TEXTS, BATCH_PICTURES = 64, 16
PICTURE_SHARE = 0.25  # of a picture's place that CLIP decides; the rest is the geometry's own reading
SQUARE, MARGIN = 224, 1.3  # px; side of the square around the landmarks, and how much larger than these it is
MAP_VERSION = 1  # of the stored maps


class ClipTower:
    """CLIP: texts and pictures -> [N, width] unit vectors. `network` and `tokenizer` are open_clip's."""

    def __init__(self, network: Any, tokenizer: Callable[[list[str]], Tensor]) -> None:
        self.name = f"CLIP {MODEL}"
        self._network = network.float().eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self.digest = hashlib.sha256(network.positional_embedding.numpy().tobytes()).hexdigest()

    @classmethod
    def load(cls, weights: Path) -> ClipTower:
        """The model with the weights in a safetensors file. Raises AssetError when they are not this model's."""
        import open_clip  # slow to import, and only needed where CLIP's weights are

        try:
            network = open_clip.create_model(MODEL, pretrained=str(weights))
            return cls(network, open_clip.get_tokenizer(MODEL))
        except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
            raise AssetError(f"CLIP's weights in {weights} can't be used ({error}).") from error

    @property
    def width(self) -> int:
        """Numbers per text or picture."""
        return int(self._network.text_projection.shape[1])

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """[N, width] unit vectors; texts are cut after 77 tokens."""
        tokens = self._tokenizer(list(texts))  # [N, 77]
        lengths = tokens.argmax(-1) + 1  # a text's end is the highest token
        vectors = torch.empty(len(texts), self.width)
        for rows in lengths.argsort().split(BATCH_TEXTS):  # texts of one length need little padding
            vectors[rows] = self._read(tokens[rows, : int(lengths[rows].max())])
        return functional.normalize(vectors, dim=-1).numpy()

    @torch.inference_mode()
    def _read(self, tokens: Tensor) -> Tensor:
        """[B, L] -> [B, width]: open_clip's `encode_text` without the padding, which costs most of its time.

        A text is read at its end and looks only back, so what follows changes nothing.
        """
        network, length = self._network, tokens.shape[1]
        x = network.token_embedding(tokens) + network.positional_embedding[:length]  # [B, L, inner]
        x = network.transformer(x, attn_mask=network.attn_mask[:length, :length])
        x = network.ln_final(x)[torch.arange(len(tokens)), tokens.argmax(-1)]  # [B, inner]
        return torch.as_tensor(x @ network.text_projection)

    @torch.inference_mode()
    def encode_pictures(self, pictures: ByteArray) -> FloatArray:
        """[N, width] unit vectors of square pictures [N, S, S, 3] in RGB."""
        from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

        mean, deviation = (torch.tensor(one)[:, None, None] for one in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
        rows = []
        for batch in torch.from_numpy(pictures).permute(0, 3, 1, 2).split(BATCH_PICTURES):  # [B, 3, S, S]
            size = self._network.visual.image_size
            scaled = functional.interpolate(batch / 255.0, size, mode="bicubic", antialias=True).clamp(0.0, 1.0)
            rows.append(functional.normalize(self._network.encode_image((scaled - mean) / deviation), dim=-1))
        return torch.cat(rows).numpy()


class TextPlacer(Protocol):
    """What puts texts into an emotion space."""

    @property
    def space(self) -> EmotionSpace:
        """The space that the points lie in."""

    @property
    def note(self) -> str:
        """For people: which model reads; empty for the usual one."""

    def place(self, texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Points [N, width] of texts, and how likely each names an emotion [N]."""


@dataclass(frozen=True)
class SentencePlacer:
    """The sentence encoder and the text tower that the space was trained with."""

    space: EmotionSpace
    tower: LanguageTower
    note: str = ""

    def place(self, texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """See `TextPlacer`."""
        return self.space.place_text(in_templates(self.tower, texts))


@dataclass(frozen=True)
class ClipMap:
    """The linear map from CLIP's space to the emotion sphere: normalise((vector - mean) @ weight + bias).

    mean [C], weight [C, width], bias [width]. gate_weight [C], gate_bias []: log-odds that a text names an emotion.
    picture_mean [C]: CLIP's mean of pictures of faces, which lies where `mean` does for texts.
    score: share of the check phrases that were read right; 1 is perfect.
    """

    mean: FloatArray
    weight: FloatArray
    bias: FloatArray
    gate_weight: FloatArray
    gate_bias: FloatArray
    picture_mean: FloatArray
    score: float

    def texts(self, vectors: FloatArray) -> FloatArray:
        """Points [N, width] of texts [N, C]."""
        return self._points(vectors - self.mean)

    def pictures(self, vectors: FloatArray) -> FloatArray:
        """Points [N, width] of pictures of faces [N, C]."""
        return self._points(vectors - self.picture_mean)

    def _points(self, centred: FloatArray) -> FloatArray:
        points = centred @ self.weight + self.bias
        return np.asarray(points / np.linalg.norm(points, axis=-1, keepdims=True), np.float32)


@dataclass(frozen=True)
class ClipPlacer:
    """CLIP's text side with the map to the emotion sphere."""

    space: EmotionSpace
    tower: ClipTower
    map: ClipMap
    note: str = ""

    def place(self, texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """See `TextPlacer`."""
        vectors = in_templates(self.tower, texts)  # [templates, N, C]
        points = self.map.texts(vectors).mean(0)
        log_odds = vectors[0] @ self.map.gate_weight + self.map.gate_bias
        return points / np.linalg.norm(points, axis=1, keepdims=True), 1.0 / (1.0 + np.exp(-log_odds))


def text_placer(model: EmotionModel) -> TextPlacer:
    """CLIP where its weights are on this machine and it understands enough, else the sentence encoder."""
    weights = store.extra(EXTRA)
    if weights is None:
        return SentencePlacer(model.space, sentence_tower())
    placer, note = _clip_placer(model, weights)
    return placer or SentencePlacer(model.space, sentence_tower(), f"read by the sentence encoder: {note}")


def with_clip(
    model: EmotionModel, points: FloatArray, image: ByteArray, landmarks: FloatArray
) -> tuple[FloatArray, str]:
    """The geometry's points [1, width] of a face with CLIP's reading of its picture, and a note; alone without CLIP.

    image: [H, W, 3]. landmarks: [478, 3] px in it.
    """
    weights = store.extra(EXTRA)
    if weights is None:
        return points, ""
    placer, note = _clip_placer(model, weights)
    if placer is None:
        return points, f"without a second opinion: {note}"
    seen = placer.map.pictures(placer.tower.encode_pictures(face_square(image, landmarks)[None]))
    mixed = (1.0 - PICTURE_SHARE) * points + PICTURE_SHARE * seen
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True), f"with {placer.tower.name} as second opinion"


@loaded_once
def _clip_placer(model: EmotionModel, weights: Path) -> tuple[ClipPlacer | None, str]:
    """The placer, or None and the reason why CLIP is not used."""
    try:
        tower = ClipTower.load(weights)
    except AssetError as error:
        return None, str(error)
    fitted = clip_map(model.space, tower, prompt_bank())
    understood = f"{tower.name} understood {fitted.score:.0%} of the check phrases"
    if fitted.score < ENOUGH:
        return None, f"{understood}, {ENOUGH:.0%} are asked"
    return ClipPlacer(model.space, tower, fitted, f"read by {tower.name}"), understood


def clip_map(space: EmotionSpace, tower: ClipTower, bank: PromptBank) -> ClipMap:
    """The map for this space, this tower and these prompts: stored, or solved now and stored."""
    taught = json.dumps([tower.name, tower.digest, dict(bank.emotions), bank.no_emotion])
    digest = hashlib.sha256(taught.encode() + space.prototypes.tobytes()).hexdigest()[:16]
    path = cache_path(f"clip-map/{digest}", MAP_VERSION)
    if path.is_file():
        stored = load(path)
        score = float(stored.pop("score"))
        return ClipMap(**stored, score=score)
    solved = solve_map(space, tower, bank)
    with suppress(OSError):  # a cache that can't be written only costs time
        save(path, solved)
    return solved


def solve_map(space: EmotionSpace, tower: ClipTower, bank: PromptBank) -> ClipMap:
    """Ridge regression from CLIP's vectors of the prompts to the places of their emotions, in closed form."""
    kept, check = hold_out(bank)
    pairs = [(text, emotion) for emotion, texts in kept.emotions.items() for text in texts]
    vectors = tower.encode([text for text, _ in pairs])  # [N, C]
    places = space.prototypes[[space.names.index(emotion) for _, emotion in pairs]]  # [N, width]
    mean, bias = vectors.mean(0), places.mean(0)
    centred = (vectors - mean).astype(np.float64)
    moments = centred.T @ centred  # [C, C]
    moments += REGULARISATION * np.trace(moments) / len(moments) * np.eye(len(moments))
    weight = np.linalg.solve(moments, centred.T @ (places - bias)).astype(np.float32)
    gate = nn.Linear(tower.width, 1)
    fit_gate(gate, torch.from_numpy(vectors), torch.from_numpy(tower.encode(kept.no_emotion)))
    gate_weight, gate_bias = gate.weight[0].numpy(force=True), gate.bias[0].numpy(force=True)
    solved = ClipMap(mean, weight, bias, gate_weight, gate_bias, tower.encode_pictures(example_squares()).mean(0), 0.0)
    guesses = space.read(solved.texts(in_templates(tower, [text for text, _ in check])).mean(0)).probabilities.argmax(1)
    right = [EMOTION_LABELS[guess] == label for guess, (_, label) in zip(guesses, check, strict=True)]
    return dataclasses.replace(solved, score=float(np.mean(right)))


def hold_out(bank: PromptBank) -> tuple[PromptBank, list[tuple[str, str]]]:
    """(the bank without the check phrases, the check phrases with their labels)."""
    check = [(text, label) for label in EMOTION_LABELS for text in bank.emotions[label][-CHECK_PER_LABEL:]]
    taught = {
        emotion: texts[:-CHECK_PER_LABEL] if emotion in EMOTION_LABELS else texts
        for emotion, texts in bank.emotions.items()
    }
    return dataclasses.replace(bank, emotions=taught), check


def example_squares() -> ByteArray:
    """The small pictures of faces [N, 224, 224, 3] that ship in `assets/people`: their mean stands for any face."""
    paths = sorted(resource("assets", "people").rglob("*.webp"))
    if not paths:
        raise AssetError(f"{resource('assets', 'people', 'faces')} holds no pictures of faces, which CLIP needs.")
    pictures = (Image.open(path).convert("RGB").resize((SQUARE, SQUARE), Image.Resampling.BICUBIC) for path in paths)
    return np.stack([np.asarray(picture) for picture in pictures])


def face_square(image: ByteArray, landmarks: FloatArray) -> ByteArray:
    """[224, 224, 3] the face of [H, W, 3] with some of what is around it; what lies outside the picture is black."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    half, centre = MARGIN * float((high - low).max()) / 2, (low + high) / 2
    box = tuple(np.round([*(centre - half), *(centre + half)]).astype(int).tolist())
    return np.asarray(Image.fromarray(image).crop(box).resize((SQUARE, SQUARE), Image.Resampling.BICUBIC))

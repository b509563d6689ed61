"""CLIP as the language tower, where its weights are on this machine: heads are distilled from the space at first use.

The space's own text tower was trained on the sentence encoder. For CLIP (Radford et al., 2021, in open_clip's build) a
head of the same form is fitted, in seconds, to put prompts where the space has their emotions; phrases that were kept
apart then decide whether it may be used. Its weights are fetched when somebody asks for them (`store.fetch_extra`),
never while somebody waits for a face. `talker.emotion.clip_pictures` does the same for its picture side.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from talker.emotion.prompts import PromptBank, in_templates, prompt_bank
from talker.emotion.sentences import LanguageTower, sentence_tower
from talker.emotion.space import EmotionSpace, SpaceNetwork, emotion_space
from talker.emotion.text_classifier import fit_gate
from talker.errors import AssetError
from talker.media.files import replaced_when_done
from talker.types import EMOTION_LABELS, ByteArray, FloatArray
from talker.weights import store

MODEL, EXTRA = "ViT-B-32", "clip"  # in open_clip's table and in `store.EXTRAS`
CHECK_PER_LABEL = 5  # phrases of each label that the head is not fitted to
ENOUGH = 0.85  # of the 40 checked phrases
REGULARISATION = 0.5  # of the mean variance along a direction
BATCH_TEXTS, BATCH_PICTURES = 64, 16


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


@dataclass(frozen=True)
class Language:
    """What reads texts: a space, the tower that its text head is fitted to, and a note where CLIP is here."""

    space: EmotionSpace
    tower: LanguageTower
    note: str = ""


def language(permissive: bool = False) -> Language:
    """CLIP where its weights are on this machine and it understands enough, else the sentence encoder."""
    return _language(permissive, store.extra(EXTRA))


@lru_cache(maxsize=2)
def _language(permissive: bool, weights: Path | None) -> Language:
    space = emotion_space(permissive)
    if weights is None:
        return Language(space, sentence_tower())
    try:
        tower = clip_tower(weights)
    except AssetError as error:
        return Language(space, sentence_tower(), f"read by the sentence encoder: {error}")
    fitted, score = fitted_space(space, tower, prompt_bank())
    understood = f"{tower.name} understood {score:.0%} of the check phrases"
    if score < ENOUGH:
        return Language(space, sentence_tower(), f"read by the sentence encoder: {understood}, {ENOUGH:.0%} are asked")
    return Language(fitted, tower, f"read by {tower.name}")


@lru_cache(maxsize=1)
def clip_tower(weights: Path) -> ClipTower:
    """CLIP, loaded once. Raises AssetError when the file doesn't hold it."""
    return ClipTower.load(weights)


def fitted_space(space: EmotionSpace, tower: ClipTower, bank: PromptBank) -> tuple[EmotionSpace, float]:
    """The space with text heads for `tower`, and its score on the check phrases: from the cache or found now."""
    kept = heads_file("texts", space, tower, [dict(bank.emotions), bank.no_emotion])
    config = dataclasses.replace(space.config, text_width=tower.width, text_hidden=1)
    network = SpaceNetwork(config)
    own = {name: value for name, value in space.network.state_dict().items() if not _is_text(name)}
    if kept.is_file():
        heads = load_file(kept)
        score = float(heads.pop("score"))
        network.load_state_dict(own | heads)
        return EmotionSpace(network), score
    network.load_state_dict(own, strict=False)
    taught, check = hold_out(bank)
    _distil(network, tower, taught)
    fitted = EmotionSpace(network)
    score = understood(fitted, tower, check)
    heads = {name: value for name, value in network.state_dict().items() if _is_text(name)}
    keep_heads(heads | {"score": torch.tensor(score)}, kept)
    return fitted, score


def heads_file(kind: str, space: EmotionSpace, tower: ClipTower, taught: object) -> Path:
    """Where heads are kept; the name changes with the space, the tower and what they are taught."""
    digest = hashlib.sha256(json.dumps([tower.name, tower.digest, taught]).encode() + space.prototypes.tobytes())
    return store.cache_folder() / "emotion-heads" / f"{kind}-{digest.hexdigest()[:16]}.safetensors"


def keep_heads(heads: dict[str, Tensor], path: Path) -> None:
    """Write heads so that nobody ever reads half of them."""
    with replaced_when_done(path) as scratch:
        save_file(heads, scratch)


def hold_out(bank: PromptBank) -> tuple[PromptBank, list[tuple[str, str]]]:
    """(the bank without the check phrases, the check phrases with their labels)."""
    check = [(text, label) for label in EMOTION_LABELS for text in bank.emotions[label][-CHECK_PER_LABEL:]]
    taught = {
        emotion: texts[:-CHECK_PER_LABEL] if emotion in EMOTION_LABELS else texts
        for emotion, texts in bank.emotions.items()
    }
    return dataclasses.replace(bank, emotions=taught), check


def understood(space: EmotionSpace, tower: LanguageTower, check: Sequence[tuple[str, str]]) -> float:
    """Share of check phrases that read as their label; 1 is perfect."""
    points, _ = space.place_text(in_templates(tower, [text for text, _ in check]))
    guesses = space.read(points).probabilities.argmax(1)
    return float(np.mean([EMOTION_LABELS[guess] == label for guess, (_, label) in zip(guesses, check, strict=True)]))


def ridge(seen: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The linear way from what a tower sees [N, view] to points [N, width], as mean [view], weight, bias [width].

    Ridge regression: it read more phrases that were kept out than the same way fitted by cross-entropy.
    """
    mean, bias = seen.mean(0), targets.mean(0)
    centred = (seen - mean).astype(np.float64)
    moments = centred.T @ centred  # [view, view]
    moments += REGULARISATION * np.trace(moments) / len(moments) * np.eye(len(moments))
    weight = np.linalg.solve(moments, centred.T @ (targets - bias))
    return mean.astype(np.float32), weight.astype(np.float32), bias.astype(np.float32)


def _distil(network: SpaceNetwork, tower: LanguageTower, bank: PromptBank) -> None:
    """Fit the text tower's linear path and the gate; keys and everything else stay as they are."""
    pairs = [(text, emotion) for emotion, texts in bank.emotions.items() for text in texts]
    sentences = tower.encode([text for text, _ in pairs])  # [N, width]
    prototypes = functional.normalize(network.prototypes, dim=-1).numpy(force=True)
    targets = prototypes[[network.config.emotions.index(emotion) for _, emotion in pairs]]
    mean, weight, bias = (torch.from_numpy(part) for part in ridge(sentences, targets))
    with torch.no_grad():
        network.text.mean.copy_(mean)
        network.text.deviation.fill_(float(sentences.std()))
        network.text.linear.weight.copy_(weight.T * network.text.deviation)
        network.text.linear.bias.copy_(bias)
        network.text.output.zero_()  # the hidden layer has no part
    fit_gate(network.names_emotion, torch.from_numpy(sentences), torch.from_numpy(tower.encode(bank.no_emotion)))


def _is_text(name: str) -> bool:
    return name.startswith(("text.", "names_feeling."))

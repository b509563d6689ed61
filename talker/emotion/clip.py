"""CLIP as the language tower, where its weights can be had: heads are distilled from the space at first use.

The space's own text tower was trained on the sentence encoder. For another language tower a head of the same form is
fitted, in seconds, to put the prompt bank where the space has its feelings; phrases that were kept apart then decide
whether it may be used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from talker import hub
from talker.emotion.gate import fit_gate
from talker.emotion.prompts import PromptBank, in_templates, prompt_bank
from talker.emotion.sentences import LanguageTower, sentence_tower
from talker.emotion.space import EmotionSpace, SpaceNetwork, emotion_space
from talker.emotion.text import TextReader
from talker.errors import AssetError
from talker.sources import hub_reachable
from talker.types import EMOTION_LABELS, FloatArray

MODEL, WEIGHTS = "ViT-B-32", "laion2b_s34b_b79k"
CHECK_PER_LABEL = 5  # phrases of each label that the head is not fitted to
ENOUGH = 0.85  # of the 40 checked phrases
STEPS, BATCH, LEARNING_RATE = 600, 192, 2e-3
NOISE, DROPOUT = 0.5, 0.45
BATCH_TEXTS = 64


class ClipTower:
    """CLIP's text side: texts -> [N, width] unit vectors. `network` and `tokenizer` are open_clip's."""

    def __init__(self, network: Any, tokenizer: Callable[[list[str]], Tensor], name: str = f"CLIP {MODEL}") -> None:
        self.name = name
        self._network = network.eval().requires_grad_(False)
        self._tokenizer = tokenizer

    @classmethod
    def load(cls) -> ClipTower:
        """The published weights. Raises AssetError when they can't be had."""
        import open_clip  # slow to import, and only needed where CLIP's weights are

        if not hub_reachable():
            raise AssetError("CLIP's weights can't be had: the Hugging Face Hub can't be reached.")
        try:
            network, _, _ = open_clip.create_model_and_transforms(MODEL, pretrained=WEIGHTS)
            return cls(network, open_clip.get_tokenizer(MODEL))
        except (OSError, RuntimeError, ValueError) as error:
            raise AssetError(f"CLIP's weights ({MODEL}, {WEIGHTS}) can't be had ({error}).") from error

    @property
    def width(self) -> int:
        """Numbers per text."""
        return self.encode(["a"]).shape[1]

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """[N, width] unit vectors."""
        rows = []
        for start in range(0, len(texts), BATCH_TEXTS):
            with torch.inference_mode():
                encoded = self._network.encode_text(self._tokenizer(list(texts[start : start + BATCH_TEXTS])))
            rows.append(functional.normalize(encoded.float(), dim=-1).numpy())
        return np.concatenate(rows)


def text_reader(tower: LanguageTower | None = None, *, permissive: bool = False) -> tuple[TextReader, str]:
    """The best reader of texts that can be had, and a note that says which it is.

    tower: a language tower to try first; by default CLIP when the Hub can be reached.
    """
    space = emotion_space(permissive)
    try:
        tower = tower or ClipTower.load()
    except AssetError as error:
        return TextReader(space, sentence_tower()), f"Texts are read with the sentence encoder: {error}"
    fitted, score = fitted_space(space, tower, prompt_bank())
    if score < ENOUGH:
        note = (
            f"Texts are read with the sentence encoder: {tower.name} understood only {score:.0%} of the check phrases."
        )
        return TextReader(space, sentence_tower()), note
    return TextReader(fitted, tower), f"Texts are read with {tower.name} ({score:.0%} of the check phrases understood)."


def fitted_space(space: EmotionSpace, tower: LanguageTower, bank: PromptBank) -> tuple[EmotionSpace, float]:
    """The space with heads for `tower`, from the cache or fitted now, and its score on the check phrases."""
    kept = hub.cache_folder() / "emotion-heads" / f"{_key(space, tower, bank)}.safetensors"
    config = dataclasses.replace(space.config, text_width=tower.width)
    network = SpaceNetwork(config, dropout=DROPOUT)
    own = {name: value for name, value in space.network.state_dict().items() if not _is_text(name)}
    taught, check = hold_out(bank)
    if kept.is_file():
        network.load_state_dict(own | load_file(kept))
    else:
        network.load_state_dict(own, strict=False)
        _distil(network, tower, taught)
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value for name, value in network.state_dict().items() if _is_text(name)}, kept)
    fitted = EmotionSpace(network)
    return fitted, understood(fitted, tower, check)


def hold_out(bank: PromptBank) -> tuple[PromptBank, list[tuple[str, str]]]:
    """(the bank without the check phrases, the check phrases with their labels)."""
    check = [(text, label) for label in EMOTION_LABELS for text in bank.feelings[label][-CHECK_PER_LABEL:]]
    taught = {
        feeling: texts[:-CHECK_PER_LABEL] if feeling in EMOTION_LABELS else texts
        for feeling, texts in bank.feelings.items()
    }
    return dataclasses.replace(bank, feelings=taught), check


def understood(space: EmotionSpace, tower: LanguageTower, check: Sequence[tuple[str, str]]) -> float:
    """Share of check phrases that read as their label; 1 is perfect."""
    points, _ = space.place_text(in_templates(tower, [text for text, _ in check]))
    guesses = space.read(points).probabilities.argmax(1)
    return float(np.mean([EMOTION_LABELS[guess] == label for guess, (_, label) in zip(guesses, check, strict=True)]))


def _distil(network: SpaceNetwork, tower: LanguageTower, bank: PromptBank) -> None:
    """Fit the text tower and the gate; keys and everything else stay as they are."""
    torch.manual_seed(0)
    texts, names, weights = bank.examples()
    sentences = torch.from_numpy(in_templates(tower, texts))  # [templates, N, width]
    other = torch.from_numpy(tower.encode(bank.no_feeling))
    target = torch.tensor([network.config.feelings.index(name) for name in names])
    network.text.mean.copy_(sentences[0].mean(0))
    network.text.deviation.fill_(float(sentences[0].std()))
    fit_gate(network.names_feeling, sentences[0], other)
    optimiser = torch.optim.AdamW(network.text.parameters(), LEARNING_RATE, weight_decay=0.05)
    network.train()
    for _ in range(STEPS):
        rows = torch.multinomial(torch.tensor(weights), BATCH, replacement=True)
        seen = sentences[torch.randint(len(sentences), (BATCH,)), rows]
        points = network.text(seen + NOISE * network.text.deviation * torch.randn_like(seen))
        loss = functional.nll_loss(network.read(points), target[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()


def _is_text(name: str) -> bool:
    return name.startswith(("text.", "names_feeling."))


def _key(space: EmotionSpace, tower: LanguageTower, bank: PromptBank) -> str:
    """Changes with the space, the tower and the prompts."""
    told = json.dumps([tower.name, dict(bank.feelings), dict(bank.words), bank.no_feeling]).encode()
    return hashlib.sha256(told + space.keys.tobytes()).hexdigest()[:16]

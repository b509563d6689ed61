"""The frozen language towers: a line of text -> a unit vector that knows what words mean.

Offline this is all-MiniLM-L6-v2 (Reimers & Gurevych, "Sentence-BERT", 2019), mean-pooled; CLIP's text tower has the
same interface (`talker.emotion.clip`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from talker.loaded import loaded_once
from talker.types import FloatArray
from talker.weights import store

MAX_TOKENS = 64
BATCH = 64


class LanguageTower(Protocol):
    """What the emotion space needs of a language model."""

    @property
    def name(self) -> str:
        """For the notes: which model it is."""

    @property
    def width(self) -> int:
        """Numbers per text."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """[N, width] unit vectors."""


class SentenceTower:
    """Texts -> [N, 384] unit vectors."""

    name = "sentence encoder"

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer  # takes seconds, which who reads pictures should not wait for
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]  # errors alone belong on stderr
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._network = AutoModel.from_pretrained(folder, local_files_only=True).eval().requires_grad_(False)

    @property
    def width(self) -> int:
        """Numbers per text."""
        return int(self._network.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """[N, 384] unit vectors; long texts are cut after 64 tokens."""
        pieces = []
        order = np.argsort([len(text) for text in texts], kind="stable")  # texts of one length need little padding
        for start in range(0, len(texts), BATCH):
            batch = [texts[index] for index in order[start : start + BATCH]]
            tokens = self._tokenizer(batch, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
            with torch.inference_mode():
                states = self._network(**tokens).last_hidden_state  # [B, tokens, 384]
            mask = tokens["attention_mask"][..., None].to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1)  # [B, 384]
            pieces.append(torch.nn.functional.normalize(mean, dim=-1).numpy())
        return np.concatenate(pieces)[np.argsort(order)] if pieces else np.zeros((0, self.width), np.float32)


@loaded_once
def sentence_tower() -> SentenceTower:
    """The offline tower, loaded once. Raises AssetError when its weights can't be had."""
    return SentenceTower(store.fetch("sentence_encoder"))

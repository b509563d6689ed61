"""Words for the catalogue's feelings: what the text towers are fitted to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from talker.emotion.catalogue import FEELINGS
from talker.emotion.sentences import LanguageTower
from talker.types import FloatArray

PROMPTS = Path(__file__).with_name("prompts.json")
# A phrase is also seen inside such sentences, because people write both.
TEMPLATES = ("{}", "feeling {}", "she looks {}", "I feel {}", "a person who is {}", "the emotion: {}")
WORD_SHARE = 0.5  # dictionary words count half: many are rare


@dataclass(frozen=True)
class PromptBank:
    """feelings: catalogue name -> phrases. words: the same from WordNet (`talker.training.emotion_words`).

    no_feeling: texts that speak of something else.
    """

    feelings: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]
    no_feeling: tuple[str, ...]

    def examples(self) -> tuple[list[str], list[str], list[float]]:
        """(texts, feeling of each, weight of each) without templates."""
        rows = [
            (text, feeling, weight)
            for source, weight in ((self.feelings, 1.0), (self.words, WORD_SHARE))
            for feeling, texts in source.items()
            for text in texts
        ]
        return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def in_templates(tower: LanguageTower, texts: Sequence[str]) -> FloatArray:
    """[templates, N, width] the texts as the tower hears them in every template."""
    return np.stack([tower.encode([template.format(text) for text in texts]) for template in TEMPLATES])


@lru_cache(maxsize=1)
def prompt_bank() -> PromptBank:
    """The bank that comes with the package."""
    values = json.loads(PROMPTS.read_text())
    feelings, words = (
        {feeling: tuple(texts) for feeling, texts in values[kind].items()} for kind in ("feelings", "words")
    )
    return PromptBank(feelings, words, tuple(values["no_feeling"]))


@lru_cache(maxsize=1)
def feeling_words() -> frozenset[str]:
    """Single words that name a feeling: of the bank, and the catalogue's names."""
    bank = prompt_bank()
    texts = [text for source in (bank.feelings, bank.words) for texts in source.values() for text in texts]
    names = [name for feeling in FEELINGS for name in (feeling.name, *feeling.aliases)]
    return frozenset(text.lower() for text in (*texts, *names) if " " not in text)

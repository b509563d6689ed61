"""Words for the catalogue's emotions: what the text towers are fitted to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from talker.emotion.catalogue import EMOTIONS
from talker.emotion.sentences import LanguageTower
from talker.types import FloatArray

PROMPTS = Path(__file__).with_name("prompts.json")
# A phrase is also seen inside such sentences, because people write both.
TEMPLATES = ("{}", "feeling {}", "she looks {}", "I feel {}", "a person who is {}", "the emotion: {}")
WORD_SHARE = 0.5  # dictionary words count half: many are rare


@dataclass(frozen=True)
class PromptBank:
    """emotions: catalogue name -> phrases. words: the same from WordNet (`talker.training.emotion_words`).

    no_feeling: texts that speak of something else.
    """

    emotions: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]
    no_emotion: tuple[str, ...]

    def examples(self) -> tuple[list[str], list[str], list[float]]:
        """(texts, feeling of each, weight of each) without templates."""
        rows = [
            (text, emotion, weight)
            for source, weight in ((self.emotions, 1.0), (self.words, WORD_SHARE))
            for emotion, texts in source.items()
            for text in texts
        ]
        return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def in_templates(tower: LanguageTower, texts: Sequence[str], templates: Sequence[str] = TEMPLATES) -> FloatArray:
    """[templates, N, width] the texts as the tower hears them in every template."""
    return np.stack([tower.encode([template.format(text) for text in texts]) for template in templates])


@lru_cache(maxsize=1)
def prompt_bank() -> PromptBank:
    """The bank that comes with the package."""
    values = json.loads(PROMPTS.read_text())
    emotions, words = (
        {emotion: tuple(texts) for emotion, texts in values[kind].items()} for kind in ("emotions", "words")
    )
    return PromptBank(emotions, words, tuple(values["no_emotion"]))


def emotion_words() -> frozenset[str]:
    """Single words that name an emotion: of the bank, and the catalogue's names."""
    names = [name for emotion in EMOTIONS.values() for name in (emotion.name, *emotion.aliases)]
    return _bank_words().union(name.lower() for name in names if " " not in name)


@lru_cache(maxsize=1)
def _bank_words() -> frozenset[str]:
    bank = prompt_bank()
    texts = [text for source in (bank.emotions, bank.words) for texts in source.values() for text in texts]
    return frozenset(text.lower() for text in texts if " " not in text)

"""Text for the offline voice to read aloud as teaching material: every phone in many neighbourhoods."""

from __future__ import annotations

import os
import random

import pocketsphinx

CARRIERS = (
    "Maybe {0} and {1} will move the {2} before {3} comes.",
    "Why would {0} leave the {1} so far from {2}?",
    "Please put five {0} beside the broken {1}, then {2} it.",
    "I never thought that {0} could be {1} or even {2}.",
    "She asked whether {0} was the {1} of the {2} village.",
    "My brother bought {0}, but {1} is what we {2} most.",
)


def teaching_sentences(count: int, seed: int) -> list[str]:
    """`count` sentences: words drawn from the aligner's dictionary, half of them in ordinary carrier phrases."""
    rng = random.Random(seed)
    path = os.path.join(pocketsphinx.get_model_path(), "en-us", "cmudict-en-us.dict")
    with open(path, encoding="utf-8") as file:
        entries = [line.split() for line in file]
    words = [entry[0] for entry in entries if entry[0].isalpha() and 3 <= len(entry) <= 8]
    sentences = []
    for index in range(count):
        drawn = rng.sample(words, 8)
        sentences.append(rng.choice(CARRIERS).format(*drawn) if index % 2 else " ".join(drawn) + ".")
    return sentences

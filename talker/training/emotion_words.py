"""More words for the catalogue's emotions, read from WordNet's own files (Miller, "WordNet", 1995; permissive licence).

From a seed sense of each emotion all kinds of it (hyponyms), neighbours of adjectives (satellites) and words derived
from these are collected, each with its definition. Words of the held-out test are left out by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from talker.errors import DataError

PARTS = {"n": "noun", "v": "verb", "a": "adj"}
KINDS, SATELLITES, DERIVED = "~", "&", "+"
# emotion -> seed senses: part of speech, word, number of the sense
SEEDS: Mapping[str, tuple[tuple[str, str, int], ...]] = {
    "neutral": (("a", "impassive", 1), ("a", "unemotional", 1), ("a", "indifferent", 1), ("n", "apathy", 1)),
    "happy": (("n", "joy", 1), ("n", "happiness", 2), ("a", "happy", 1), ("a", "joyful", 1), ("a", "glad", 1),
              ("a", "cheerful", 1), ("a", "elated", 1), ("v", "rejoice", 1), ("v", "smile", 1),
              ("n", "cheerfulness", 2)),
    "sad": (("n", "sadness", 1), ("n", "sorrow", 1), ("a", "sad", 1), ("a", "sorrowful", 1), ("a", "unhappy", 1),
            ("a", "dejected", 1), ("a", "tearful", 1), ("v", "grieve", 1), ("v", "cry", 2),
            ("n", "depression", 4)),
    "angry": (("n", "anger", 1), ("a", "angry", 1), ("a", "hostile", 1), ("v", "anger", 1), ("n", "hostility", 3),
              ("a", "ill-natured", 1)),
    "surprised": (("n", "astonishment", 1), ("a", "surprised", 1), ("v", "surprise", 1), ("v", "amaze", 1),
                  ("a", "surprising", 1)),
    "fear": (("n", "fear", 1), ("a", "afraid", 1), ("a", "fearful", 3), ("v", "fear", 1), ("v", "frighten", 1)),
    "disgusted": (("n", "disgust", 1), ("v", "disgust", 1), ("v", "disgust", 2), ("a", "disgusting", 1)),
    "contempt": (("n", "contempt", 1), ("v", "contemn", 1), ("v", "despise", 1),
                 ("a", "contemptuous", 1), ("a", "proud", 1), ("v", "mock", 1), ("n", "derision", 1)),
    "envy": (("n", "envy", 1), ("a", "jealous", 1)),
    "desire": (("n", "sexual_desire", 1),),
    "tender": (("n", "love", 1), ("a", "loving", 1)),
    "proud": (("n", "pride", 1),),
    "calm": (("n", "calmness", 1), ("a", "calm", 1), ("n", "peace", 3)),
    "content": (("n", "contentment", 1), ("a", "contented", 1)),
    "amused": (("n", "amusement", 1), ("v", "laugh", 1)),
    "excited": (("n", "excitement", 1), ("a", "excited", 1), ("a", "enthusiastic", 1)),
    "grateful": (("n", "gratitude", 1), ("a", "grateful", 1)),
    "hopeful": (("n", "hope", 2), ("a", "hopeful", 1)),
    "playful": (("a", "playful", 1),),
    "confident": (("a", "confident", 1), ("a", "brave", 1)),
    "determined": (("a", "resolute", 1),),
    "curious": (("n", "curiosity", 1), ("a", "curious", 2)),
    "confused": (("a", "perplexed", 1), ("v", "confuse", 2)),
    "suspicious": (("a", "distrustful", 1),),
    "bored": (("n", "boredom", 1), ("a", "bored", 2)),
    "tired": (("a", "tired", 1), ("n", "fatigue", 1)),
    "melancholy": (("n", "melancholy", 1),),
    "ashamed": (("n", "shame", 1), ("a", "ashamed", 1)),
    "embarrassed": (("n", "embarrassment", 1), ("a", "embarrassed", 1)),
    "shy": (("n", "timidity", 1), ("a", "shy", 1)),
    "nervous": (("n", "anxiety", 2), ("a", "anxious", 2), ("a", "tense", 1)),
    "panicked": (("n", "panic", 1),),
    "annoyed": (("n", "annoyance", 1), ("v", "annoy", 1), ("a", "displeased", 1)),
    "furious": (("n", "fury", 1), ("n", "rage", 1)),
    "empathy": (("n", "compassion", 1), ("a", "sympathetic", 2)),
}  # fmt: skip


@dataclass(frozen=True)
class Sense:
    """One meaning: its words, definition and example sentences, and pointers (relation, part of speech, place)."""

    words: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]
    pointers: tuple[tuple[str, str, int], ...]


class WordNet:
    """WordNet's database files, read by place."""

    def __init__(self, folder: Path) -> None:
        try:
            self._data = {part: (folder / f"data.{name}").read_bytes() for part, name in PARTS.items()}
            self._index = {part: dict(_index_lines(folder / f"index.{name}")) for part, name in PARTS.items()}
        except OSError as error:
            raise DataError(f"{folder} doesn't hold WordNet's data and index files ({error}).") from error

    def find(self, part: str, word: str, number: int) -> int:
        """Place of a word's sense. Raises KeyError when there is none."""
        return self._index[part][word][number - 1]

    def read(self, part: str, place: int) -> Sense:
        """The sense at a place of the file (format: wndb(5))."""
        data = self._data[part]
        line = data[place : data.index(b"\n", place)].decode("latin-1")
        facts, _, gloss = line.partition(" | ")
        fields = facts.split(" ")
        count = int(fields[3], 16)
        words = tuple(fields[4 + 2 * i].replace("_", " ").split("(")[0] for i in range(count))
        rest = fields[4 + 2 * count :]
        pointers = tuple(
            (rest[1 + 4 * i], "a" if rest[3 + 4 * i] == "s" else rest[3 + 4 * i], int(rest[2 + 4 * i]))
            for i in range(int(rest[0]))
        )
        definition = gloss.split('; "')[0].split(";")[0].strip()
        return Sense(words, definition, tuple(re.findall(r'"([^"]{4,80})"', gloss)), pointers)

    def around(self, part: str, place: int) -> Iterator[Sense]:
        """The sense, all kinds of it or its satellites, and what is derived from these."""
        seen, waiting = set(), [(part, place)]
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            sense = self.read(*here)
            yield sense
            for relation, kind, target in sense.pointers:
                if kind in PARTS and relation in (KINDS, SATELLITES):
                    waiting.append((kind, target))
                elif relation == DERIVED and kind == "a" and (kind, target) not in seen:
                    seen.add((kind, target))
                    yield self.read(kind, target)


def related_words(folder: Path) -> dict[str, tuple[list[str], list[str]]]:
    """emotion -> (words, definitions and examples) around its seeds; a shared word goes to the more special emotion."""
    database = WordNet(folder)
    owner: dict[str, tuple[int, str]] = {}
    definitions: dict[str, list[str]] = {emotion: [] for emotion in SEEDS}
    for emotion, seeds in SEEDS.items():
        for part, word, number in seeds:
            senses = list(database.around(part, database.find(part, word, number)))
            for sense in senses:
                definitions[emotion] += [sense.definition, *sense.examples]
                for name in sense.words:
                    owner[name.lower()] = min(owner.get(name.lower(), (len(senses), emotion)), (len(senses), emotion))
    words: dict[str, list[str]] = {emotion: [] for emotion in SEEDS}
    for name, (_, emotion) in sorted(owner.items()):
        words[emotion].append(name)
    return {emotion: (words[emotion], list(dict.fromkeys(definitions[emotion]))) for emotion in SEEDS}


def _index_lines(path: Path) -> Iterator[tuple[str, list[int]]]:
    for line in path.read_text(encoding="latin-1").splitlines():
        if not line.startswith(" "):
            fields = line.split()
            yield fields[0], [int(place) for place in fields[-int(fields[2]) :]]

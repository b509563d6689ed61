"""From text to the phoneme letters that voices are given, one module for each language or family of languages."""

from __future__ import annotations

import functools
from typing import Protocol

from talker.speech.readers.words import Word
from talker.speech.voices import Language


class Reader(Protocol):
    """Reads one language."""

    def speakable(self, letter: str) -> bool:
        """Whether this letter of some alphabet can be read."""

    def known_word(self, word: str) -> bool:
        """Whether a word in lower case is surely one of the language."""

    def sentences(self, text: str) -> list[list[Word]]:
        """The sentences of a cleaned text, each as words with their phoneme letters; silent sentences are left out."""


@functools.cache
def reader_of(language: Language) -> Reader:
    """The reader of a language. Raises AssetError when a package that it needs is not installed."""
    if language.code == "en":
        from talker.speech.readers.english import EnglishReader

        return EnglishReader(british=language.region == "gb")
    if language.code == "ja":
        from talker.speech.readers.japanese import JapaneseReader

        return JapaneseReader()
    if language.code == "zh":
        from talker.speech.readers.mandarin import MandarinReader

        return MandarinReader()
    if language.code == "fr":
        from talker.speech.readers.french import FrenchReader

        return FrenchReader()
    from talker.speech.readers.spelling import SpellingReader

    return SpellingReader(language.code)

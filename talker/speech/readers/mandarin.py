"""Mandarin Chinese: misaki's reader, with which Kokoro's voices were taught."""

from __future__ import annotations

import re
import unicodedata

from talker.speech.readers.words import Word, missing_package, split_sentences

WORD = re.compile(r"[^\s]+")
MARK_BEFORE_SPACE = re.compile(r"\s+(?=[,.;:!?…])")


class MandarinReader:
    """Reads Chinese characters, simplified or traditional; numbers are read in Chinese."""

    def __init__(self) -> None:
        try:
            import jieba
            from misaki.zh import ZHG2P
        except ImportError as error:
            raise missing_package("Mandarin") from error
        jieba.setLogLevel("ERROR")
        self._reader = ZHG2P()

    def speakable(self, letter: str) -> bool:
        """Chinese characters; Latin letters are left out, as the reader has no sound for them."""
        return "CJK" in unicodedata.name(letter, "")

    def known_word(self, word: str) -> bool:
        """Drawn-out words are no matter in Chinese."""
        return False

    def sentences(self, text: str) -> list[list[Word]]:
        """The sentences of a text, as words of one or more characters."""
        found = []
        for sentence in split_sentences(text):
            letters = MARK_BEFORE_SPACE.sub("", self._reader(sentence)[0])
            words = [Word(part, part) for part in WORD.findall(letters)]
            if any(letter.isalpha() for word in words for letter in word.letters):
                found.append(words)
        return found

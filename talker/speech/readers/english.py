"""English, read by hibari: numbers, dates, money, abbreviations and words that no dictionary knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hibari import Hibari

from talker.loaded import loaded_once
from talker.speech.pronunciation import phone_spans
from talker.speech.readers.words import Word
from talker.speech.text_cleaning import is_latin

if TYPE_CHECKING:
    from hibari.g2p import G2P
    from hibari.g2p.token import Tok


@loaded_once
def grapheme_reader(*, british: bool = False) -> G2P:
    """hibari's reader of words, loaded once."""
    from hibari.g2p import G2P

    return G2P(british=british)


class EnglishReader:
    """Reads English with American or British sounds."""

    def __init__(self, *, british: bool = False) -> None:
        self._british = british

    def speakable(self, letter: str) -> bool:
        """Latin letters, whatever accents they bear."""
        return is_latin(letter)

    def known_word(self, word: str) -> bool:
        """Whether the reader's dictionary has the word."""
        return grapheme_reader(british=self._british).lexicon.golds.get(word) is not None

    def sentences(self, text: str) -> list[list[Word]]:
        """The words of each sentence; sentences without any sound are left out."""
        from hibari.g2p.normalize import normalize

        reader = grapheme_reader(british=self._british)
        found = []
        for sentence in Hibari.split_sentences(text):
            words = _group(reader.phonemize_tokens(reader.tokenize(normalize(sentence))))
            if any(phone != "SIL" for word in words for phone, _ in phone_spans(word.letters)):
                found.append(words)
        return found


def _group(tokens: list[Tok]) -> list[Word]:
    """hibari's tokens as words: what has no space between belongs together."""
    words: list[Word] = []
    text, letters = "", ""
    for token in tokens:
        text, letters = text + token.text, letters + (token.phonemes or "")
        if token.whitespace:
            words.append(Word(text, letters.strip()))
            text, letters = "", ""
    return [word for word in [*words, Word(text, letters.strip())] if word.letters]

"""French: g2p2's pronunciations of words (from Wiktionary), with elision, liaison and stress on the last syllable."""

from __future__ import annotations

import functools
import itertools
import lzma
import re
import unicodedata
from importlib import resources
from typing import Any

from talker.speech.readers.numbers import spell_numbers
from talker.speech.readers.spelling import read_words
from talker.speech.readers.words import Word, missing_package
from talker.speech.text_cleaning import is_latin

ELIDED = {"c": "s", "j": "ʒ", "l": "l", "d": "d", "n": "n", "m": "m", "t": "t", "s": "s", "qu": "k", "jusqu": "ʒysk",
          "lorsqu": "lɔʁsk", "puisqu": "pɥisk"}  # fmt: skip
VOWELS = "aeiouyøœəɛɔɑ"
LIAISONS = {
    "z": "les des ces mes tes ses nos vos leurs ils elles nous vous aux deux trois six dix très plus sans dans chez",
    "n": "un mon ton son on en bien rien aucun", "t": "est sont ont font petit grand quand tout cent",
}  # fmt: skip
LINKS = {word: sound for sound, words in LIAISONS.items() for word in words.split()}
BREATHED = re.compile(
    r"(?:h(?:aut|éros|ont|uit|asard|amac|ibou|ors|aine|ache|alte|all|and|aric|ât|eur[tl]|ollan|ongr)|onz|oui)"
)


class FrenchReader:
    """Reads French."""

    def __init__(self) -> None:
        try:
            import g2p2

            packed = (resources.files("g2p2_group_romance") / "fr.g2p.xz").read_bytes()
        except (ImportError, FileNotFoundError) as error:
            raise missing_package("French") from error
        self._model: Any = g2p2.Model.from_bytes(lzma.decompress(packed))
        self._letters = functools.lru_cache(4096)(self._word_letters)

    def speakable(self, letter: str) -> bool:
        """Latin letters."""
        return is_latin(letter)

    def known_word(self, word: str) -> bool:
        """The pronunciations answer for any word, so none is known for sure."""
        return False

    def sentences(self, text: str) -> list[list[Word]]:
        """The sentences of a text with numbers spelled out and words linked."""
        return [self._linked(words) for words in read_words(spell_numbers(text, "fr"), self._letters)]

    def _linked(self, words: list[Word]) -> list[Word]:
        """Words with the consonant that is spoken only before a vowel."""
        linked = list(words)
        for index, (word, following) in enumerate(itertools.pairwise(words)):
            sound = LINKS.get(word.text.lower())
            starts = following.letters.lstrip("ˈ")[:1]
            if sound and starts and starts in VOWELS and not BREATHED.match(following.text.lower()):
                linked[index] = Word(word.text, word.letters + sound)
        return linked

    def _word_letters(self, word: str) -> str:
        small = word.lower().replace("’", "'").strip("'")
        before, apostrophe, after = small.partition("'")
        if apostrophe and before in ELIDED:
            return ELIDED[before] + self._word_letters(after)
        letters = unicodedata.normalize("NFD", self._model.phonemize(small)).replace("t͡ʃ", "ʧ").replace("d͡ʒ", "ʤ")
        last = max((index for index, letter in enumerate(letters) if letter in VOWELS and letter != "ə"), default=None)
        return letters if last is None or len(small) < 4 else f"{letters[:last]}ˈ{letters[last:]}"

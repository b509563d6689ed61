"""From spelling to ARPAbet phones for any word: the aligner's own dictionary, then hibari's reader."""

from __future__ import annotations

import functools
import re
from typing import Protocol

# hibari's phoneme letters (those of misaki) that are one ARPAbet phone each
ARPABET = {
    "A": "EY", "I": "AY", "W": "AW", "Y": "OY", "O": "OW", "Q": "OW", "ʤ": "JH", "ʧ": "CH", "ð": "DH", "θ": "TH",
    "ŋ": "NG", "ʃ": "SH", "ʒ": "ZH", "ɹ": "R", "r": "R", "T": "T", "ɾ": "D", "ʔ": "T", "ɡ": "G", "j": "Y", "b": "B",
    "d": "D", "f": "F", "h": "HH", "k": "K", "l": "L", "m": "M", "n": "N", "p": "P", "s": "S", "t": "T", "v": "V",
    "w": "W", "x": "K", "z": "Z", "ɑ": "AA", "ɒ": "AA", "a": "AE", "æ": "AE", "ɔ": "AO", "ɛ": "EH", "e": "EH",
    "ɜ": "ER", "ɚ": "ER", "ə": "AH", "ᵊ": "AH", "ɐ": "AH", "ʌ": "AH", "ɪ": "IH", "ᵻ": "IH", "ɨ": "IH", "i": "IY",
    "ʊ": "UH", "u": "UW", "o": "OW",
    # other languages' letters as the phone whose mouth is most alike; a rounded front vowel is a rounded one
    "β": "B", "ɸ": "P", "ʋ": "V", "c": "K", "q": "K", "ɟ": "G", "ɣ": "G", "χ": "HH", "ʁ": "HH", "ç": "HH", "ɕ": "SH",
    "ʂ": "SH", "S": "S", "ʦ": "S", "ʣ": "Z", "ʨ": "CH", "ꭧ": "CH", "ʥ": "JH", "ʈ": "T", "ɖ": "D", "ɽ": "D", "ɳ": "N",
    "ɲ": "N", "ɴ": "NG", "ʎ": "L", "ɻ": "R", "ʝ": "Y", "ɰ": "W", "ɥ": "W", "ɯ": "IH", "ɤ": "AH", "y": "UW", "ø": "UH",
    "œ": "UH",
}  # fmt: skip
FOLLOWING = "ːʰʲᵝ\u0303↓→↗↘"  # marks of the letter before them: length, breath, lips, nose, tone
WRITTEN_OUT = re.compile(r"[\d%$£€¥₹&@#+=°]")  # what is read otherwise than letter by letter
RHOTIC = "ɜə"  # these and a following ɹ are the one phone ER
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Dictionary(Protocol):
    """The part of pocketsphinx's decoder that knows words."""

    def lookup_word(self, word: str) -> str | None: ...

    def add_word(self, word: str, phones: str, update: bool = True) -> object: ...


def split_words(text: str) -> tuple[str, ...]:
    """The pronounceable words of a text, in lower case with plain apostrophes."""
    return tuple(word.replace("’", "'").lower() for word in WORD.findall(text))


def phones_of_letters(letters: str) -> tuple[str, ...]:
    """ARPAbet phones of a string in hibari's phoneme letters; stress and length marks are dropped."""
    return tuple(phone for phone, _ in phone_spans(letters))


def phone_spans(letters: str) -> list[tuple[str, int]]:
    """(phone, how many letters it takes) for a string of hibari's letters; marks count to the phone after them.

    A space or punctuation comes back as the phone SIL; length marks count to the phone before them.
    """
    spans: list[tuple[str, int]] = []
    waiting = 0
    for index, letter in enumerate(letters):
        before = letters[index - 1] if index else ""
        if letter in "ˈˌ":
            waiting += 1
        elif spans and (letter in FOLLOWING or (letter == "ɹ" and before in RHOTIC and before)):
            phone, length = spans[-1]
            spans[-1] = ("ER" if letter == "ɹ" else phone, length + 1)
        else:
            spans.append((ARPABET.get(letter, "SIL"), waiting + 1))
            waiting = 0
    if waiting and spans:
        spans[-1] = (spans[-1][0], spans[-1][1] + waiting)
    return spans


def alignable_words(dictionary: Dictionary, text: str) -> tuple[str, ...]:
    """The words of a transcript's word as the dictionary knows them; those that nothing can read are left out.

    Numbers and signs ("20%", "$1,200") become one word of the dictionary, with the phones of how they are read.
    """
    if not WRITTEN_OUT.search(text):
        words = split_words(text)
        unreadable = set(teach_unknown_words(dictionary, words))
        return tuple(word for word in words if word not in unreadable)
    written = re.sub(r"\W", "_", text.lower())
    if dictionary.lookup_word(written) is None:
        phones = [phone for phone in phones_of_letters(_reader()(text)) if phone != "SIL"]
        if not phones:
            return ()
        dictionary.add_word(written, " ".join(phones))
    return (written,)


def teach_unknown_words(dictionary: Dictionary, words: tuple[str, ...]) -> tuple[str, ...]:
    """Add the words that the dictionary doesn't know, as hibari reads them; words that nothing can read come back."""
    unreadable = []
    for word in dict.fromkeys(words):
        if dictionary.lookup_word(word) is not None:
            continue
        phones = [phone for phone in phones_of_letters(_reader()(word)) if phone != "SIL"]
        if phones:
            dictionary.add_word(word, " ".join(phones))
        else:
            unreadable.append(word)
    return tuple(unreadable)


class Reader(Protocol):
    """hibari's text reader."""

    def __call__(self, text: str) -> str: ...


@functools.cache
def _reader() -> Reader:
    from hibari.g2p import G2P

    return G2P()

"""Spanish, Italian, Brazilian Portuguese and Hindi, whose spelling nearly says how words sound."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable

from talker.speech.readers.hindi import hindi_letters
from talker.speech.readers.numbers import spell_numbers
from talker.speech.readers.spelling_rules import ANTEPENULTIMATE, ITALIAN, PORTUGUESE, SPANISH, UNSTRESSED
from talker.speech.readers.words import Word, split_sentences
from talker.speech.text_cleaning import is_latin

TABLES = {"es": SPANISH, "it": ITALIAN, "pt": PORTUGUESE}
NUCLEUS = "aeiouɛɔɐAIWYOəɪʊ"
ACCENTS = {"es": "áéíóú", "it": "àèéìòù", "pt": "áéíóúâêôãõ"}
MARKS = {"¿": "", "¡": "", "।": ".", "…": "…", "«": "“", "»": "”", "–": "—"}
PRONOUNCED_MARKS = ".,;:!?…—“”"


class SpellingReader:
    """Reads one of these languages by its rules."""

    def __init__(self, code: str) -> None:
        self._code = code

    def speakable(self, letter: str) -> bool:
        """Latin letters, or those of Devanagari."""
        return "DEVANAGARI" in unicodedata.name(letter, "") if self._code == "hi" else is_latin(letter)

    def known_word(self, word: str) -> bool:
        """No dictionary stands behind the rules."""
        return False

    def sentences(self, text: str) -> list[list[Word]]:
        """The sentences of a text with numbers spelled out."""
        return read_words(spell_numbers(text, self._code), functools.partial(word_letters, code=self._code))


def read_words(text: str, letters_of: Callable[[str], str]) -> list[list[Word]]:
    """Sentences of words separated by spaces, each read on its own; punctuation goes with the word before it."""
    found = []
    for sentence in split_sentences(text):
        words = []
        for token in sentence.split():
            letters = ""
            for is_word, run in itertools.groupby(token, _in_word):
                piece = "".join(run)
                marks = "".join(MARKS.get(mark, mark) for mark in piece)
                letters += letters_of(piece) if is_word else "".join(c for c in marks if c in PRONOUNCED_MARKS)
            if letters:
                words.append(Word(token, letters))
        if any(letter.isalpha() for word in words for letter in word.letters):
            found.append(words)
    return found


def _in_word(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LM" or letter in "'’"


@functools.lru_cache(4096)
def word_letters(word: str, code: str) -> str:
    """The phoneme letters of one word."""
    if code == "hi":
        return hindi_letters(word)
    small = word.lower().replace("’", "'").strip("'")
    if code == "it" and "'" in small:  # l'amico is one word with two parts
        return "".join(word_letters(part, code) for part in small.split("'") if part)
    written = f"_{small}_"
    letters: list[str] = []
    nuclei: list[tuple[int, int]] = []  # where in `letters` a syllable has its vowel, and where in `written`
    position = 1
    while position < len(written) - 1:
        found = next(
            ((m, out) for p, out in _compiled(code) if (m := p.match(written, position)) and m.end() > m.start()), None
        )
        if found is None:
            position += 1
            continue
        match, out = found
        sounded = match.expand(out)
        if any(letter in NUCLEUS for letter in sounded):
            nuclei.append((len(letters), position))
        letters.append(sounded)
        position = match.end()
    return _stressed(small, letters, nuclei, code)


def _stressed(small: str, letters: list[str], nuclei: list[tuple[int, int]], code: str) -> str:
    """The letters in one string, with a mark before the vowel that is stressed."""
    joined = "".join(letters)
    if not nuclei or "ˈ" in joined or small in UNSTRESSED[code].split():
        return joined
    accented = [place for place, start in nuclei if small[start - 1] in ACCENTS[code]]
    if accented:
        place = accented[-1] if code != "pt" else accented[0]
    else:
        place = nuclei[max(-_syllables_from_end(small, code), -len(nuclei))][0]
    sounded = letters[place]
    vowel = next(index for index, letter in enumerate(sounded) if letter in NUCLEUS)
    return "".join((*letters[:place], sounded[:vowel], "ˈ", sounded[vowel:], *letters[place + 1 :]))


def _syllables_from_end(word: str, code: str) -> int:
    """Which syllable is stressed in a word without an accent: 1 is the last."""
    if code == "es":
        return 2 if word[-1] in "aeiouns" else 1
    if code == "pt":
        return (
            1
            if re.search(r"([iu]s?|[lrzx]|[iou]m|[iou]ns|[aeo][iu]s?)$", word) and not re.search(r"[aeo]m$", word)
            else 2
        )
    ending = re.compile(f"(?:{ANTEPENULTIMATE['endings'].replace(' ', '|')})$")
    exception = re.compile(f"(?:{ANTEPENULTIMATE['not'].replace(' ', '|')})")
    if ending.search(word) and not exception.fullmatch(word):
        return 3
    return 2 if word[-1] in "aeiouy" or len(word) < 4 else 1


@functools.cache
def _compiled(code: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), letters) for pattern, letters in TABLES[code])

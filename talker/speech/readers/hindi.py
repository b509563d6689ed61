"""Hindi words in Devanagari as phoneme letters, with the inherent vowel where it is spoken."""

from __future__ import annotations

import unicodedata

from talker.speech.readers.spelling_rules import CONSONANTS, NUKTA, SIGNS, VOWELS

VIRAMA, NASAL, NASAL_CONSONANT, BREATH, NUKTA_SIGN = "्", "ँ", "ं", "ः", "़"
NASAL_BEFORE = {"k": "ŋ", "ɡ": "ŋ", "c": "ɲ", "ɟ": "ɲ", "ʈ": "ɳ", "ɖ": "ɳ", "p": "m", "b": "m", "m": "m"}
LONG = "ː"


def hindi_letters(word: str) -> str:
    """The phoneme letters of one word."""
    sounds = _sounds(unicodedata.normalize("NFD", word))
    kept = _without_silent_vowels(sounds)
    vowels = [index for index, (_, vowel) in enumerate(kept) if vowel]
    heavy = [index for index in vowels if LONG in kept[index][0]]
    stressed = (heavy or vowels or [-1])[0]
    return "".join(f"ˈ{sound}" if index == stressed else sound for index, (sound, _) in enumerate(kept))


def _sounds(word: str) -> list[tuple[str, bool]]:
    """(letters, whether it is a vowel) of every sound, with an inherent ə after each consonant that can have one."""
    sounds: list[tuple[str, bool]] = []
    for index, letter in enumerate(word):
        following = word[index + 1 : index + 2]
        if letter in CONSONANTS:
            sound = CONSONANTS[letter]
            if following == NUKTA_SIGN:
                sound, following = NUKTA.get(sound, sound), word[index + 2 : index + 3]
            sounds.append((sound, False))
            if following not in (*SIGNS, VIRAMA):
                sounds.append(("ə", True))
        elif letter in SIGNS or letter in VOWELS:
            sounds.append((SIGNS.get(letter) or VOWELS[letter], True))
        elif letter == NASAL_CONSONANT and following in CONSONANTS:
            sounds.append((NASAL_BEFORE.get(CONSONANTS[following][0], "n"), False))
        elif letter in (NASAL, NASAL_CONSONANT) and sounds:
            sounds[-1] = (sounds[-1][0] + "\u0303", True)
        elif letter == BREATH:
            sounds.append(("h", False))
    return sounds


def _without_silent_vowels(sounds: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """ə is silent at a word's end, and between vowel-consonant and consonant-vowel (Ohala, 1983), from the right."""
    kept = list(sounds)
    if len([1 for _, vowel in kept if vowel]) > 1 and kept[-1][0] == "ə":
        kept.pop()
    for index in range(len(kept) - 3, 1, -1):
        between = kept[index][0] == "ə" and not kept[index - 1][1] and not kept[index + 1][1]
        if between and kept[index - 2][1] and kept[index + 2][1]:
            kept.pop(index)
    return kept

"""Japanese: Open JTalk finds words and readings, and kana become the phoneme letters that Kokoro learnt it with."""

from __future__ import annotations

import unicodedata
from typing import Any

from talker.speech.readers.words import Word, missing_package, split_sentences

VOWELS = "aiɯeo"
ROWS = {
    "": "アイウエオ",
    "k": "カキクケコ",
    "ɡ": "ガギグゲゴ",
    "s": "サ_スセソ",
    "z": "__ズ__",
    "ʣ": "ザ__ゼゾ",
    "t": "タ__テト",
    "d": "ダ__デド",
    "n": "ナ_ヌネノ",
    "h": "ハ__ヘホ",
    "b": "バビブベボ",
    "p": "パピプペポ",
    "m": "マミムメモ",
    "j": "ヤ_ユ_ヨ",
    "ɾ": "ラリルレロ",
    "w": "ワヰ_ヱ_",
    "ɕ": "_シ___",
    "ʨ": "_チ___",
    "ʥ": "_ジ___",
    "ɲ": "_ニ___",
    "ç": "_ヒ___",
    "ɸ": "__フ__",
    "ʦ": "__ツ__",
    "v": "__ヴ__",
}
SAME = {"ヲ": "オ", "ヂ": "ジ", "ヅ": "ズ"}
SOFT = ("k", "ɡ", "b", "p", "m", "ɾ")  # palatalised before i and y
FRONTED = ("s", "ʦ", "z")  # whose ɯ is ɨ
SMALL_VOWELS = dict(zip("ァィゥェォ", VOWELS, strict=True))
SMALL_Y = {"ャ": "a", "ュ": "ɨ", "ョ": "o"}
PLACE = (("pbm", "m"), ("kɡ", "ŋ"), ("tdnʦʣzɾ", "n"), ("ʨʥɲ", "ɲ"))  # of the nasal before these
MARKS = {"。": ".", "、": ",", "？": "?", "！": "!", "「": "“", "」": "”", "…": "…", "・": " "}
KANA = {
    kana: consonant + ("ʲ" if vowel == "i" and consonant in SOFT else "") + vowel
    for consonant, row in ROWS.items()
    for kana, vowel in zip(row, VOWELS, strict=True)
    if kana != "_"
}


class JapaneseReader:
    """Reads Japanese; numbers are Open JTalk's."""

    def __init__(self) -> None:
        try:
            import pyopenjtalk
        except ImportError as error:
            raise missing_package("Japanese") from error
        self._analyse: Any = pyopenjtalk.run_frontend

    def speakable(self, letter: str) -> bool:
        """Kana, kanji and Latin letters."""
        name = unicodedata.name(letter, "")
        return any(kind in name for kind in ("HIRAGANA", "KATAKANA", "CJK", "LATIN")) or letter in "ー々〆ヶ"

    def known_word(self, word: str) -> bool:
        """Drawn-out words are no matter in Japanese."""
        return False

    def sentences(self, text: str) -> list[list[Word]]:
        """The sentences of a text; what belongs to one accent phrase is one word."""
        found = []
        for sentence in split_sentences(text):
            words: list[Word] = []
            for node in self._analyse(sentence):
                letters = MARKS.get(node["string"]) or kana_letters(node["pron"])
                joined = words and (node["chain_flag"] == 1 or node["string"] in MARKS)
                if joined:
                    before = words.pop()
                    words.append(Word(before.text + node["string"], before.letters + letters))
                elif letters.strip():
                    words.append(Word(node["string"], letters))
            if any(letter.isalpha() for word in words for letter in word.letters):
                found.append(words)
        return found


def kana_letters(reading: str) -> str:
    """The phoneme letters of a word in katakana."""
    moras: list[str] = []
    for kana in reading:
        kana = SAME.get(kana, kana)
        if kana in KANA:
            sound = KANA[kana]
            moras.append(
                sound[:-1] + "ɨ" if sound[:-1] in FRONTED and sound.endswith("ɯ") and len(sound) > 1 else sound
            )
        elif kana in SMALL_Y and moras:
            moras[-1] = moras[-1][:-1] + SMALL_Y[kana]
        elif kana in SMALL_VOWELS and moras:
            moras[-1] = (moras[-1][:-1] or "w") + SMALL_VOWELS[kana]
        elif kana in "ーッン":
            moras.append({"ー": "ː", "ッ": "ʔ", "ン": "ɴ"}[kana])
    for index, mora in enumerate(moras[:-1]):
        if mora == "ɴ":
            moras[index] = next((nasal for sounds, nasal in PLACE if moras[index + 1][0] in sounds), "ɴ")
    return "".join(moras)

"""Typed text as it will be read: without markup, emoji and invisible characters, and with drawn-out words shortened."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
LINK = re.compile(r"!?\[([^\[\]]+)\]\((?:[^()\s]+)\)")  # markdown: what is shown of a link or a picture
EMPHASIS = re.compile(r"(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1(?![A-Za-z0-9])")
LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}|>+|[-*+•])[ \t]+", re.MULTILINE)
RULE = re.compile(r"^[ \t]*(?:[-*_=]{3,}|```\w*)[ \t]*$", re.MULTILINE)
EMOTICON = re.compile(r"(?<!\w)(?:[:;]['’]?-?[)(DPpOo3/\\|*\]\[]+|<3+|\^_*\^|[oO]_[oO]|T_T)(?!\w)")
NUMERAL = re.compile(r"[IVXLCDM]+|([A-Z])\1\1")  # Roman, or AAA: its letters are meant
ADDRESS = re.compile(r"\b(?:https?://)?(?:www\.)?((?:[\w-]+\.)+[a-z]{2,6})(/[^\s,;!?]*)?(?<![.])")
MAIL = re.compile(r"\b([\w.+-]+)@((?:[\w-]+\.)+[a-z]{2,6})\b", re.IGNORECASE)
DRAWN_OUT = re.compile(r"[^\W\d_]*?([^\W\d_])\1{2,}\w*")
RUN = re.compile(r"([^\W\d_])\1{2,}")
REPEATED_MARK = re.compile(r"([!?,;:])(?:\s*[!?,;:])+")
LINE_END = re.compile(r"(?<=[^\s.!?…:;,—])[ \t]*\n+")
KEPT_SYMBOLS = "$£€¥₹₩%&@#+=<>~^°*/|¢№"  # that readers have words for


def clean_text(text: str, known_word: Callable[[str], bool] = lambda word: False) -> str:
    """`text` with what is not meant to be read taken out, on one line.

    Format characters and emoji go, tags and markdown leave their words, addresses are spelled with "dot" and "at", a
    line's end becomes a full stop, and words such as "Nooooo" are shortened to one that `known_word` knows, or to one
    letter.
    """
    text = unicodedata.normalize("NFC", html.unescape(text))
    text = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cf", "Cs", "Co", "Cn"))
    text = TAG.sub(" ", RULE.sub("\n", text))
    text = LINE_MARK.sub("", LINK.sub(r"\1", text))
    for _ in range(2):  # bold inside italics
        text = EMPHASIS.sub(r"\2", text)
    text = MAIL.sub(lambda mail: f"{mail[1]} at {mail[2]}".replace(".", " dot "), text)
    text = ADDRESS.sub(lambda address: address[1].replace(".", " dot "), text)
    text = EMOTICON.sub(" ", text)
    text = "".join(" " if _is_picture(letter) else letter for letter in text)
    text = LINE_END.sub(". ", text.strip())
    text = DRAWN_OUT.sub(lambda word: _shortened(word[0], known_word), text)
    text = REPEATED_MARK.sub(lambda marks: "?" if "?" in marks[0] else marks[1], text)
    return re.sub(r"\s+", " ", text).strip()


def foreign_words(text: str, speakable: Callable[[str], bool]) -> tuple[str, tuple[str, ...]]:
    """(the text without them, the words) that hold a letter which `speakable` says no to."""
    kept, foreign = [], []
    for word in text.split():
        letters = [letter for letter in word if unicodedata.category(letter)[0] in "LM"]
        if all(speakable(letter) for letter in letters):
            kept.append(word)
        else:
            foreign.append(word.strip("".join(letter for letter in word if unicodedata.category(letter)[0] == "P")))
    return " ".join(kept), tuple(foreign)


def is_latin(letter: str) -> bool:
    """Whether a letter belongs to the Latin alphabet; an accent on its own belongs to every alphabet."""
    return unicodedata.category(letter)[0] == "M" or "LATIN" in unicodedata.name(letter, "")


def _is_picture(letter: str) -> bool:
    """Emoji, arrows, boxes, skin tones: what is looked at and not read."""
    kind = unicodedata.category(letter)
    return letter not in KEPT_SYMBOLS and (kind in ("So", "Sk") or (kind == "Mn" and 0xFE00 <= ord(letter) <= 0xFE0F))


def _shortened(word: str, known_word: Callable[[str], bool]) -> str:
    """A word with runs of three and more letters cut to two where that is a word, else to one."""
    if NUMERAL.fullmatch(word):
        return word
    twice = RUN.sub(r"\1\1", word)
    return twice if known_word(twice.lower()) else RUN.sub(r"\1", word)

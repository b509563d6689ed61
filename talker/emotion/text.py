"""Free text -> EmotionCode: "a bittersweet smile", "slightly nervous but happy", "starts calm, ends in tears"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from talker.emotion.catalogue import find_emotion
from talker.emotion.clip import TextPlacer, text_placer
from talker.emotion.decode import decode_mixture, mixing_gain
from talker.emotion.model import EmotionModel, emotion_model
from talker.emotion.prompts import emotion_words
from talker.emotion.text_classifier import names_emotion
from talker.emotion.timeline import Moment, timeline_code
from talker.emotion.words import (
    EMOJI,
    EMOJI_PATTERN,
    FROM_TO_PATTERN,
    INTENSITY,
    INTENSITY_PATTERN,
    JOINER_PATTERN,
    JOINERS,
    NEGATION_PATTERN,
    OPENING_PATTERN,
    OPPOSITES,
    SEQUENCE_PATTERN,
)  # fmt: skip
from talker.errors import EmotionError
from talker.types import EMOTION_LABELS, EmotionCode, FloatArray

LONGEST = 1000  # characters
EMPHASIS = 1.15  # strength of a text in capitals, or with "!!"
SHOWN_SHARE = 0.1  # emotions with less are not mentioned
STAGE_SECONDS = 4.0  # length of a stage direction when the speech's isn't known


@dataclass(frozen=True)
class Phrase:
    """One emotion as read: its mixture [emotions], how strong, and whether the text named an emotion at all."""

    weights: FloatArray
    strength: float
    named: bool
    denied: bool = False


class TextReader:
    """Reads texts, which a placer puts into its emotion space."""

    def __init__(self, placer: TextPlacer) -> None:
        self._space = placer.space
        self._placer = placer
        self._note = f" ({placer.note})" if placer.note else ""

    def read(self, text: str, *, duration_s: float | None = None) -> EmotionCode:
        """The emotion that a text describes; several in turn become a timeline over `duration_s`.

        A text that names no emotion gives neutral and says so in the code's source. Raises EmotionError for an empty
        text and for one longer than 1000 characters.
        """
        text = _checked(text)
        stages = [self.phrase(stage) for stage in split_stages(with_emoji_as_words(text))]
        codes = [self._code(stage, text) for stage in stages]
        if len(codes) == 1:
            return replace(codes[0], source=codes[0].source + self._note)
        duration = duration_s or STAGE_SECONDS
        moments = [Moment(duration * index / len(codes), code, 1.0) for index, code in enumerate(codes)]
        return replace(timeline_code(moments, duration), source=f"text: {_short(text)}{self._note}")

    def phrase(self, text: str) -> Phrase:
        """One stage of a text: an emotion, a mixture, or none."""
        known = self._known(text)
        if known is not None:
            return known
        parts = split_mixture(text)
        if len(parts) > 1:
            read = [(self._single(part), share) for part, share in parts]
            named = [(phrase, share) for phrase, share in read if phrase.named and not phrase.denied]
            if len(named) == 1 and any(phrase.denied for phrase, _ in read):
                return named[0][0]
            if len(named) > 1 and len(named) == len(read):
                return self._joined(text, named, [part for part, _ in parts])
        return self._single(text)

    def _joined(self, text: str, named: list[tuple[Phrase, float]], parts: list[str]) -> Phrase:
        """Emotions that the text joins; unless each is a known name, the text as a whole counts as much as its parts.

        "Sick and tired of your lies" is not a mixture of disgust and weariness.
        """
        mixed, whole = self._mixed(named), self._single(text)
        if all(self._known(strip_intensity(part)[0]) for part in parts) or not whole.named or whole.denied:
            return mixed
        return replace(mixed, weights=(mixed.weights + whole.weights) / 2)

    def _single(self, text: str) -> Phrase:
        plain, factor = strip_intensity(text)
        known = self._known(plain)
        if known is not None:
            return replace(known, strength=known.strength * factor)
        denied = NEGATION_PATTERN.match(plain)
        if denied and names_in(denied["denied"]):
            phrase = self._placed(denied["denied"])
            if phrase.named:
                return self._opposite(phrase)
        phrase = self._placed(plain)
        return replace(phrase, strength=phrase.strength * factor)

    def _known(self, text: str) -> Phrase | None:
        emotion = find_emotion(text.strip(" .!?"))
        if emotion is None or emotion.name not in self._space.names:
            return None
        return Phrase(self._only(emotion.name), _emphasis(text), True)

    def _placed(self, text: str) -> Phrase:
        known = self._known(text)
        if known is not None:
            return known
        points, named = self._placer.place([text.lower()])
        reading = self._space.read(points)
        return Phrase(reading.weights[0], _emphasis(text), names_emotion(float(named[0]), reading.probabilities[0]))

    def _opposite(self, phrase: Phrase) -> Phrase:
        label = EMOTION_LABELS[int(self._space.mixture(phrase.weights[None]).probabilities[0].argmax())]
        name, strength = OPPOSITES[label]
        return Phrase(self._only(name), strength, True, denied=True)

    def _mixed(self, parts: list[tuple[Phrase, float]]) -> Phrase:
        shares = np.array([share * phrase.strength for phrase, share in parts])
        weights = (shares[:, None] * np.stack([phrase.weights for phrase, _ in parts])).sum(0) / shares.sum()
        strength = float(np.average([phrase.strength for phrase, _ in parts], weights=[share for _, share in parts]))
        return Phrase(weights, strength * mixing_gain(self._space, weights), True)

    def _only(self, emotion: str) -> FloatArray:
        """The mixture [emotions] of one emotion alone."""
        return np.eye(len(self._space.emotions), dtype=np.float32)[self._space.names.index(emotion)]

    def _code(self, phrase: Phrase, text: str) -> EmotionCode:
        if not phrase.named:
            source = f"text: {_short(text)} names no feeling, so neutral"
            return decode_mixture(self._space, self._only("neutral"), 1.0, source)
        order = [index for index in np.argsort(-phrase.weights)[:3] if phrase.weights[index] > SHOWN_SHARE]
        nearest = ", ".join(f"{self._space.names[index]} {phrase.weights[index]:.0%}" for index in order)
        source = f"text: {_short(text)} (read as {nearest})"
        return decode_mixture(self._space, phrase.weights, phrase.strength, source)


def text_code(text: str, *, duration_s: float | None = None, model: EmotionModel | None = None) -> EmotionCode:
    """The emotion that a text describes, read with CLIP where it is on this machine. See `TextReader.read`."""
    return TextReader(text_placer(model or emotion_model())).read(text, duration_s=duration_s)


def with_emoji_as_words(text: str) -> str:
    """The text with each emoji as the emotion that it stands for; only repeated ones are merged."""
    names: list[str] = []

    def named(match: re.Match[str]) -> str:
        names.append(EMOJI[match.group().replace("\ufe0f", "")])
        return " "

    words = EMOJI_PATTERN.sub(named, text.replace("\ufe0f", ""))
    return ", ".join(part for part in (words.strip(), *dict.fromkeys(names)) if part)


def split_stages(text: str) -> list[str]:
    """The stages of a stage direction in order; a text without any is one stage."""
    turning = FROM_TO_PATTERN.match(text)
    pieces = list(turning.groups()) if turning else SEQUENCE_PATTERN.split(OPENING_PATTERN.sub("", text, count=1))
    stages = [piece.strip(" ,.;") for piece in pieces]
    return [stage for stage in stages if stage] or [text]


def split_mixture(text: str) -> list[tuple[str, float]]:
    """(part, share) of a text that joins emotions with "but", "and", commas and the like; shares sum to 1."""
    parts: list[tuple[str, float]] = []
    place = 0
    share = 0.5
    for match in JOINER_PATTERN.finditer(text):
        parts.append((text[place : match.start()], share))
        share = JOINERS[match[1].lower()] if match[1] else 0.5
        place = match.end()
    parts.append((text[place:], share))
    parts = [(part.strip(" ,.;"), share) for part, share in parts if part.strip(" ,.;")]
    if len(parts) > 1:
        parts[0] = (parts[0][0], 1.0 - parts[1][1])
    total = sum(share for _, share in parts) or 1.0
    return [(part, share / total) for part, share in parts]


def strip_intensity(text: str) -> tuple[str, float]:
    """(the text without words such as "slightly", the factor that they stand for).

    What weakens must stand before an emotion's name: "a little boy" and "he can hardly breathe" are no weak emotions.
    """
    factor = 1.0

    def taken(match: re.Match[str]) -> str:
        nonlocal factor
        value = INTENSITY[match.group(1).lower()]
        if value < 1.0 and not names_in(" ".join(text[match.end() :].split()[:2])):
            return match.group()
        factor *= value
        return " "

    plain = re.sub(r"\s+", " ", INTENSITY_PATTERN.sub(taken, text)).strip()
    return (plain, factor) if plain else (text, 1.0)


def names_in(text: str) -> bool:
    """Whether one of the words names an emotion."""
    return not emotion_words().isdisjoint(re.findall(r"[\w'-]+", text.lower()))


def _emphasis(text: str) -> float:
    letters = [letter for letter in text if letter.isalpha()]
    shouted = len(letters) > 3 and all(letter.isupper() for letter in letters)
    return EMPHASIS if shouted or "!!" in text else 1.0


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise EmotionError(f"The text for the feeling is {len(text)} characters long; {LONGEST} are the most.")
    plain = re.sub(r"\s+", " ", text).strip()
    if not plain:
        raise EmotionError("The text for the feeling is empty. Describe a feeling, for example: slightly nervous.")
    return plain


def _short(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}..."'

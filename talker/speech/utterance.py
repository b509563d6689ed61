"""One line of text that a voice has planned, and can say with any timing and any expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from talker.speech import kokoro
from talker.speech.readers.words import Word, timed_tokens
from talker.speech.voice_expression import ExpressionCurve, coloured, intoned, levelled, limited, paced, stressed
from talker.types import FloatArray, TimedToken

SILENT_LETTERS = ";:,.!?—…"
LEAD_S = 0.06  # the voice sounds this much before its durations say, measured against forced alignment
FIRST_PAD, OTHER_PAD = 12.0, 8.0  # frames of silence before the first line and before the others, at most


@dataclass(frozen=True)
class Piece:
    """The sound of a line [N] at 24 kHz, with the times of its words and phones from its own start."""

    samples: FloatArray
    words: tuple[TimedToken, ...]
    phones: tuple[TimedToken, ...]


class Utterance(Protocol):
    """A line that can be said."""

    def say(self, speed: float, expression: ExpressionCurve, start_s: float, *, heard: bool = True) -> Piece:
        """The line, said from `start_s` of the clip on, in whose time the expression is.

        heard: False gives silence of the same length, with the times of words and phones, for little work.
        """


def kokoro_utterance(words: Sequence[Word], table: FloatArray, *, first: bool) -> KokoroUtterance:
    """What Kokoro plans for a line in the voice of a style table [510, 256]; first: nothing is said before it."""
    network = kokoro.network()
    spelled = tuple(word.within(network.vocabulary) for word in words)
    letters = " ".join(word.letters for word in spelled)
    return KokoroUtterance(spelled, letters, network.plan(letters, table), FIRST_PAD if first else OTHER_PAD)


@dataclass(frozen=True)
class KokoroUtterance:
    """A line in one of Kokoro's voices. pad: frames of silence before it, at most."""

    words: tuple[Word, ...]
    letters: str
    plan: kokoro.Plan
    pad: float

    def say(self, speed: float, expression: ExpressionCurve, start_s: float, *, heard: bool = True) -> Piece:
        """The line, as `Utterance` has it."""
        durations = self._durations(speed, expression, start_s)
        tokens = timed_tokens(self.words, np.maximum(np.cumsum(durations) * kokoro.FRAME_S - LEAD_S, 0.0))
        if not heard:
            return Piece(np.zeros(round(durations.sum() * kokoro.FRAME_S * kokoro.SAMPLE_RATE), np.float32), *tokens)
        network = kokoro.network()
        contours = network.contours(self.plan, durations)
        times_s = start_s + np.arange(len(contours.pitch_hz)) / kokoro.CONTOUR_HZ
        voiced = contours.pitch_hz > kokoro.UNVOICED_HZ
        change = expression.at(times_s)
        pitch = intoned(contours.pitch_hz, voiced, times_s, change)
        energy = stressed(contours.energy, voiced, change)
        samples = network.sound(kokoro.Contours(pitch, energy, contours.text, contours.style))
        moments = start_s + np.arange(len(samples)) / kokoro.SAMPLE_RATE
        return Piece(limited(coloured(levelled(samples), kokoro.SAMPLE_RATE, expression.at(moments))), *tokens)

    def _durations(self, speed: float, expression: ExpressionCurve, start_s: float) -> FloatArray:
        """Whole frames [L + 2] that pad, letters and pad sound."""
        frames = np.maximum(np.round(self.plan.durations), 1.0) / speed
        frames[0] = min(frames[0], self.pad)
        middles = start_s + (np.cumsum(frames) - frames / 2) * kokoro.FRAME_S
        is_pause = np.array([True, *(letter in SILENT_LETTERS for letter in self.letters), True])
        return paced(frames, is_pause, expression.at(middles))

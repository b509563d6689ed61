"""Text becomes speech: what is typed is cleaned and read, a voice says it, and it is known when each phone sounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from talker.errors import InputError
from talker.speech import kokoro
from talker.speech.readers import reader_of
from talker.speech.readers.words import Word, timed_tokens
from talker.speech.small_voice import Manner, small_speaker
from talker.speech.text_cleaning import clean_text, foreign_words
from talker.speech.voice_expression import ExpressionCurve, VoiceExpression, coloured, intoned, limited, paced
from talker.speech.voices import SMALL, VoiceMix, find_voice
from talker.types import FloatArray, SpeechClip, TimedToken, Transcript

MAX_CHARACTERS = 20_000  # about 20 minutes of speech
MAX_LETTERS = 300  # phoneme letters a voice reads at once; longer sentences are cut between words
CLAUSE_ENDS = (",", ";", ":", "—")
SILENT_LETTERS = ";:,.!?—…"
LEAD_S = 0.06  # a voice sounds this much before its durations say, measured against forced alignment
FIRST_PAD, OTHER_PAD = 12.0, 8.0  # frames of silence before the first sentence and before the others, at most
PLAIN = ExpressionCurve.constant(VoiceExpression())


@dataclass(frozen=True)
class Script:
    """What a voice will say. pieces: of words it reads at once. left_out: words of the text that it can't say."""

    voice: VoiceMix
    pieces: tuple[tuple[Word, ...], ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """The sound of a few words [N], with times from its own start."""

    samples: FloatArray
    words: tuple[TimedToken, ...]
    phones: tuple[TimedToken, ...]


def read_script(text: str, voice: str = "american") -> Script:
    """The words of a text as `voice` will read them.

    Raises InputError for an unknown voice and for text that is empty, too long or has nothing that the voice can say.
    """
    chosen = find_voice(voice)
    if not text.strip():
        raise InputError("There is no text to speak; type at least one word.")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"The text has {len(text)} characters, more than the {MAX_CHARACTERS} that can be spoken at once; "
            "speak it in parts."
        )
    reader = reader_of(chosen.language)
    speakable, left_out = foreign_words(clean_text(text, reader.known_word), reader.speakable)
    pieces = tuple(piece for sentence in reader.sentences(speakable) for piece in _short_pieces(sentence))
    if not pieces:
        raise InputError(
            f"Nothing in the text {_shortened(text)!r} can be pronounced in {chosen.language.title}; "
            "write it in words, or choose a voice of its language."
        )
    return Script(chosen, pieces, left_out)


def say(
    text: str,
    *,
    voice: str = "american",
    speed: float = 1.0,
    seed: int = 0,
    expression: ExpressionCurve | None = None,
    style: Manner | None = None,
) -> SpeechClip:
    """Speech of `text` with its transcript: words and phones at the times at which the voice made them.

    speed: 0.5 slow .. 2 fast. expression: how the voice feels, in the time of the clip. seed: of the noise in the small
    voices; the same text and seed give the same samples. style: changes what a small voice wants before it is sound.

    Raises what `read_script` raises; AssetError when the voice's weights can't be had.
    """
    script = read_script(text, voice)
    pieces = say_pieces(script, speed=speed, seed=seed, expression=expression, style=style)
    return join(pieces, script.voice.language.code)


def say_pieces(
    script: Script,
    *,
    speed: float = 1.0,
    seed: int = 0,
    expression: ExpressionCurve | None = None,
    style: Manner | None = None,
) -> Iterator[Piece]:
    """The pieces of a script one after another, each as soon as it can be heard. Arguments as in `say`."""
    if not 0.5 <= speed <= 2.0:
        raise InputError(f"The speed of the voice must lie between 0.5 and 2, not {speed}.")
    if script.voice.engine == SMALL:
        speaker = small_speaker(script.voice.voices[0].code)
        for index, words in enumerate(script.pieces):
            yield Piece(*speaker.speak(words, speed, np.random.default_rng(seed + index), style))
        return
    start_s = 0.0
    for utterance in plan_script(script):
        piece = utterance.sound(speed, expression or PLAIN, start_s)
        start_s += len(piece.samples) / kokoro.SAMPLE_RATE
        yield piece


def plan_script(script: Script) -> list[Utterance]:
    """What the network makes of each piece before anything is decided about its timing; takes a few per cent of the
    time that the sound takes."""
    tables = [kokoro.style_table(voice.code) for voice in script.voice.voices]
    table = np.average(tables, axis=0, weights=script.voice.shares)
    network = kokoro.network()
    found = []
    for index, words in enumerate(script.pieces):
        spelled = tuple(word.within(network.vocabulary) for word in words)
        letters = " ".join(word.letters for word in spelled)
        found.append(Utterance(spelled, letters, network.plan(letters, table), first=index == 0))
    return found


@dataclass(frozen=True)
class Utterance:
    """One piece that is planned, and can be timed or said with any expression."""

    words: tuple[Word, ...]
    letters: str
    plan: kokoro.Plan
    first: bool

    def durations(self, speed: float, expression: ExpressionCurve, start_s: float) -> FloatArray:
        """Whole frames [L + 2] that pad, letters and pad sound; `start_s` is when the piece starts in the clip."""
        frames = np.maximum(np.round(self.plan.durations), 1.0) / speed
        frames[0] = min(frames[0], FIRST_PAD if self.first else OTHER_PAD)
        is_pause = np.array([True, *(letter in SILENT_LETTERS for letter in self.letters), True])
        timed = paced(frames, is_pause, {"pause_octaves": np.zeros(1), "pace_octaves": np.zeros(1)})
        middles = start_s + (np.cumsum(timed) - timed / 2) * kokoro.FRAME_S
        return paced(frames, is_pause, expression.at(middles))

    def sound(self, speed: float, expression: ExpressionCurve, start_s: float = 0.0) -> Piece:
        """The piece as sound."""
        network = kokoro.network()
        durations = self.durations(speed, expression, start_s)
        contours = network.contours(self.plan, durations)
        times_s = start_s + np.arange(len(contours.pitch_hz)) / kokoro.CONTOUR_HZ
        voiced = contours.pitch_hz > kokoro.UNVOICED_HZ
        pitch = intoned(contours.pitch_hz, voiced, times_s, expression.at(times_s))
        samples = network.sound(kokoro.Contours(pitch, contours.energy, contours.text, contours.style))
        moments = start_s + np.arange(len(samples)) / kokoro.SAMPLE_RATE
        samples = limited(coloured(samples, kokoro.SAMPLE_RATE, expression.at(moments)))
        return Piece(samples, *self.tokens(durations))

    def tokens(self, durations: FloatArray) -> tuple[tuple[TimedToken, ...], tuple[TimedToken, ...]]:
        """(words, phones) of the piece when its letters last so long."""
        return timed_tokens(self.words, np.maximum(np.cumsum(durations) * kokoro.FRAME_S - LEAD_S, 0.0))


def join(pieces: Iterable[Piece], language: str = "en") -> SpeechClip:
    """One clip of all pieces."""
    words: list[TimedToken] = []
    phones: list[TimedToken] = []
    samples = []
    offset_s = 0.0
    for piece in pieces:
        for tokens, own in ((words, piece.words), (phones, piece.phones)):
            tokens += [TimedToken(t.text, t.start_s + offset_s, t.end_s + offset_s) for t in own]
        offset_s += len(piece.samples) / kokoro.SAMPLE_RATE
        samples.append(piece.samples)
    together = np.concatenate(samples)
    peak = max(1.0, float(np.abs(together).max()))
    return SpeechClip(together / peak, kokoro.SAMPLE_RATE, Transcript(tuple(words), tuple(phones), language))


def _short_pieces(words: list[Word]) -> list[tuple[Word, ...]]:
    """A sentence in pieces the voice can read at once, cut after a comma where there is one."""
    pieces: list[tuple[Word, ...]] = []
    rest = [Word(word.text, word.letters[:MAX_LETTERS]) for word in words]
    while sum(len(word.letters) + 1 for word in rest) > MAX_LETTERS and len(rest) > 1:
        total, fitting = 0, 0
        while fitting < len(rest) - 1 and total + len(rest[fitting].letters) + 1 <= MAX_LETTERS:
            total += len(rest[fitting].letters) + 1
            fitting += 1
        commas = [i + 1 for i in range(fitting // 3, fitting) if rest[i].letters[-1:] in CLAUSE_ENDS]
        cut = commas[-1] if commas else max(1, fitting)
        pieces.append(tuple(rest[:cut]))
        rest = rest[cut:]
    return [*pieces, tuple(rest)]


def _shortened(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"

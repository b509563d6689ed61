"""Text becomes speech: what is typed is cleaned and read, a voice says it, and it is known when each phone sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from talker.breaks import with_breaks
from talker.errors import InputError
from talker.speech import kokoro
from talker.speech.readers import reader_of
from talker.speech.readers.words import Word
from talker.speech.small_voice import Manner, SmallUtterance, small_speaker
from talker.speech.text_cleaning import clean_text, foreign_words
from talker.speech.utterance import Piece, Utterance, kokoro_utterance
from talker.speech.voice_expression import ExpressionCurve, VoiceExpression
from talker.speech.voices import SMALL, VoiceMix, find_voice
from talker.types import SpeechClip, TimedToken, Transcript

MAX_CHARACTERS = 20_000  # about 20 minutes of speech
MAX_LETTERS = 300  # phoneme letters a voice reads at once; longer sentences are cut between words
CLAUSE_ENDS = (",", ";", ":", "—")
PLAIN = ExpressionCurve.constant(VoiceExpression())


@dataclass(frozen=True)
class Script:
    """What a voice will say. pieces: of words it reads at once. left_out: words of the text that it can't say."""

    voice: VoiceMix
    pieces: tuple[tuple[Word, ...], ...]
    left_out: tuple[str, ...] = ()


Express = Callable[[SpeechClip], ExpressionCurve]  # the emotion of a voice for words whose times are known


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
    express: Express | None = None,
    style: Manner | None = None,
) -> SpeechClip:
    """Speech of `text` with its transcript: words and phones at the times at which the voice made them.

    speed: 0.5 slow .. 2 fast. express: gives the emotion of the voice for a transcript with times. It is asked twice,
    for a voice that feels sets its own times. seed: of the noise in the small voices; text and seed give the same
    samples. style: changes what a small voice wants before it is sound.

    Raises what `read_script` raises; AssetError when the voice's weights can't be had.
    """
    script = read_script(text, voice)
    return join(script, say_pieces(script, speed, seed, express, style))


def say_pieces(
    script: Script,
    speed: float = 1.0,
    seed: int = 0,
    express: Express | None = None,
    style: Manner | None = None,
) -> Iterator[Piece]:
    """The pieces of a script one after another, each as soon as it can be heard. Arguments as in `say`."""
    if not 0.5 <= speed <= 2.0:
        raise InputError(f"The speed of the voice must lie between 0.5 and 2, not {speed}.")
    planned = plan_script(script, seed, style)  # one by one, so that a voice that feels nothing begins at once
    if express is None:
        yield from _one_by_one(planned, speed, PLAIN)
        return
    utterances, expression = list(planned), PLAIN
    for _ in range(2):
        expression = express(join(script, _one_by_one(utterances, speed, expression, heard=False)))
    yield from _one_by_one(utterances, speed, expression)


def _one_by_one(
    utterances: Iterable[Utterance], speed: float, expression: ExpressionCurve, *, heard: bool = True
) -> Iterator[Piece]:
    """Each utterance from where the one before it ends; silence in its stead where it needn't be heard."""
    start_s = 0.0
    for utterance in with_breaks(utterances):
        piece = utterance.say(speed, expression, start_s, heard=heard)
        yield piece
        start_s += len(piece.samples) / kokoro.SAMPLE_RATE


def plan_script(script: Script, seed: int = 0, style: Manner | None = None) -> Iterator[Utterance]:
    """What the voice makes of each piece before anything is decided about its timing."""
    if script.voice.engine == SMALL:
        speaker = small_speaker(script.voice.voices[0].code)
        for index, words in enumerate(with_breaks(script.pieces)):
            yield SmallUtterance(speaker, words, seed + index, style)
        return
    tables = [kokoro.style_table(voice.code) for voice in script.voice.voices]
    table = np.average(tables, axis=0, weights=script.voice.shares)
    for index, words in enumerate(with_breaks(script.pieces)):
        yield kokoro_utterance(words, table, first=index == 0)


def join(script: Script, pieces: Iterable[Piece]) -> SpeechClip:
    """One clip of all pieces of a script."""
    words: list[TimedToken] = []
    phones: list[TimedToken] = []
    samples = []
    offset_s = 0.0
    for piece in pieces:
        for tokens, own in ((words, piece.words), (phones, piece.phones)):
            tokens += [TimedToken(t.text, t.start_s + offset_s, t.end_s + offset_s) for t in own]
        offset_s += len(piece.samples) / kokoro.SAMPLE_RATE
        samples.append(piece.samples)
    transcript = Transcript(tuple(words), tuple(phones), script.voice.language.code, left_out=script.left_out)
    return SpeechClip(np.concatenate(samples), kokoro.SAMPLE_RATE, transcript)


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

"""Text becomes speech: hibari's small offline voices, which also say when each phone sounds."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from talker.errors import InputError
from talker.speech.pronunciation import phone_spans
from talker.types import FloatArray, SpeechClip, TimedToken, Transcript
from talker.weights import store

if TYPE_CHECKING:
    from hibari import Hibari
    from hibari.g2p.token import Tok

FRAME_S = 0.025  # the voice counts durations in frames of 25 ms
LEAD_S = 0.06  # the voice sounds this much before its durations say, measured against forced alignment
MAX_CHARACTERS = 20_000  # about 20 minutes of speech
MAX_LETTERS = 300  # phoneme letters the voice reads at once; longer sentences are cut between words
DURATIONS = "/Clip_output_0"  # the voice network's inner result that holds the letters' durations
CLAUSE_END = re.compile(r"[,;:—]$")


@dataclass(frozen=True)
class VoiceModel:
    """A row of the table of voices: the name hibari has for it, and the hub's, unless hibari's package brings it."""

    hibari_name: str
    asset: str | None


VOICES = {"american": VoiceModel("heart", None), "british": VoiceModel("emma", "voice_british")}


@dataclass(frozen=True)
class VoiceFrames:
    """What the voice network wants to sound, 80 frames a second; each spectrum is [601, frames], 0 to 12 kHz.

    harmonics, noise, rest: log magnitudes. phase, rest_phase: of the first and the last.
    pitch_hz: [frames], 0 where unvoiced.
    """

    harmonics: FloatArray
    phase: FloatArray
    noise: FloatArray
    rest: FloatArray
    rest_phase: FloatArray
    pitch_hz: FloatArray


Manner = Callable[[VoiceFrames], VoiceFrames]


def say(
    text: str, *, voice: str = "american", speed: float = 1.0, seed: int = 0, style: Manner | None = None
) -> SpeechClip:
    """Speech of `text` with its transcript: words and phones at the times at which the voice made them.

    speed: 0.5 slow .. 2 fast. seed: of the noise in the voice; the same text and seed give the same samples.
    style: changes what the network wants before it becomes sound.

    Raises InputError for text that is empty, too long or has nothing to pronounce, and for an unknown voice; AssetError
    when the voice's weights can't be had.
    """
    if voice not in VOICES:
        raise InputError(f"There is no voice called {voice!r}; choose one of {', '.join(VOICES)}.")
    if not 0.5 <= speed <= 2.0:
        raise InputError(f"The speed of the voice must lie between 0.5 and 2, not {speed}.")
    if not text.strip():
        raise InputError("There is no text to speak; type at least one word.")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"The text has {len(text)} characters, more than the {MAX_CHARACTERS} that can be spoken at once; "
            "speak it in parts."
        )
    speaker = _speaker(voice)
    pieces = [piece for sentence in speaker.sentences(text) for piece in _short_pieces(sentence)]
    if not pieces:
        raise InputError(f"Nothing in the text {_shortened(text)!r} can be pronounced in English; write it in words.")
    spoken = [speaker.speak(piece, speed, np.random.default_rng(seed + i), style) for i, piece in enumerate(pieces)]
    return _join(spoken)


@dataclass(frozen=True)
class _Word:
    """A word of the text and the phoneme letters it is read with, punctuation included."""

    text: str
    letters: str


@dataclass(frozen=True)
class _Piece:
    """The sound of a few words [N], with times from its own start."""

    samples: FloatArray
    words: list[TimedToken]
    phones: list[TimedToken]


class _Speaker:
    """One voice: hibari's reader of text, and its network with the durations laid open."""

    def __init__(self, reader: Hibari, session: onnxruntime.InferenceSession) -> None:
        self.reader = reader
        self.session = session

    def sentences(self, text: str) -> list[list[_Word]]:
        """The words of each sentence with how they are read; sentences without any sound are left out."""
        from hibari.g2p.normalize import normalize

        found = []
        for sentence in self.reader.split_sentences(text):
            words = _group(self.reader.g2p.phonemize_tokens(self.reader.g2p.tokenize(normalize(sentence))))
            if any(phone != "SIL" for word in words for phone, _ in phone_spans(word.letters)):
                found.append(words)
        return found

    def speak(
        self, words: list[_Word], speed: float, random: np.random.Generator, style: Manner | None = None
    ) -> _Piece:
        """The sound of one piece, with the words' and phones' times."""
        from hibari import dsp

        vocabulary = self.reader.vocab
        letters = " ".join("".join(letter for letter in word.letters if letter in vocabulary) for word in words)
        ids = np.array([self.reader.ids(letters)], np.int64)
        *parts, durations = self.session.run(None, {"ids": ids, "speed": np.array([speed], np.float32)})
        frames = VoiceFrames(*(part[0] for part in parts))
        samples = dsp.synth(*dataclasses.astuple(style(frames) if style else frames), random)
        ends = np.maximum(
            np.cumsum(durations.reshape(-1)) * FRAME_S - LEAD_S, 0.0
        )  # of the leading pad, each letter, the trailing pad
        words_timed, phones = [], []
        position = 0
        for word in words:
            spoken = "".join(letter for letter in word.letters if letter in vocabulary)
            own = _phones_at(spoken, ends[position:])
            sounding = [phone for phone in own if phone.text != "SIL"]
            if sounding:
                words_timed.append(TimedToken(word.text, sounding[0].start_s, sounding[-1].end_s))
            phones += own
            position += len(spoken) + 1
        return _Piece(samples.astype(np.float32), words_timed, phones)


def _phones_at(letters: str, ends: FloatArray) -> list[TimedToken]:
    """Timed phones of one word; ends[0] is where the word's first letter starts, ends[i] where letter i ends (s)."""
    phones, position = [], 0
    for phone, length in phone_spans(letters):
        phones.append(TimedToken(phone, float(ends[position]), float(ends[position + length])))
        position += length
    return phones


def _group(tokens: list[Tok]) -> list[_Word]:
    """hibari's tokens as words: what has no space between belongs together."""
    words: list[_Word] = []
    text, letters = "", ""
    for token in tokens:
        text, letters = text + token.text, letters + (token.phonemes or "")
        if token.whitespace:
            words.append(_Word(text, letters.strip()))
            text, letters = "", ""
    return [word for word in [*words, _Word(text, letters.strip())] if word.letters]


def _short_pieces(words: list[_Word]) -> list[list[_Word]]:
    """A sentence in pieces the voice can read at once, cut after a comma where there is one."""
    pieces: list[list[_Word]] = []
    rest = list(words)
    while sum(len(word.letters) + 1 for word in rest) > MAX_LETTERS and len(rest) > 1:
        total, fitting = 0, 0
        while fitting < len(rest) - 1 and total + len(rest[fitting].letters) + 1 <= MAX_LETTERS:
            total += len(rest[fitting].letters) + 1
            fitting += 1
        commas = [i + 1 for i in range(fitting // 3, fitting) if CLAUSE_END.search(rest[i].letters)]
        cut = commas[-1] if commas else max(1, fitting)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    return [*pieces, rest]


def _join(pieces: list[_Piece]) -> SpeechClip:
    """One clip of all pieces."""
    from hibari import SAMPLE_RATE

    words: list[TimedToken] = []
    phones: list[TimedToken] = []
    offset_s = 0.0
    for piece in pieces:
        for tokens, own in ((words, piece.words), (phones, piece.phones)):
            tokens += [TimedToken(t.text, t.start_s + offset_s, t.end_s + offset_s) for t in own]
        offset_s += len(piece.samples) / SAMPLE_RATE
    samples = np.concatenate([piece.samples for piece in pieces])
    peak = float(np.abs(samples).max())
    return SpeechClip(samples / max(1.0, peak), SAMPLE_RATE, Transcript(tuple(words), tuple(phones)))


def _shortened(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


@functools.cache
def _speaker(voice: str) -> _Speaker:
    from hibari import Hibari
    from hibari.voices import voice_path

    model = VOICES[voice]
    path = store.fetch(model.asset) if model.asset else Path(voice_path(model.hibari_name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        _with_output(path.read_bytes(), DURATIONS), options, providers=["CPUExecutionProvider"]
    )
    return _Speaker(Hibari(voice=model.hibari_name, model=str(path)), session)


def _with_output(model: bytes, name: str) -> bytes:
    """An ONNX model with one more output: the inner result `name`.

    Two protocol-buffer messages one after the other read as their union, so appending a ModelProto that holds only
    graph (field 7) · output (field 12) · name (field 1) adds the output without a library for ONNX files.
    """

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    return model + field(7, field(12, field(1, name.encode())))

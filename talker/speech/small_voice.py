"""hibari's small offline voice, which needs no download and also says when each phone sounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from talker.loaded import loaded_once
from talker.speech.readers.words import Word, timed_tokens
from talker.speech.utterance import Piece
from talker.speech.voice_expression import ExpressionCurve, coloured, intoned, levelled, limited
from talker.types import FloatArray

if TYPE_CHECKING:
    from hibari import Hibari

SAMPLE_RATE = 24_000
PITCH_HZ = 80.0  # frames of `VoiceFrames` a second
FRAME_S = 0.025  # the voice counts durations in frames of 25 ms
LEAD_S = 0.06  # the voice sounds this much before its durations say, measured against forced alignment
DURATIONS = "/Clip_output_0"  # the voice network's inner result that holds the letters' durations


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


class SmallSpeaker:
    """A small voice: its network with the durations laid open."""

    def __init__(self, voice: Hibari, session: onnxruntime.InferenceSession) -> None:
        self._voice = voice
        self._session = session

    def plan(self, words: Sequence[Word], speed: float) -> tuple[VoiceFrames, FloatArray, list[Word]]:
        """(what shall sound, the ends (s) of leading pad, letters and trailing pad, the words as they are spelled)."""
        spelled = [word.within(self._voice.vocab) for word in words]
        ids = np.array([self._voice.ids(" ".join(word.letters for word in spelled))], np.int64)
        *parts, durations = self._session.run(None, {"ids": ids, "speed": np.array([speed], np.float32)})
        ends = np.maximum(np.cumsum(durations.reshape(-1)) * FRAME_S - LEAD_S, 0.0)
        return VoiceFrames(*(part[0] for part in parts)), ends, spelled


@dataclass(frozen=True)
class SmallUtterance:
    """A line in a small voice. seed: of its noise. style: changes what the network wants before it is sound."""

    speaker: SmallSpeaker
    words: tuple[Word, ...]
    seed: int
    style: Manner | None = None

    def say(self, speed: float, expression: ExpressionCurve, start_s: float, *, heard: bool = True) -> Piece:
        """The line, as `Utterance` has it; its pace is the same from its start to its end."""
        from hibari import dsp

        pace = float(np.exp2(expression.at(np.array([start_s]))["pace_octaves"][0]))
        frames, ends, spelled = self.speaker.plan(self.words, float(np.clip(speed * pace, 0.5, 2.0)))
        tokens = timed_tokens(spelled, ends)
        if not heard:
            return Piece(np.zeros(round(len(frames.pitch_hz) / PITCH_HZ * SAMPLE_RATE), np.float32), *tokens)
        frames = self.style(frames) if self.style else frames
        times_s = start_s + np.arange(len(frames.pitch_hz)) / PITCH_HZ
        pitch = intoned(frames.pitch_hz, frames.pitch_hz > 0, times_s, expression.at(times_s))
        changed = dataclasses.replace(frames, pitch_hz=pitch)
        samples = dsp.synth(*dataclasses.astuple(changed), np.random.default_rng(self.seed)).astype(np.float32)
        moments = start_s + np.arange(len(samples)) / SAMPLE_RATE
        level = samples if self.style else levelled(samples)  # a style chooses the level itself
        return Piece(limited(coloured(level, SAMPLE_RATE, expression.at(moments))), *tokens)


@loaded_once
def small_speaker(name: str) -> SmallSpeaker:
    """The speaker of a voice, by the name that hibari has for it."""
    from hibari import Hibari
    from hibari.voices import voice_path

    path = Path(voice_path(name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        _with_output(path.read_bytes(), DURATIONS), options, providers=["CPUExecutionProvider"]
    )
    return SmallSpeaker(Hibari(voice=name, model=str(path)), session)


def _with_output(model: bytes, name: str) -> bytes:
    """An ONNX model with one more output: the inner result `name`.

    Two protocol-buffer messages one after the other read as their union, so appending a ModelProto that holds only
    graph (field 7) · output (field 12) · name (field 1) adds the output without a library for ONNX files.
    """

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    return model + field(7, field(12, field(1, name.encode())))

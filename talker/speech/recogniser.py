"""What is said and when: Whisper tiny.en writes the transcript with word times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from scipy.ndimage import uniform_filter1d

from talker.breaks import with_breaks
from talker.loaded import loaded_once
from talker.machine import return_freed_memory
from talker.media import audio
from talker.types import FloatArray, SpeechClip, TimedToken, Transcript
from talker.weights import store

SAMPLE_RATE = 16_000
PIECE_S, CUT_WITHIN_S, QUIET_S = 60.0, 15.0, 0.3  # ten minutes at once would take half a gigabyte
DOUBTFUL_LOG_PROBABILITY = -1.0  # per token; below it the transcript isn't trusted


def transcribe(clip: SpeechClip) -> Transcript:
    """The words of a clip with their times; no words when no speech is heard.

    confidence: 0.5 at a mean log-probability of −1 per token, 1 at 0. The recogniser knows English only: other
    languages come out as doubtful words.
    """
    samples = audio.at_rate(clip, SAMPLE_RATE).samples
    words: list[TimedToken] = []
    total, weight = 0.0, 0
    for begin_s, segment in _segments(samples):
        tokens = max(1, len(segment.tokens))
        total, weight = total + segment.avg_logprob * tokens, weight + tokens
        for word in segment.words or ():
            end_s = min(begin_s + float(word.end), clip.duration_s)
            start_s = min(begin_s + float(word.start), end_s)
            if words and not word.word.startswith(" "):  # the rest of "$1,200" or "20%"
                before = words.pop()
                words.append(TimedToken(before.text + word.word.strip(), before.start_s, end_s))
            else:
                words.append(TimedToken(word.word.strip(), start_s, end_s))
    if not words:
        return Transcript((), confidence=0.0)
    confidence = 1.0 - (total / weight) / (2 * DOUBTFUL_LOG_PROBABILITY)
    return Transcript(tuple(words), confidence=float(np.clip(confidence, 0.0, 1.0)))


def _segments(samples: FloatArray) -> Iterator[tuple[float, Segment]]:
    """What is heard in `samples` [N] at 16 kHz, and when (s) the piece begins from which its times count."""
    for start, end in with_breaks(pieces(samples)):
        found, _ = _recogniser().transcribe(
            samples[start:end], language="en", beam_size=1, word_timestamps=True, vad_filter=True,
            condition_on_previous_text=False,
        )  # fmt: skip
        for segment in with_breaks(found):
            yield start / SAMPLE_RATE, segment
        return_freed_memory()  # the recogniser's scratch, which is most of what it takes


def pieces(samples: FloatArray) -> Iterator[tuple[int, int]]:
    """Start and end of pieces of at most `PIECE_S`, cut where it is quietest in the last seconds of each."""
    start, most, last = 0, round(PIECE_S * SAMPLE_RATE), round(CUT_WITHIN_S * SAMPLE_RATE)
    while len(samples) - start > most:
        first = start + most - last
        loudness = uniform_filter1d(samples[first : first + last] ** 2, round(QUIET_S * SAMPLE_RATE), mode="nearest")
        end = first + int(loudness.argmin())
        yield start, end
        start = end
    yield start, len(samples)


@loaded_once
def _recogniser() -> WhisperModel:
    return WhisperModel(str(store.fetch("whisper_tiny_en")), device="cpu", compute_type="int8")

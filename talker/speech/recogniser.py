"""What is said and when: Whisper tiny.en writes the transcript with word times."""

from __future__ import annotations

import numpy as np
from faster_whisper import WhisperModel

from talker.loaded import loaded_once
from talker.media import audio
from talker.types import SpeechClip, TimedToken, Transcript
from talker.weights import store

SAMPLE_RATE = 16_000
DOUBTFUL_LOG_PROBABILITY = -1.0  # per token; below it the transcript isn't trusted


def transcribe(clip: SpeechClip) -> Transcript:
    """The words of a clip with their times; no words when no speech is heard.

    confidence: 0.5 at a mean log-probability of −1 per token, 1 at 0. The recogniser knows English only: other
    languages come out as doubtful words.
    """
    samples = audio.at_rate(clip, SAMPLE_RATE).samples
    segments, _ = _recogniser().transcribe(
        samples, language="en", beam_size=1, word_timestamps=True, vad_filter=True, condition_on_previous_text=False
    )
    words: list[TimedToken] = []
    total, weight = 0.0, 0
    for segment in segments:
        tokens = max(1, len(segment.tokens))
        total, weight = total + segment.avg_logprob * tokens, weight + tokens
        for word in segment.words or ():
            end_s = min(float(word.end), clip.duration_s)
            start_s = min(float(word.start), end_s)
            if words and not word.word.startswith(" "):  # the rest of "$1,200" or "20%"
                before = words.pop()
                words.append(TimedToken(before.text + word.word.strip(), before.start_s, end_s))
            else:
                words.append(TimedToken(word.word.strip(), start_s, end_s))
    if not words:
        return Transcript((), confidence=0.0)
    confidence = 1.0 - (total / weight) / (2 * DOUBTFUL_LOG_PROBABILITY)
    return Transcript(tuple(words), confidence=float(np.clip(confidence, 0.0, 1.0)))


@loaded_once
def _recogniser() -> WhisperModel:
    return WhisperModel(str(store.fetch("whisper_tiny_en")), device="cpu", compute_type="int8")

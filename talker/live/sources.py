"""Where live sound comes from: a microphone, or a recording at the pace at which it was spoken."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator

from talker.errors import AssetError, AudioError
from talker.types import FloatArray, SpeechClip

CHUNK_S = 0.04
MICROPHONE_RATE = 48_000


def microphone(rate: int = MICROPHONE_RATE) -> Iterator[FloatArray]:
    """Chunks [n] of what the default microphone hears, until the iterator is closed.

    Raises AssetError without the extra `live`, and AudioError where there is no microphone.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio, which it plays through, isn't there
        raise AssetError(
            "A microphone needs the extra `live` (pip install 'talker-portrait[live]') and PortAudio (libportaudio2)."
        ) from error
    chunks: queue.SimpleQueue[FloatArray] = queue.SimpleQueue()
    try:
        with sounddevice.InputStream(
            rate, round(CHUNK_S * rate), channels=1, dtype="float32",
            callback=lambda data, *_: chunks.put(data[:, 0].copy()),
        ):  # fmt: skip
            while True:
                yield chunks.get()
    except sounddevice.PortAudioError as error:
        raise AudioError(f"There is no microphone that can be opened ({error}).") from error


def paced(clip: SpeechClip) -> Iterator[FloatArray]:
    """Chunks [n] of a clip, each when it would just have been heard."""
    step, start = round(CHUNK_S * clip.sample_rate), time.perf_counter()
    for first in range(0, len(clip.samples), step):
        chunk = clip.samples[first : first + step]
        due = start + (first + len(chunk)) / clip.sample_rate
        time.sleep(max(0.0, due - time.perf_counter()))
        yield chunk

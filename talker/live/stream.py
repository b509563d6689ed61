"""Frames of a face while somebody speaks: hearing in one thread, drawing in another, and nothing waits that is old."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from talker.emotion.resolve import Emotion
from talker.live.face import LiveFace
from talker.media.provenance import Provenance, labelled
from talker.render.registry import Renderer
from talker.types import ByteArray, EmotionCode, FaceMotion, FloatArray

WAITING = 4  # motions between hearing and drawing
AT_ONCE = 2  # frames that are drawn of what was heard at once, where late ones are left out


@dataclass(frozen=True)
class LiveFrame:
    """A picture [H,W,3] of the face, marked as generated, the moment (s) that it shows, and the sound [n] from then on.

    Where frames before it were left out, their sound comes first.
    """

    picture: ByteArray
    time_s: float
    sound: FloatArray


@dataclass(frozen=True)
class HeardMotion:
    """What was heard at once: the number of its first frame, the motion, and the sound [n] of all its frames."""

    number: int
    motion: FaceMotion
    sound: FloatArray


class LiveFrames:
    """The frames of a `LiveFace`, drawn and marked; what it feels may be changed meanwhile, from any thread.

    shown: the code of an emotion on this face, at a strength (0..1.5). late: whether frames are left out that should
    have been there when the next is ready, so that the delay stays what it is on a machine that is too slow. label:
    "AI-generated" in a corner. settings: of which the mark holds a digest.
    """

    def __init__(
        self, face: LiveFace, renderer: Renderer, shown: Callable[[Emotion, float], EmotionCode], *,
        late: bool = False, label: bool = False, settings: str = "",
    ) -> None:  # fmt: skip
        self._face, self._renderer, self._shown, self._late, self._label = face, renderer, shown, late, label
        self._marker = Provenance(renderer.name, settings).marker(renderer.size)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the frames."""
        return self._renderer.size

    def feel(self, emotion: Emotion, strength: float = 1.0) -> None:
        """Show another emotion, or another strength (0..1.5) of it, from the next frame on, in a third of a second.

        EmotionError where it can't be understood; the face goes on as it did.
        """
        self._face.feel(self._shown(emotion, strength))

    def of(self, chunks: Iterable[FloatArray]) -> Iterator[LiveFrame]:
        """The frames of sound that comes in chunks [n]; when it ends, so do they, without those that wait for more.

        The chunks are taken in a thread of their own, which may wait for a microphone.
        """
        waiting: queue.Queue[HeardMotion | None] = queue.Queue(WAITING)
        over = threading.Event()

        def put(heard: HeardMotion | None) -> None:
            while not over.is_set():
                with suppress(queue.Full):
                    waiting.put(heard, timeout=0.1)
                    break

        def listen() -> None:
            try:
                for heard in self._heard(takewhile(lambda chunk: not over.is_set(), chunks)):
                    put(heard)
            finally:
                put(None)

        with ThreadPoolExecutor(1, "hearing") as thread:
            hearing = thread.submit(listen)
            try:
                yield from self._drawn(waiting)
            finally:
                over.set()
            hearing.result()

    def _heard(self, chunks: Iterable[FloatArray]) -> Iterator[HeardMotion]:
        """The motions of the chunks, each with its sound."""
        made, taken, sound = 0, 0, np.zeros(0, np.float32)
        for chunk in chunks:
            sound = np.concatenate([sound, chunk]) if chunk.ndim == 1 else sound  # `hear` refuses the rest
            for motion in self._face.hear(chunk):
                number, made = made, made + len(motion)
                end = round(made / motion.fps * self._face.sample_rate)
                yield HeardMotion(number, motion, sound[: end - taken])
                sound, taken = sound[end - taken :], end

    def _drawn(self, waiting: queue.Queue[HeardMotion | None]) -> Iterator[LiveFrame]:
        sound = np.zeros(0, np.float32)
        while (heard := waiting.get()) is not None:
            sound, motion = np.concatenate([sound, heard.sound]), heard.motion
            if self._late:
                if not waiting.empty():
                    continue
                motion = FaceMotion(motion.blendshapes[-AT_ONCE:], motion.pose[-AT_ONCE:], motion.fps)
            first = heard.number + len(heard.motion) - len(motion)
            each = len(heard.sound) // len(heard.motion)
            sounds = np.split(sound, [len(sound) - each * left for left in range(len(motion) - 1, 0, -1)])
            pictures = self._renderer.render(motion)
            if self._label:
                pictures = labelled(pictures, self._renderer.size)
            for index, (picture, samples) in enumerate(zip(pictures, sounds, strict=True)):
                marked = picture if self._marker is None else self._marker.add(picture)
                yield LiveFrame(marked, (first + index) / motion.fps, samples)
            sound = np.zeros(0, np.float32)

"""Frames of a face while somebody speaks: hearing in one thread, drawing in another, and nothing waits that is old."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

from talker.emotion.resolve import Emotion
from talker.live.face import LiveFace
from talker.media.provenance import Provenance, labelled
from talker.render.registry import Renderer
from talker.types import ByteArray, EmotionCode, FaceMotion, FloatArray

WAITING = 4  # motions between hearing and drawing
AT_ONCE = 2  # frames that are drawn of what was heard at once, where late ones are left out


@dataclass(frozen=True)
class LiveFrame:
    """A picture [H,W,3] of the face, marked as generated, and the moment (s) of the sound that it belongs to."""

    picture: ByteArray
    time_s: float


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
        waiting: queue.Queue[tuple[int, FaceMotion] | None] = queue.Queue(WAITING)
        over = threading.Event()

        def put(found: tuple[int, FaceMotion] | None) -> None:
            while not over.is_set():
                with suppress(queue.Full):
                    waiting.put(found, timeout=0.1)
                    break

        def listen() -> None:
            made = 0
            try:
                for chunk in takewhile(lambda chunk: not over.is_set(), chunks):
                    for motion in self._face.hear(chunk):
                        put((made, motion))
                        made += len(motion)
            finally:
                put(None)

        with ThreadPoolExecutor(1, "hearing") as thread:
            hearing = thread.submit(listen)
            try:
                yield from self._drawn(waiting)
            finally:
                over.set()
            hearing.result()

    def _drawn(self, waiting: queue.Queue[tuple[int, FaceMotion] | None]) -> Iterator[LiveFrame]:
        while (found := waiting.get()) is not None:
            number, motion = found
            if self._late:
                if not waiting.empty():
                    continue
                number, motion = number + max(0, len(motion) - AT_ONCE), latest(motion, AT_ONCE)
            pictures = self._renderer.render(motion)
            if self._label:
                pictures = labelled(pictures, self._renderer.size)
            for index, picture in enumerate(pictures):
                marked = picture if self._marker is None else self._marker.add(picture)
                yield LiveFrame(marked, (number + index) / motion.fps)


def latest(motion: FaceMotion, frames: int) -> FaceMotion:
    """The last `frames` of a motion."""
    return FaceMotion(motion.blendshapes[-frames:], motion.pose[-frames:], motion.fps)

"""Frames of a face while somebody speaks: hearing in one thread, drawing in another, and nothing waits that is old."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from talker.live.face import LiveFace
from talker.media.provenance import Provenance, labelled
from talker.render.registry import Renderer
from talker.types import ByteArray, FaceMotion, FloatArray

WAITING = 4  # motions between hearing and drawing


@dataclass(frozen=True)
class LiveFrame:
    """A picture [H,W,3] of the face, marked as generated, and the moment (s) of the sound that it belongs to."""

    picture: ByteArray
    time_s: float


class LiveFrames:
    """The frames of a `LiveFace`, drawn and marked.

    late: whether frames are left out that should have been there when the next is ready, so that the delay stays what
    it is on a machine that is too slow. label: "AI-generated" in a corner. settings: of which the mark holds a digest.
    """

    def __init__(
        self, face: LiveFace, renderer: Renderer, *, late: bool = False, label: bool = False, settings: str = ""
    ) -> None:
        self.face, self._renderer, self._late, self._label = face, renderer, late, label
        self._marker = Provenance(renderer.name, settings).marker(renderer.size)

    def of(self, chunks: Iterable[FloatArray]) -> Iterator[LiveFrame]:
        """The frames of sound that comes in chunks [n]; when it ends, so do they, without those that wait for more.

        The chunks are taken in a thread of their own, which may wait for a microphone.
        """
        waiting: queue.Queue[tuple[int, FaceMotion] | BaseException | None] = queue.Queue(WAITING)
        over = threading.Event()

        def put(found: tuple[int, FaceMotion] | BaseException | None) -> None:
            while not over.is_set():
                try:
                    return waiting.put(found, timeout=0.1)
                except queue.Full:
                    continue

        def listen() -> None:
            made = 0
            try:
                for chunk in chunks:
                    for motion in self.face.hear(chunk):
                        put((made, motion))
                        made += len(motion)
                    if over.is_set():
                        return
                put(None)
            except BaseException as error:  # whoever takes the frames is told, in their thread
                put(error)

        threading.Thread(target=listen, name="hearing", daemon=True).start()
        try:
            yield from self._drawn(waiting)
        finally:
            over.set()

    def _drawn(self, waiting: queue.Queue[tuple[int, FaceMotion] | BaseException | None]) -> Iterator[LiveFrame]:
        while (found := waiting.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            number, motion = found
            if self._late and not waiting.empty():
                continue
            pictures = self._renderer.render(motion)
            if self._label:
                pictures = labelled(pictures, self._renderer.size)
            for index, picture in enumerate(pictures):
                marked = picture if self._marker is None else self._marker.add(picture)
                yield LiveFrame(marked, (number + index) / motion.fps)

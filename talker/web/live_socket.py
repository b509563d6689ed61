"""The socket of the tab "Live": sound comes up in chunks, pictures go down, each with the moment that it belongs to.

A visitor first asks for a ticket, which needs consent and a free seat, and then opens the socket with it. Up: 16-bit
samples, mono, as bytes, and JSON with `emotion` and `strength`. Down: eight bytes with the moment (s, a double, little
endian) and a JPEG after it, and JSON with `error`.
"""

from __future__ import annotations

import asyncio
import json
import queue
import secrets
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from talker.errors import TalkerError
from talker.limits import EMOTION_CHARACTERS, LIVE_SECONDS, SOUND_RATES
from talker.media.image import as_jpeg
from talker.media.provenance import Provenance
from talker.options import SpeakOptions
from talker.types import FloatArray, Portrait
from talker.web import texts
from talker.web.fairness import Seats

if TYPE_CHECKING:
    from talker.pipeline import Talker

PATH = "/live"
TICKET_S = 60.0  # within which it has to be used
WAITING = 50  # chunks of sound; who sends more at once is refused
UNSENT = 3  # pictures; older ones are left out where the line is slow
REFUSED, FULL, OVER = 1008, 1013, 1000  # codes of the WebSocket protocol


@dataclass(frozen=True)
class Ticket:
    """What a visitor may open the socket for: whose face with which emotion, and until when."""

    portrait: Portrait
    emotion: str
    options: SpeakOptions
    visitor: str
    expires: float = field(default_factory=lambda: time.monotonic() + TICKET_S)


class LiveSocket:
    """Hands out tickets, and answers those who come with one."""

    def __init__(self, talker: Talker, seats: Seats) -> None:
        self._talker, self._seats = talker, seats
        self._tickets: dict[str, Ticket] = {}
        self.route = WebSocketRoute(PATH, self.answer)

    def ticket(self, ticket: Ticket) -> str:
        """The word that opens the socket once. The visitor's consent has been asked for before."""
        now = time.monotonic()
        self._tickets = {word: kept for word, kept in self._tickets.items() if kept.expires > now}
        word = secrets.token_urlsafe(24)
        self._tickets[word] = ticket
        return word

    async def answer(self, socket: WebSocket) -> None:
        """Let the face of a ticket talk until the visitor leaves."""
        ticket = self._tickets.pop(socket.query_params.get("ticket", ""), None)
        rate = socket.query_params.get("rate", "")
        known = rate.isdecimal() and len(rate) < 7 and SOUND_RATES[0] <= int(rate) <= SOUND_RATES[1]
        if ticket is None or ticket.expires < time.monotonic() or not known or not _same_origin(socket):
            await socket.close(REFUSED)
            return
        with self._seats.taken(ticket.visitor) as seated:
            if not seated:
                await socket.accept()
                await socket.send_json({"error": texts.LIVE_FULL})
                await socket.close(FULL)
                return
            await socket.accept()
            await _Conversation(self._talker, ticket, int(rate), socket).run()


class _Conversation:
    """One visitor's face while the socket is open."""

    def __init__(self, talker: Talker, ticket: Ticket, rate: int, socket: WebSocket) -> None:
        self._talker, self._ticket, self._rate, self._socket = talker, ticket, rate, socket
        self._sound: queue.Queue[FloatArray | None] = queue.Queue(WAITING)
        self._pictures: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._wanted: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Talk until the visitor leaves, or has talked long enough."""
        talking = asyncio.create_task(asyncio.to_thread(self._talk))
        sending = asyncio.create_task(self._send())
        try:
            async with asyncio.timeout(LIVE_SECONDS):
                await self._receive()
        except TimeoutError:
            self._pictures.put_nowait(json.dumps({"error": texts.LIVE_OVER}))
        finally:
            self._sound.put(None) if not self._sound.full() else self._drain()
            self._wanted.put(None)
            await talking
            sending.cancel()

    def _drain(self) -> None:
        """End the sound where nobody takes it any more."""
        while not self._sound.empty():
            self._sound.get_nowait()
        self._sound.put(None)

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (data := message.get("bytes")) is not None and len(data) % 2 == 0 and not self._sound.full():
                self._sound.put_nowait(np.frombuffer(data, "<i2").astype(np.float32) / 32768.0)
            elif (text := message.get("text")) is not None:
                self._want(text)

    def _want(self, text: str) -> None:
        """Note an emotion that shall be shown."""
        try:
            wanted = json.loads(text[: 2 * EMOTION_CHARACTERS])
            emotion, strength = str(wanted["emotion"]), float(wanted["strength"])
        except (ValueError, TypeError, KeyError):
            return
        if 0.0 <= strength <= 1.5:
            self._wanted.put((emotion, strength))

    async def _send(self) -> None:
        """Send what was drawn; of pictures that wait, the newest."""
        while True:
            ready = await self._pictures.get()
            if isinstance(ready, bytes) and self._pictures.qsize() >= UNSENT:
                continue
            try:
                await (self._socket.send_bytes(ready) if isinstance(ready, bytes) else self._socket.send_text(ready))
            except (WebSocketDisconnect, RuntimeError):  # the visitor has left
                return

    def _show(self, ready: bytes | str) -> None:
        self._loop.call_soon_threadsafe(self._pictures.put_nowait, ready)

    def _talk(self) -> None:
        """Hear and draw, in a thread of its own."""
        ticket = self._ticket
        try:
            face = self._talker.live(
                ticket.portrait, emotion=ticket.emotion, options=ticket.options, sample_rate=self._rate, late=True
            )

            def feel() -> None:
                while (wanted := self._wanted.get()) is not None:
                    try:
                        face.feel(*wanted)
                    except TalkerError as error:
                        self._show(json.dumps({"error": str(error)}))

            threading.Thread(target=feel, name="feeling", daemon=True).start()
            for frame in face.of(self._chunks()):
                picture = as_jpeg(frame.picture, Provenance("geometry"))
                self._show(struct.pack("<d", frame.time_s) + picture)
        except TalkerError as error:
            self._show(json.dumps({"error": str(error)}))

    def _chunks(self) -> Iterator[FloatArray]:
        """What was sent since the last time, in one piece, until the visitor has left."""
        while (chunk := self._sound.get()) is not None:
            pieces = [chunk]
            while not self._sound.empty() and len(pieces) < WAITING:
                following = self._sound.get_nowait()
                if following is None:
                    return
                pieces.append(following)
            yield np.concatenate(pieces)


def _same_origin(socket: WebSocket) -> bool:
    """Whether the page that opens the socket is this server's own: other pages' may be opened by browsers, too."""
    origin = socket.headers.get("origin")
    forwarded = socket.headers.get("x-forwarded-host") or socket.headers.get("host", "")
    return origin is None or urlsplit(origin).netloc == forwarded

"""The socket of the tab "Live": who may open it, what goes up and comes down, and that it ends with its visitor."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from stand_ins import FakeComponents
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from talker import SpeakOptions, Talker
from talker.media import provenance
from talker.web import admission, live_socket, texts
from talker.web.fairness import Seats
from talker.web.hosts import OwnHostOnly
from talker.web.live_socket import LiveSocket, Ticket

RATE = 16000
CHUNK = (3000 * np.sin(np.arange(1600) / 9)).astype("<i2").tobytes()  # 0.1 s


@pytest.fixture
def live() -> LiveSocket:
    return LiveSocket(Talker(FakeComponents().as_components()), Seats(1))


@pytest.fixture
def client(live: LiveSocket) -> Iterator[TestClient]:
    app = Starlette(routes=[live.route], middleware=[Middleware(OwnHostOnly)])
    with TestClient(app, base_url="http://localhost") as connected:
        yield connected


def ticket(live: LiveSocket, visitor: str = "1.2.3.4") -> str:
    portrait = FakeComponents().analyse(np.full((96, 64, 3), 90, np.uint8), 0)
    return live.ticket(Ticket(portrait, "happy", SpeakOptions(size="crop512"), visitor))


def opened(client: TestClient, word: str, rate: int = RATE, **headers: str) -> Any:
    return client.websocket_connect(f"ws://localhost/live?ticket={word}&rate={rate}", headers=headers)


def test_sound_goes_up_and_marked_pictures_come_down(client: TestClient, live: LiveSocket, tmp_path: Any) -> None:
    with opened(client, ticket(live)) as socket:
        for _ in range(10):
            socket.send_bytes(CHUNK)
        data = socket.receive_bytes()
    (moment,) = struct.unpack("<d", data[:8])
    assert 0.0 <= moment < 1.0
    picture = Image.open(BytesIO(data[8:]))
    assert picture.format == "JPEG"
    (tmp_path / "frame.jpg").write_bytes(data[8:])
    assert provenance.is_generated(tmp_path / "frame.jpg")


def test_a_ticket_opens_once(client: TestClient, live: LiveSocket) -> None:
    word = ticket(live)
    with opened(client, word):
        pass
    for wrong in (word, "", "guess"):
        with pytest.raises(WebSocketDisconnect), opened(client, wrong):
            pass


def test_old_tickets_and_impossible_rates_are_refused(
    client: TestClient, live: LiveSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WebSocketDisconnect), opened(client, ticket(live), rate=10):
        pass
    word = ticket(live)
    now = live_socket.time.monotonic()
    monkeypatch.setattr(live_socket.time, "monotonic", lambda: now + live_socket.TICKET_S + 1)
    with pytest.raises(WebSocketDisconnect), opened(client, word):
        pass


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
def test_pages_from_elsewhere_are_refused(client: TestClient, live: LiveSocket, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), opened(client, ticket(live), **headers):
        pass
    with opened(client, ticket(live), origin="http://localhost"):
        pass


def test_who_finds_no_seat_is_told(client: TestClient, live: LiveSocket) -> None:
    with opened(client, ticket(live)), opened(client, ticket(live, "5.6.7.8")) as other:
        assert other.receive_json() == {"error": texts.LIVE_FULL}
    with opened(client, ticket(live, "5.6.7.8")) as other:  # the first has left
        other.send_bytes(CHUNK * 10)
        other.receive_bytes()


def test_each_visitor_has_one_seat() -> None:
    seats = Seats(3)
    with seats.taken("a") as first, seats.taken("a") as again, seats.taken("b") as other:
        assert (first, again, other) == (True, False, True)
    with seats.taken("a") as later:
        assert later


def test_another_emotion_and_what_is_no_emotion(client: TestClient, live: LiveSocket) -> None:
    with opened(client, ticket(live)) as socket:
        for nonsense in ("", "[]", "{}", '{"emotion": 1, "strength": "x"}', '{"emotion": "sad", "strength": 99}'):
            socket.send_text(nonsense)
        socket.send_text(json.dumps({"emotion": "sad", "strength": 1.0}))
        socket.send_text(json.dumps({"emotion": "no such thing", "strength": 1.0}))
        assert "no such thing" in socket.receive_json()["error"]
        socket.send_bytes(CHUNK * 10)
        socket.receive_bytes()


def test_ten_minutes_are_enough(client: TestClient, live: LiveSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "LIVE_SECONDS", 0.2)
    with opened(client, ticket(live)) as socket:
        assert socket.receive_json() == {"error": texts.LIVE_OVER}


def test_threads_end_with_the_visitor(client: TestClient, live: LiveSocket) -> None:
    before = {thread.name for thread in threading.enumerate()}
    with opened(client, ticket(live)) as socket:
        socket.send_bytes(CHUNK * 10)
        socket.receive_bytes()
    for thread in threading.enumerate():
        if thread.name not in before and thread.name.startswith(("hearing", "feeling")):
            thread.join(5)
            assert not thread.is_alive()


def test_no_ticket_without_consent(tmp_path: Any) -> None:
    picture = tmp_path / "portrait.png"
    Image.new("RGB", (80, 96), "brown").save(picture)
    for consent in (False, "true", None):
        with pytest.raises(gr.Error, match="confirm"):
            admission.admit(gr.Request(), str(picture), "happy", "", 0.8, False, consent)  # type: ignore[arg-type]

"""Whose run comes next, under which names the page answers, and how long a request may take."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client

from talker import breaks
from talker.emotion.voice_features import VoiceFrames, moments
from talker.errors import CancelledError, InputError
from talker.media.film import write_grid, write_preview
from talker.media.video import write_video
from talker.speech import phones, prosody, recogniser, voice
from talker.speech.encoder import SpeechEncoder
from talker.speech.prosody import Prosody
from talker.speech.whisper import EncoderConfig, WhisperEncoder
from talker.types import SpeechClip, TimedToken, Transcript, Video
from talker.web import fairness, hosts, progress

PATIENCE = 60.0  # s; the machine may be busy with other things


def turns(*waiting: str) -> str:
    """The order of events called `session@address`; the answer in one line."""
    return " ".join(fairness.in_turns(waiting, lambda event: tuple(event.split("@"))))


def test_visitors_take_turns() -> None:
    assert turns("a@1", "a@1", "a@1", "b@2", "c@3") == "a@1 b@2 c@3 a@1 a@1"


def test_the_first_who_came_is_first() -> None:
    assert turns("c@3", "a@1", "b@2") == "c@3 a@1 b@2"


def test_many_sessions_of_one_address_are_one_visitor_to_others() -> None:
    assert turns("a@1", "b@1", "c@1", "d@1", "e@2") == "a@1 e@2 b@1 c@1 d@1"


def test_people_behind_one_address_take_turns_by_sessions() -> None:
    assert turns("a@1", "a@1", "b@1") == "a@1 b@1 a@1"


def test_a_proxy_tells_where_a_request_comes_from() -> None:
    request = SimpleNamespace(headers={"x-forwarded-for": "6.6.6.6, 1.2.3.4"}, client=SimpleNamespace(host="10.0.0.1"))
    assert fairness.visitor_address(SimpleNamespace(request=request)) == "1.2.3.4", (
        "what stands before it anyone can claim"
    )
    request.headers = {}
    assert fairness.visitor_address(SimpleNamespace(request=request)) == "10.0.0.1"


def test_a_film_gives_way_to_a_still_until_it_is_made() -> None:
    stills, passed = fairness.Stills(), threading.Event()
    film = threading.Thread(target=lambda: (stills.let_pass(), passed.set()))
    with stills.first():
        film.start()
        assert not passed.wait(fairness.GIVES_WAY_S / 4)
    assert passed.wait(PATIENCE)
    film.join()


def test_many_stills_dont_stop_a_film(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "GIVES_WAY_S", 0.01)
    stills = fairness.Stills()
    with stills.first(), stills.first():
        start = time.monotonic()
        stills.let_pass()
        assert 0.01 <= time.monotonic() - start < PATIENCE
    stills.let_pass()


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost:7860", True), ("LOCALHOST", True), ("a.localhost", True), ("127.0.0.1:7860", True),
        ("[::1]:80", True), ("::1", True), ("192.168.1.5:7860", True), ("name.hf.space", True),
        ("talker.example", True),
        ("evil.example", False), ("localhost.evil.example", False), ("hf.space.evil.example", False), ("", False),
        ("127.0.0.1.nip.io", False), ("nothf.space", False), ("a:b:c", False), ("localhost.", True),
    ],
)  # fmt: skip
def test_own_hosts(monkeypatch: pytest.MonkeyPatch, host: str, own: bool) -> None:
    monkeypatch.setenv(hosts.VARIABLE, "talker.example, other.example")
    assert hosts.is_own(host, hosts.own_names()) == own


def test_the_owner_may_allow_all_hosts_and_a_proxy_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://films.example/talker")
    assert hosts.is_own("films.example", hosts.own_names())
    monkeypatch.setenv(hosts.VARIABLE, "*")
    assert hosts.is_own("anything.example", hosts.own_names())


def silent(*_: Any, **__: Any) -> None:
    """A progress bar that nobody sees."""


def shown(monkeypatch: pytest.MonkeyPatch, clock: list[float], stopped: bool = False) -> progress.Shown:
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    return progress.Shown(silent, lambda: stopped)  # type: ignore[arg-type]


def test_a_run_that_would_take_too_long_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    show = shown(monkeypatch, clock)
    show.drawing(0, 3000)
    clock[0] = 5.0
    show.drawing(10, 3000)
    clock[0] = 12.0
    with pytest.raises(InputError, match="about 30 minutes; 10 are allowed"):
        show.drawing(20, 3000)


def test_a_run_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    show = shown(monkeypatch, clock)
    clock[0] = 601.0
    with pytest.raises(InputError, match="longer than the 10 minutes"):
        show.stage("speech")


def test_a_run_without_a_listener_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CancelledError):
        shown(monkeypatch, [0.0], stopped=True).stage("speech")


def test_outside_of_a_page_somebody_always_listens() -> None:
    assert fairness.listener()()


def test_each_video_of_a_batch_and_every_download_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    show = shown(monkeypatch, clock)
    for done in range(5):
        clock[0] = 500.0 * done
        show.batching(done, 200)
    clock[0] += 3000.0
    show.fetching("weights", 1, 9)
    clock[0] += 599.0
    show.stage("speech")
    clock[0] += 2.0
    with pytest.raises(InputError):
        show.stage("speech")


@pytest.fixture
def endless() -> Iterator[tuple[str, dict[str, threading.Event]]]:
    """(address, events) of a page whose only run goes on until nobody listens."""
    events = {"begun": threading.Event(), "ended": threading.Event()}

    def run() -> str:
        listening = fairness.listener()
        events["begun"].set()
        while listening():
            time.sleep(0.02)
        events["ended"].set()
        return "nobody will see this"

    with gr.Blocks() as page:
        gr.Button().click(run, None, gr.Textbox(), api_name="run", concurrency_id="films")
    page.queue(max_size=fairness.MOST_WAITING)
    fairness.share_fairly(page)
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address, events
    page.close()


def test_a_run_ends_when_its_client_cancels(endless: tuple[str, dict[str, threading.Event]]) -> None:
    address, events = endless
    job = Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE}).submit(api_name="/run")
    assert events["begun"].wait(PATIENCE)
    assert not events["ended"].wait(0.5)
    job.cancel()
    assert events["ended"].wait(PATIENCE)


def test_a_run_ends_when_nobody_listens_any_more(endless: tuple[str, dict[str, threading.Event]]) -> None:
    address, events = endless
    number = httpx.post(f"{address}gradio_api/call/run", json={"data": []}, timeout=PATIENCE).json()["event_id"]
    with httpx.stream("GET", f"{address}gradio_api/call/run/{number}", timeout=PATIENCE):
        assert events["begun"].wait(PATIENCE)
        assert not events["ended"].wait(0.5)
    assert events["ended"].wait(PATIENCE)


def test_films_are_made_by_threads_of_less_priority() -> None:
    """And all that they start, such as FFmpeg; the priority of the page's own threads stays."""
    seen: ContextVar[str] = ContextVar("seen", default="")
    seen.set("what Gradio knows of the run")

    @fairness.modestly
    def film(first: int, *, second: int) -> tuple[str, int, int]:
        """A film's docstring."""
        inner = threading.Thread(target=lambda: niceness.append(own_niceness()))
        inner.start()
        inner.join()
        return seen.get(), first + second, own_niceness()

    before, niceness = own_niceness(), list[int]()
    assert film(1, second=2)[:2] == ("what Gradio knows of the run", 3)
    assert film.__doc__ == "A film's docstring."
    if sys.platform == "linux":
        assert film(1, second=2)[2] == min(19, before + fairness.MODESTY)
        assert set(niceness) == {min(19, before + fairness.MODESTY)}
    assert own_niceness() == before


def test_what_goes_wrong_with_a_film_is_told() -> None:
    @fairness.modestly
    def film() -> None:
        raise InputError("no such picture")

    with pytest.raises(InputError, match="no such picture"):
        film()


def own_niceness() -> int:
    """Of this thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) if sys.platform == "linux" else 0


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows when a film lets stills pass."""
    times: list[int] = []
    monkeypatch.setattr(progress.STILLS, "let_pass", lambda: times.append(1))
    return times


def test_stills_go_first_at_every_step_and_every_break_of_a_film(passed: list[int]) -> None:
    breaks.take_break()
    assert passed == []
    with progress.Shown(silent) as show:  # type: ignore[arg-type]
        show.stage("speech")
        assert list(breaks.with_breaks("abc")) == ["a", "b", "c"]
        assert len(passed) == 4
    breaks.take_break()
    assert len(passed) == 4


def test_a_run_that_shall_stop_ends_inside_of_a_step(passed: list[int]) -> None:
    stopped: list[bool] = []
    heard = []
    with pytest.raises(CancelledError), progress.Shown(silent, lambda: bool(stopped)):  # type: ignore[arg-type]
        for piece in breaks.with_breaks(range(10)):
            heard.append(piece)
            stopped += [True] * (piece == 3)
    assert heard == [0, 1, 2, 3]


def breaks_in(work: Callable[[], object]) -> int:
    """How many breaks something takes."""
    taken: list[int] = []
    with breaks.at_breaks(lambda: taken.append(1)):
        work()
    return len(taken)


def test_listening_takes_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearing ten minutes must not hold the cores for ten seconds: encoder, prosody, recogniser, alignment, voices."""
    random = np.random.default_rng(0)
    config = EncoderConfig.tiny()
    weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
    encoder = SpeechEncoder(WhisperEncoder(config, weights))
    clip = SpeechClip(random.normal(0, 0.1, 16000 * 5).astype(np.float32), 16000)
    assert breaks_in(lambda: encoder.encode(clip)) >= 5 / config.window_s
    minute = SpeechClip(np.tile(clip.samples, 14), 16000)
    assert breaks_in(lambda: prosody.measure(minute, rate_hz=100.0)) >= 2

    segment = SimpleNamespace(tokens=[1], avg_logprob=-0.2, words=[SimpleNamespace(word=" hi", start=0.1, end=0.3)])
    stand_in = SimpleNamespace(transcribe=lambda samples, **_: ([segment] * 5, None))
    monkeypatch.setattr(recogniser, "_recogniser", lambda: stand_in)
    pieces = len(list(recogniser.pieces(minute.samples)))
    assert breaks_in(lambda: recogniser.transcribe(minute)) == 6 * pieces
    monkeypatch.setattr(phones, "_align_piece", lambda *_: None)
    words = tuple(TimedToken("hi", 4.0 * at, 4.0 * at + 0.5) for at in range(15))
    assert breaks_in(lambda: phones.align(minute, Transcript(words))) >= 5


def test_speaking_takes_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    said = SimpleNamespace(samples=np.zeros(2400, np.float32), words=(), phones=())
    utterance = SimpleNamespace(say=lambda *_, **__: said)
    monkeypatch.setattr(voice, "plan_script", lambda *_: [utterance] * 3)
    script = voice.Script(voice.find_voice("american"), ())
    assert breaks_in(lambda: list(voice.say_pieces(script))) == 3


def test_feeling_a_voice_takes_breaks() -> None:
    length = 500  # frames of 1/50 s
    loud = Prosody(np.full(length, -20.0), np.full(length, 120.0), np.ones(length), 50.0)
    heard = VoiceFrames(np.zeros((length, 4), np.float32), loud, np.ones(length, bool))
    assert breaks_in(lambda: moments(heard)) == len(moments(heard)) == 20


def test_writing_takes_a_break_after_each_frame(tmp_path: Path) -> None:
    """Films, drawn landmarks (which nobody counts), and the small preview that is made of a film."""
    frames = [np.full((64, 64, 3), 10 * index, np.uint8) for index in range(12)]
    film = Video(iter(frames), len(frames), 12.0, (64, 64), None)
    assert breaks_in(lambda: write_video(film, tmp_path / "film.mp4")) == 12
    assert breaks_in(lambda: write_preview(tmp_path / "film.mp4", tmp_path / "preview.gif")) >= 10
    films = [("one", tmp_path / "film.mp4")] * 2
    assert breaks_in(lambda: write_grid(films, tmp_path / "grid.mp4", columns=2, height=64)) >= 10

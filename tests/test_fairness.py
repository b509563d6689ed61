"""Whose run comes next, under which names the page answers, and how long a request may take."""

from types import SimpleNamespace
from typing import Any

import pytest

from talker.errors import CancelledError, InputError
from talker.web import fairness, hosts, progress


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

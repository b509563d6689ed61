"""Logs that belong to a job, and what the page tells those who run it."""

import json
import logging
from pathlib import Path

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from talker import journal
from talker.cli import main
from talker.errors import CancelledError
from talker.version import __version__
from talker.web import app
from talker.web.observing import observe
from talker.web.session import errors_as_toasts


@journal.as_job
def film(fails: bool = False) -> None:
    with journal.stage("portrait"):
        pass
    inner()
    if fails:
        raise ValueError("no")


@journal.as_job
def inner() -> None:
    with journal.stage("speech"):
        pass


def test_records_of_a_run_share_their_job(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKER_LOG", "json")
    journal.write_log(verbose=False)
    film()
    with pytest.raises(ValueError, match="no"):
        film(fails=True)
    rows = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [row.get("stage", row.get("outcome")) for row in rows] == ["portrait", "speech", "made"] * 1 + [
        "portrait", "speech", "failed",
    ]  # fmt: skip
    assert len({row["job"] for row in rows[:3]}) == 1
    assert rows[0]["job"] != rows[3]["job"] != "-"
    assert all(row["seconds"] >= 0 for row in rows)


def test_a_run_that_was_stopped_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "talker")
    with pytest.raises(gr.Error), journal.job("preview"), errors_as_toasts():
        raise CancelledError("stopped")
    assert "preview: stopped" in caplog.text


def test_every_entry_point_is_a_job(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Whatever the page, its API or the command line is asked for has a number in the log."""
    caplog.set_level(logging.INFO, "talker")
    public = {one.api_name: one.fn for one in app.build_page().fns.values() if one.api_visibility == "public"}
    assert public.keys() >= {"speak", "preview", "compare", "batch", "look", "verify"}
    for name, function in public.items():
        assert function.__code__.co_qualname.startswith("as_job."), name
    assert main(["verify", str(tmp_path / "missing.png")]) == 2
    assert "verify: failed" in caplog.text


def test_without_verbose_only_warnings_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    journal.write_log(verbose=False)
    film()
    assert capsys.readouterr().err == ""
    journal.write_log(verbose=True)
    film()
    assert "portrait took" in capsys.readouterr().err


def test_the_page_says_that_it_lives_and_counts_what_it_does() -> None:
    journal.LOG.setLevel(logging.INFO)
    with gr.Blocks() as page:
        gr.Markdown("page")
    page.queue()
    client = TestClient(Starlette(routes=observe(page)))
    film()
    health = client.get("/healthz")
    assert (health.status_code, health.json()["status"], health.json()["version"]) == (200, "ok", __version__)
    counted = client.get("/metrics").text
    assert 'talker_runs_total{outcome="made",run="film"}' in counted
    assert 'talker_stage_seconds_count{stage="portrait"}' in counted
    assert "talker_waiting_requests 0.0" in counted

"""Results that last, the tables and the report made of them, and what the command line does with them."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pytest

from talker.errors import DataError, InputError
from talker.evaluation import command
from talker.evaluation.command import Evaluation
from talker.evaluation.metrics import Measurement, Recorder
from talker.evaluation.report import write_report
from talker.evaluation.results import Run, append, compare, find_run, load, tables
from talker.media.image import save_image

RUN = Run("small", 3, "abc1234", "a machine", "2026-01-02T03:04:05+00:00")
FOUND = [
    Measurement("emotion/clip_hit", 0.75, "happy", 4, 0.25),
    Measurement("emotion/gained", 0.5, "fear", 4, 0.25),
    Measurement("lips/lag", math.nan, "happy", 0),
]


def test_what_was_appended_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    append(RUN, FOUND[:2], path)
    append(Run.now("full"), FOUND, path)
    runs = load(path)
    assert next(iter(runs)) == RUN and runs[RUN] == FOUND[:2] and len(runs) == 2
    assert math.isnan(list(runs.values())[1][2].value)
    assert find_run("abc", path)[0] == RUN and find_run("2026-01", path)[0] == RUN
    with pytest.raises(InputError, match="no run"):
        find_run("zzz", path)
    path.write_text("{}\n")
    with pytest.raises(DataError, match="not a file of results"):
        load(path)


def test_tables_show_values_errors_perfect_values_and_bars() -> None:
    emotion, lips = tables(FOUND)
    assert emotion.header == ("emotion", "clip hit", "gained", "values")
    assert emotion.rows[0] == ("happy", "75 % ± 25", "", "4")
    assert emotion.rows[-2:] == (("perfect", "100 %", "100 %", ""), ("asked", "", "90 %", ""))
    assert lips.rows[0][1] == "–" and "| lips | lag, frames of 40 ms | values |" in lips.markdown()


def test_only_changes_beyond_noise_have_a_verdict() -> None:
    before = [Measurement("lips/lag", 2.0, "a", 9, 0.1), Measurement("emotion/clip_hit", 0.5, "a", 9, 0.1)]
    after = [Measurement("lips/lag", 1.0, "a", 9, 0.1), Measurement("emotion/clip_hit", 0.4, "a", 9, 0.1)]
    rows = compare(before, [*after, Measurement("lips/lag", 1.0, "new")]).rows
    assert [row[-1] for row in rows] == ["better", ""] and rows[0][2:4] == ("2.00", "1.00")
    assert compare(after, before).rows[0][-1] == "worse"


def test_the_report_needs_no_other_file(tmp_path: Path) -> None:
    save_image(np.zeros((4, 4, 3), np.uint8), tmp_path / "face.png")
    shares = [FOUND[0], Measurement("emotion/clip_hit", 1.0, "sad", 4)]
    write_report(tmp_path / "report.html", RUN, [*shares, *FOUND[1:]], ["a <note>"], [tmp_path / "face.png"])
    text = (tmp_path / "report.html").read_text()
    assert "<svg" in text and "data:image/png;base64" in text and "a &lt;note&gt;" in text and 'src="data' in text
    assert "http" not in text.replace("http-equiv", "")


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def one_finding(data: Path | None, record: Recorder) -> None:
    record.add("lips/lag", 0.5, "all")
    record.note("seen")


def test_the_command_measures_writes_and_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evaluation, "load", lambda self: one_finding)
    out = str(tmp_path)
    for _ in range(2):
        lines = "\n".join(command.run(asked("road", "--out", out)))
    assert "| all | 0.50 | 1 |" in lines and "* seen" in lines
    assert (tmp_path / command.REPORT).is_file() and len(load(tmp_path / command.RESULTS)) in (1, 2)
    results = str(tmp_path / command.RESULTS)
    assert "| lips/lag | all | 0.50 | 0.50 |  |" in "\n".join(command.run(asked("--compare", results, results)))


def test_the_command_wants_one_thing() -> None:
    for words in ((), ("road", "--suite", "small")):
        with pytest.raises(InputError, match="one evaluation"):
            list(command.run(asked(*words)))
    with pytest.raises(InputError, match="--root"):
        list(command.run(asked("--dataset", "mead")))
    assert any(line.startswith("lips/lag: ") for line in command.run(asked("--list")))

"""Many videos from one list: what a manifest may say, and what a zip may not do."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from stand_ins import FakeComponents

from talker import Talker
from talker.batch import REPORT, pack, read_manifest, run_batch, unpack
from talker.cli import main
from talker.emotion.request import EmotionRequest
from talker.errors import CancelledError, InputError
from talker.media import video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (80, 96), "brown").save(tmp_path / "anna.png")
    (tmp_path / "hello.wav").write_bytes(b"no sound")
    return tmp_path


def manifest(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "manifest.json").write_text(json.dumps(rows))
    return folder / "manifest.json"


def test_a_row_of_a_csv_is_what_it_says(folder: Path) -> None:
    (folder / "manifest.csv").write_text(
        "\ufeffportrait,text,speech,emotion,source,strength,still,seed,out\n"
        'anna.png,"Hi, you",,happy,,0.5,yes,7,a.mp4\n'
        "anna.png,,hello.wav,anna.png,picture,,,,\n",
        encoding="utf-8",
    )
    first, second = read_manifest(folder / "manifest.csv")
    assert (first.text, first.speech, first.out, first.voice) == ("Hi, you", None, "a.mp4", "american")
    assert (first.options.strength, first.options.still, first.options.seed) == (0.5, True, 7)
    assert second.speech == folder / "hello.wav"
    assert second.emotion() == EmotionRequest("picture", str(folder / "anna.png"))
    assert second.out == "002.mp4"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "Hi"}, "portrait"),
        ({"portrait": "anna.png"}, "either a text or a speech"),
        ({"portrait": "anna.png", "text": "Hi", "speech": "hello.wav"}, "either a text or a speech"),
        ({"portrait": "absent.png", "text": "Hi"}, "absent.png"),
        ({"portrait": "../anna.png", "text": "Hi"}, "not beside the manifest"),
        ({"portrait": "anna.png", "text": "Hi", "mood": "good"}, "mood"),
        ({"portrait": "anna.png", "text": "Hi", "strength": "very"}, "Row 1"),
        ({"portrait": "anna.png", "text": "Hi", "strength": 9}, "between 0 and"),
        ({"portrait": "anna.png", "text": "Hi", "still": "perhaps"}, "neither yes nor no"),
        ({"portrait": "anna.png", "text": "Hi", "source": "smell"}, "smell"),
        ({"portrait": "anna.png", "text": "Hi", "out": "../a.mp4"}, "without folders"),
    ],
    ids=lambda value: str(value),
)
def test_a_wrong_row_is_named(folder: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_manifest(manifest(folder, row))


def test_lists_that_are_none(folder: Path) -> None:
    for content in ("{}", "[]", "[1]", "no json"):
        (folder / "manifest.json").write_text(content)
        with pytest.raises(InputError, match=r"manifest\.json"):
            read_manifest(folder / "manifest.json")
    row = {"portrait": "anna.png", "text": "Hi", "out": "a.mp4"}
    with pytest.raises(InputError, match="same name"):
        read_manifest(manifest(folder, row, row))


def test_what_fails_is_told_and_the_others_are_made(folder: Path) -> None:
    good = {"portrait": "anna.png", "text": "Hi"}
    jobs = read_manifest(manifest(folder, good, {"portrait": "hello.wav", "text": "Hi"}, good))
    seen: list[tuple[int, int]] = []
    made = run_batch(Talker(FakeComponents().as_components()), jobs, folder / "out", lambda *done: seen.append(done))
    assert made == 2
    assert (seen[0], seen[-1]) == ((0, 3), (3, 3))
    assert video.open_video(folder / "out" / "003.mp4").frame_count == 25
    report = list(csv.DictReader((folder / "out" / REPORT).read_text().splitlines()))
    assert "hello.wav" in report[1]["problem"]


def test_stopping_stops_all(folder: Path) -> None:
    def stop(*_: int) -> None:
        raise CancelledError("enough")

    jobs = read_manifest(manifest(folder, {"portrait": "anna.png", "text": "Hi"}))
    with pytest.raises(CancelledError):
        run_batch(Talker(FakeComponents().as_components()), jobs, folder / "out", stop)


def test_a_zip_is_unpacked_inside_its_folder_and_packed_again(folder: Path) -> None:
    with zipfile.ZipFile(folder / "given.zip", "w") as archive:
        archive.writestr("films/manifest.csv", "portrait,text\n")
        archive.writestr("../escaped.txt", "no")
    found = unpack(folder / "given.zip", folder / "inside")
    assert found == folder / "inside" / "films" / "manifest.csv"
    assert not (folder / "escaped.txt").exists()
    pack(folder / "inside", folder / "made.zip")
    with zipfile.ZipFile(folder / "made.zip") as archive:
        assert "films/manifest.csv" in archive.namelist()


def test_zips_that_are_none(folder: Path) -> None:
    with pytest.raises(InputError, match=r"hello\.wav is not a zip"):
        unpack(folder / "hello.wav", folder / "inside")
    zipfile.ZipFile(folder / "empty.zip", "w").close()
    with pytest.raises(InputError, match=r"manifest\.csv"):
        unpack(folder / "empty.zip", folder / "inside")


def test_the_command_line_makes_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = manifest(folder, {"portrait": "anna.png", "text": "Hi"})
    arguments = ["batch", "--manifest", str(path), "--out", str(folder / "out")]
    assert main(arguments, Talker(FakeComponents().as_components())) == 0
    assert "1 of 1 videos" in capsys.readouterr().out

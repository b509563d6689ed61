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
from talker.batch import REPORT, Job, Refusal, pack, read_manifest, run_batch, unpack
from talker.cli import main
from talker.emotion.resolve import EmotionRequest
from talker.errors import CancelledError, InputError
from talker.media import video_reader

FAILING = Path(__file__).resolve().parent / "data" / "failing"


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
    first, second = (job for job in read_manifest(folder / "manifest.csv") if isinstance(job, Job))
    assert (first.text, first.speech, first.out, first.voice) == ("Hi, you", None, "a.mp4", "american")
    assert (first.options.strength, first.options.still, first.options.seed) == (0.5, True, 7)
    assert second.speech == folder / "hello.wav"
    assert second.requested() == EmotionRequest("picture", str(folder / "anna.png"))
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
    _, second = read_manifest(manifest(folder, row, row | {"out": "A.mp4"}))
    assert isinstance(second, Refusal)
    assert "same name" in second.problem


def test_what_fails_is_told_and_the_others_are_made(folder: Path) -> None:
    good = {"portrait": "anna.png", "text": "Hi"}
    jobs = read_manifest(manifest(folder, good, {"portrait": "hello.wav", "text": "Hi"}, good))
    seen: list[tuple[int, int]] = []
    made = run_batch(Talker(FakeComponents().as_components()), jobs, folder / "out", lambda *done: seen.append(done))
    assert made == 2
    assert (seen[0], seen[-1]) == ((0, 3), (3, 3))
    assert video_reader.open_video(folder / "out" / "003.mp4").frame_count == 25
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


@pytest.mark.parametrize("name", ["manifest_semicolons.csv", "manifest_capitals_spaces.csv"])
def test_manifests_as_spreadsheets_write_them(folder: Path, name: str) -> None:
    text = (FAILING / name).read_text()
    portrait = text.splitlines()[1].replace(";", ",").split(",")[0].strip()
    (folder / portrait).write_bytes((folder / "anna.png").read_bytes())
    (folder / name).write_text(text)
    (job,) = read_manifest(folder / name)
    assert isinstance(job, Job)
    assert job.portrait == folder / portrait
    assert job.emotion in ("happy", "sad")


@pytest.mark.parametrize(("encoding", "works"), [("utf-8-sig", True), ("latin-1", False), ("utf-16", False)])
def test_other_encodings_say_how_to_save(folder: Path, encoding: str, works: bool) -> None:
    (folder / "m.csv").write_bytes('portrait,text\r\nanna.png,"Grüß\ndich"\r\n'.encode(encoding))
    if works:
        (job,) = read_manifest(folder / "m.csv")
        assert isinstance(job, Job)
        assert job.text == "Grüß\ndich"
    else:
        with pytest.raises(InputError, match="save it as UTF-8"):
            read_manifest(folder / "m.csv")


@pytest.mark.parametrize("name", ["manifest_nulname.json", "manifest_longname.json"])
def test_an_odd_row_is_refused_and_the_others_run(folder: Path, name: str) -> None:
    odd = json.loads((FAILING / name).read_text())
    jobs = read_manifest(manifest(folder, *odd, {"portrait": "anna.png", "text": "Hi"}))
    assert run_batch(Talker(FakeComponents().as_components()), jobs, folder / "out") == 1
    report = list(csv.DictReader((folder / "out" / REPORT).read_text().splitlines()))
    assert "not beside the manifest" in report[0]["problem"]
    assert report[1]["video"] == "002.mp4"


def test_results_never_take_the_place_of_what_a_batch_reads(folder: Path) -> None:
    """The portrait lies where the first video would, under another name: a link."""
    (folder / "001.mp4").hardlink_to(folder / "anna.png")
    jobs = read_manifest(manifest(folder, {"portrait": "anna.png", "text": "Hi"}))
    with pytest.raises(InputError, match="would be lost"):
        run_batch(Talker(FakeComponents().as_components()), jobs, folder)
    assert not (folder / REPORT).exists()
    assert Image.open(folder / "anna.png").size == (80, 96)


def test_cells_of_the_report_are_never_formulas(folder: Path) -> None:
    row = {"portrait": "anna.png", "text": "Hi", "out": "=HYPERLINK(1).mp4"}
    run_batch(Talker(FakeComponents().as_components()), read_manifest(manifest(folder, row)), folder / "out")
    assert list(csv.reader((folder / "out" / REPORT).read_text().splitlines()))[1][1] == "'=HYPERLINK(1).mp4"


def test_exit_codes_tell_none_from_some_from_all(folder: Path) -> None:
    good, bad = {"portrait": "anna.png", "text": "Hi"}, {"portrait": "hello.wav", "text": "Hi"}
    for rows, code in (((good,), 0), ((good, bad), 1), ((bad, bad), 2)):
        arguments = ["batch", "--manifest", str(manifest(folder, *rows)), "--out", str(folder / "out")]
        assert main(arguments, Talker(FakeComponents().as_components())) == code

"""Many videos at once: a manifest whose rows name portrait, words and emotion, alone or in a zip with its files."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from talker.emotion.request import DEFAULT, SOURCES, EmotionRequest, named_or_described
from talker.errors import CancelledError, InputError, TalkerError
from talker.options import SpeakOptions
from talker.pipeline import Emotion, Talker
from talker.types import Progress

MANIFESTS = ("manifest.csv", "manifest.json")
REPORT = "report.csv"
MOST_ROWS = 200
MOST_BYTES = 2_000_000_000  # of an unpacked archive
OPTIONS = {option.name: type(option.default) for option in dataclasses.fields(SpeakOptions)}
COLUMNS = ("portrait", "text", "speech", "voice", "emotion", "source", "out", *OPTIONS)
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")


@dataclass(frozen=True)
class Job:
    """One row: whom to animate, what to say (a text or a file), the emotion, the settings and the video's name.

    source: a name in `SOURCES` that says what `emotion` is; empty for a label or a description.
    """

    portrait: Path
    text: str | None
    speech: Path | None
    voice: str
    emotion: str
    source: str
    options: SpeakOptions
    out: str

    def requested(self) -> Emotion:
        """What `Talker.speak` takes as the emotion."""
        return EmotionRequest(self.source, self.emotion) if self.source else named_or_described(self.emotion)


def read_manifest(path: str | Path) -> list[Job]:
    """The rows of a `.csv` with a header or a `.json` list; paths in it are relative to its folder.

    Raises InputError, naming the row, for what can't be understood and for files outside the manifest's folder.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(text.splitlines())) if path.suffix.lower() == ".csv" else json.loads(text)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"The manifest {path.name} can't be read ({error}).") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"The manifest {path.name} must be a list of rows.")
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InputError(f"The manifest {path.name} must have 1 to {MOST_ROWS} rows; it has {len(rows)}.")
    jobs = [_job(row, number, path.parent.resolve()) for number, row in enumerate(rows, 1)]
    names = [job.out for job in jobs]
    if len(set(names)) < len(names):
        raise InputError(f"Two rows of the manifest {path.name} have the same name in the column out.")
    return jobs


def run_batch(talker: Talker, jobs: list[Job], folder: str | Path, progress: Progress | None = None) -> int:
    """Write the videos and a `report.csv` into `folder`; how many videos were made.

    A row that fails is told in the report and leaves the others alone.
    progress: called often with (rows done, rows); a `CancelledError` raised from it stops the work.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [("row", "video", "seconds", "problem")]
    for number, job in enumerate(jobs, 1):

        def report(*_: object, done: int = number - 1) -> None:
            if progress is not None:
                progress(done, len(jobs))

        try:
            result = talker.speak(
                job.portrait, job.speech, text=job.text, voice=job.voice, emotion=job.requested(), options=job.options,
                out=folder / job.out, progress=report, stage=report,
            )  # fmt: skip
            lines.append((str(number), job.out, f"{sum(result.timings.values()):.1f}", ""))
        except CancelledError:
            raise
        except TalkerError as error:
            lines.append((str(number), "", "", " ".join(str(error).split())))
    with open(folder / REPORT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    if progress is not None:
        progress(len(jobs), len(jobs))
    return sum(bool(line[1]) for line in lines[1:])


def unpack(archive: str | Path, folder: Path) -> Path:
    """Unpack a zip into `folder`; the path of the manifest in it. Raises InputError for what is no such zip."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if sum(entry.file_size for entry in opened.infolist()) > MOST_BYTES:
                raise InputError(f"The zip holds more than {MOST_BYTES / 1e9:.0f} GB.")
            opened.extractall(folder)  # leaves out drives, leading slashes and dots that climb
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{Path(archive).name} is not a zip that can be read ({error}).") from error
    found = [path for name in MANIFESTS for path in folder.rglob(name)]
    if not found:
        raise InputError(f"The zip needs a {MANIFESTS[0]} that lists the videos to make.")
    return found[0]


def pack(folder: Path, archive: Path) -> None:
    """Everything in `folder` as a zip; videos don't shrink, so it is not tried."""
    shutil.make_archive(str(archive.with_suffix("")), "zip", folder)


def _job(row: Mapping[str, Any], number: int, folder: Path) -> Job:
    given = {str(name).strip(): value for name, value in row.items() if value not in (None, "")}
    unknown = sorted(set(given) - set(COLUMNS))
    if unknown:
        raise InputError(f"Row {number} of the manifest has the column {unknown[0]!r}; known: {', '.join(COLUMNS)}.")
    if "portrait" not in given or ("text" in given) == ("speech" in given):
        raise InputError(f"Row {number} of the manifest needs a portrait, and either a text or a speech file.")
    source = str(given.get("source", "" if "emotion" in given else DEFAULT.source))
    emotion = str(given.get("emotion", DEFAULT.value))
    if source and source not in SOURCES:
        raise InputError(f"Row {number} of the manifest: no source is called {source!r}; known: {', '.join(SOURCES)}.")
    if source in ("picture", "voice", "video", "timeline"):
        emotion = str(_inside(folder, emotion, number))
    out = str(given.get("out", f"{number:03d}.mp4"))
    if PurePosixPath(out).name != out or "\\" in out or not out.lower().endswith(".mp4"):
        raise InputError(f"Row {number} of the manifest: out must be the name of an mp4 without folders, not {out!r}.")
    speech = _inside(folder, str(given["speech"]), number) if "speech" in given else None
    return Job(
        portrait=_inside(folder, str(given["portrait"]), number),
        text=str(given["text"]) if "text" in given else None,
        speech=speech,
        voice=str(given.get("voice", "american")),
        emotion=emotion,
        source=source,
        options=_options({name: given[name] for name in OPTIONS if name in given}, number),
        out=out,
    )


def _inside(folder: Path, name: str, number: int) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise InputError(f"Row {number} of the manifest names {name!r}, which is not beside the manifest.")
    return path


def _options(given: dict[str, Any], number: int) -> SpeakOptions:
    """Settings from a row's values, which are texts in a csv."""
    try:
        return SpeakOptions(**{name: _typed(value, OPTIONS[name]) for name, value in given.items()})
    except (TalkerError, ValueError) as error:
        raise InputError(f"Row {number} of the manifest: {error}") from error


def _typed(value: Any, wanted: type) -> Any:
    if not isinstance(value, str) or wanted is str:
        return value
    if wanted is bool:
        if value.lower() not in TRUE + FALSE:
            raise ValueError(f"{value!r} is neither yes nor no")
        return value.lower() in TRUE
    return wanted(value)

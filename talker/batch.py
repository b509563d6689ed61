"""Many videos at once: a manifest whose rows name portrait, words and emotion, alone or in a zip with its files."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from talker.emotion.resolve import DEFAULT, SOURCES, Emotion, EmotionRequest
from talker.errors import CancelledError, InputError, TalkerError
from talker.files import ARCHIVE_ERRORS, prepare_outputs, read_json, read_text, replaced_when_done
from talker.limits import ARCHIVE_BYTES, ARCHIVE_FILES, MANIFEST_ROWS
from talker.options import SpeakOptions
from talker.types import Progress

if TYPE_CHECKING:
    from talker.pipeline import Talker

MANIFESTS = ("manifest.csv", "manifest.json")
REPORT = "report.csv"
DELIMITERS = ",;\t|"
LONGEST_NAME = 200  # bytes; file systems take 255, and scratch files need some of them
OPTIONS = {option.name: type(option.default) for option in dataclasses.fields(SpeakOptions)}
COLUMNS = ("portrait", "text", "speech", "voice", "emotion", "source", "out", *OPTIONS)
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet run a cell


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
        return EmotionRequest(self.source, self.emotion) if self.source else self.emotion

    def inputs(self) -> list[str | Path | None]:
        """The files that it reads; a label or a description is none, and does no harm among them."""
        return [self.portrait, self.speech, self.emotion]


@dataclass(frozen=True)
class Refusal:
    """A row that can't be understood, and why."""

    problem: str


def read_manifest(path: str | Path) -> list[Job | Refusal]:
    """The rows of a `.csv` with a header or a `.json` list; paths in it are relative to its folder.

    Files outside the manifest's folder are refused. Raises InputError when the manifest can't be read, and when no row
    of it can be understood.
    """
    path = Path(path)
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else read_json(path, "manifest")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"The manifest {path.name} must be a list of rows.")
    if not 1 <= len(rows) <= MANIFEST_ROWS:
        raise InputError(f"The manifest {path.name} must have 1 to {MANIFEST_ROWS} rows; it has {len(rows)}.")
    jobs: list[Job | Refusal] = []
    names: set[str] = set()
    for number, row in enumerate(rows, 1):
        try:
            job = _job(row, number, path.parent.resolve())
            if job.out.casefold() in names:
                raise InputError(f"Row {number} of the manifest has the same name in the column out as another.")
            names.add(job.out.casefold())
            jobs.append(job)
        except InputError as error:
            jobs.append(Refusal(str(error)))
    refused = [job.problem for job in jobs if isinstance(job, Refusal)]
    if len(refused) == len(jobs):
        raise InputError(refused[0])
    return jobs


def run_batch(
    talker: Talker,
    jobs: Sequence[Job | Refusal],
    folder: str | Path,
    progress: Progress | None = None,
    *,
    also_read: Iterable[str | Path] = (),
) -> int:
    """Write the videos and a `report.csv` into `folder`; how many videos were made.

    A row that fails is told in the report, which is written anew after every row, and leaves the others alone.
    progress: called often with (rows done, rows); a `CancelledError` raised from it stops the work.

    Raises InputError, before anything is made, when a result would take the place of a file that the batch reads, or
    of one of `also_read`; and when the folder can't be written.
    """
    folder = Path(folder)
    known = [job for job in jobs if isinstance(job, Job)]
    read = [given for job in known for given in job.inputs()]
    prepare_outputs([folder / REPORT, *(folder / job.out for job in known)], [*read, *also_read])
    lines = [("row", "video", "seconds", "problem")]
    for number, job in enumerate(jobs, 1):

        def report(*_: object, done: int = number - 1) -> None:
            if progress is not None:
                progress(done, len(jobs))

        try:
            if isinstance(job, Refusal):
                raise InputError(job.problem)
            result = talker.speak(
                job.portrait, job.speech, text=job.text, voice=job.voice, emotion=job.requested(), options=job.options,
                out=folder / job.out, progress=report, stage=report,
            )  # fmt: skip
            lines.append((str(number), job.out, f"{sum(result.timings.values()):.1f}", ""))
        except CancelledError:
            raise
        except TalkerError as error:
            lines.append((str(number), "", "", " ".join(str(error).split())))
        _write_report(lines, folder / REPORT)
    if progress is not None:
        progress(len(jobs), len(jobs))
    return sum(bool(line[1]) for line in lines[1:])


def unpack(archive: str | Path, folder: Path) -> Path:
    """Unpack a zip into `folder`; the path of the manifest in it. Raises InputError for what is no such zip."""
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            if sum(entry.file_size for entry in entries) > ARCHIVE_BYTES or len(entries) > ARCHIVE_FILES:
                raise InputError(f"The zip holds more than {ARCHIVE_BYTES / 1e9:.0f} GB or {ARCHIVE_FILES} files.")
            opened.extractall(folder)  # leaves out drives, leading slashes and dots that climb; makes no links
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{Path(archive).name} is not a zip that can be read ({error}).") from error
    found = [path for name in MANIFESTS for path in folder.rglob(name)]
    if not found:
        raise InputError(f"The zip needs a {MANIFESTS[0]} that lists the videos to make.")
    return found[0]


def pack(folder: Path, archive: Path) -> None:
    """Everything in `folder` as a zip; videos don't shrink, so it is not tried."""
    with replaced_when_done(archive) as scratch:
        shutil.make_archive(str(scratch.with_suffix("")), "zip", folder)


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a csv whose cells are parted by a comma, semicolon, tab or bar, with column names in lower case."""
    text = read_text(path, "manifest")
    header, _, rest = text.lstrip("\r\n").partition("\n")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        columns = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        rows = csv.DictReader(io.StringIO(rest, newline=""), columns, delimiter=delimiter, restkey="")
        return [row for row in rows if any(row.values())]
    except csv.Error as error:
        raise InputError(f"The manifest {path.name} can't be read ({error}).") from error


def _write_report(lines: Iterable[tuple[str, ...]], path: Path) -> None:
    """Write a csv in which no cell is a formula to spreadsheets. InputError when that is not possible."""
    try:
        with replaced_when_done(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
            for line in lines:
                csv.writer(file).writerow([f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell for cell in line])
    except OSError as error:
        raise InputError(f"The report {path} can't be written ({error}).") from error


def _job(row: Mapping[str, Any], number: int, folder: Path) -> Job:
    given = {str(name).strip().lower(): value for name, value in row.items() if value not in (None, "")}
    given = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
    if "" in given:
        raise InputError(f"Row {number} of the manifest has more cells than its header has columns.")
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
    speech = _inside(folder, str(given["speech"]), number) if "speech" in given else None
    return Job(
        portrait=_inside(folder, str(given["portrait"]), number),
        text=str(given["text"]) if "text" in given else None,
        speech=speech,
        voice=str(given.get("voice", "american")),
        emotion=emotion,
        source=source,
        options=_options({name: given[name] for name in OPTIONS if name in given}, number),
        out=_video_name(str(given.get("out", f"{number:03d}.mp4")), number),
    )


def _video_name(out: str, number: int) -> str:
    plain = PurePosixPath(out).name == out and "\\" not in out and out.isprintable()
    if not plain or not out.lower().endswith(".mp4") or len(out.encode(errors="replace")) > LONGEST_NAME:
        raise InputError(
            f"Row {number} of the manifest: out must be the name of an mp4 without folders, not {out[:LONGEST_NAME]!r}."
        )
    return out


def _inside(folder: Path, name: str, number: int) -> Path:
    """A file in `folder`; InputError for all others, also where a link leads out of it."""
    try:
        path = Path(os.path.realpath(folder / name))
        if path.is_relative_to(folder) and path.is_file():
            return path
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        pass
    raise InputError(f"Row {number} of the manifest names {name[:LONGEST_NAME]!r}, which is not beside the manifest.")


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

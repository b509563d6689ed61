"""Many videos at once: a manifest whose rows name portrait, words and emotion, alone or in a zip with its files."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from talker.crew import Crew, Outcome, make
from talker.emotion.resolve import DEFAULT, SOURCES
from talker.errors import ARCHIVE_ERRORS, InputError, TalkerError
from talker.files import existing_file, prepare_outputs, read_json, read_text, replaced_when_done
from talker.jobs import Job
from talker.limits import ARCHIVE_BYTES, ARCHIVE_FILES, JOBS_BYTES, MANIFEST_ROWS
from talker.options import SpeakOptions
from talker.types import Progress

if TYPE_CHECKING:
    from talker.pipeline import Talker

MANIFESTS = ("manifest.csv", "manifest.json")
REPORT, JOURNAL = "report.csv", ".talker-made.jsonl"  # what failed and what was made; and what need not be made again
REPORT_EVERY_S = 1.0
SCRATCH = ".talker-*.mp4"  # what `replaced_when_done` writes to
DELIMITERS = ",;\t|"
LONGEST_NAME = 200  # bytes; file systems take 255, and scratch files need some of them
OPTIONS = {option.name: type(option.default) for option in dataclasses.fields(SpeakOptions)}
COLUMNS = ("portrait", "text", "speech", "voice", "emotion", "source", "out", *OPTIONS)
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet run a cell


@dataclass(frozen=True)
class Refusal:
    """A row that can't be understood, and why."""

    problem: str


def read_manifest(path: str | Path, most_rows: int = MANIFEST_ROWS) -> list[Job | Refusal]:
    """The rows of a `.csv` with a header, a `.json` list or a `.jsonl`; paths in it are relative to its folder.

    Files outside the manifest's folder are refused. Raises InputError when the manifest can't be read, and when no row
    of it can be understood.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], Any]] = {".csv": _csv_rows, ".jsonl": _json_rows}
    reader = readers.get(path.suffix.lower())
    rows = reader(path) if reader else read_json(path, "manifest")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"The manifest {path.name} must be a list of rows.")
    if not 1 <= len(rows) <= most_rows:
        raise InputError(f"The manifest {path.name} must have 1 to {most_rows} rows; it has {len(rows)}.")
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
    crew: Crew | None = None,
) -> int:
    """Write the videos and a `report.csv` into `folder`; how many of them are there.

    A row that fails is told in the report, which is written anew now and then and at the end, and leaves the others
    alone. What an earlier run of the same jobs has made there is left as it is. One batch at a time may write there.

    progress: called often with (rows done, rows); a `CancelledError` raised from it stops the work. crew: who makes
    them; by default `talker`, one after the other.

    Raises InputError, before anything is made, when a result would take the place of a file that the batch reads, or
    of one of `also_read`; and when the folder can't be written.
    """
    folder = Path(folder)
    known = {number: job for number, job in enumerate(jobs, 1) if isinstance(job, Job)}
    read = [given for job in known.values() for given in job.inputs()]
    prepare_outputs([folder / REPORT, *(folder / job.out for job in known.values())], [*read, *also_read])
    problems = {number: job.problem for number, job in enumerate(jobs, 1) if isinstance(job, Refusal)}
    outcomes = {number: Outcome(number, 0.0, problem) for number, problem in problems.items()}
    outcomes |= _made_before(known, folder)

    def report(*_: object) -> None:
        if progress is not None:
            progress(len(outcomes), len(jobs))

    left = [(number, job) for number, job in known.items() if number not in outcomes]
    ended = crew(left, folder) if crew else (make(talker, number, job, folder, report) for number, job in left)
    written = -REPORT_EVERY_S
    try:
        report()
        for outcome in ended:
            outcomes[outcome.number] = outcome
            if not outcome.problem:
                _note_made(known[outcome.number], outcome, folder)
            if time.monotonic() - written > REPORT_EVERY_S:
                _write_report(_lines(outcomes, known), folder / REPORT)
                written = time.monotonic()
            report()
    finally:
        for left_over in folder.glob(SCRATCH):  # of workers that died
            left_over.unlink(missing_ok=True)
        _write_report(_lines(outcomes, known), folder / REPORT)
    return sum(not outcome.problem for outcome in outcomes.values())


def _lines(outcomes: Mapping[int, Outcome], jobs: Mapping[int, Job]) -> Iterator[tuple[str, ...]]:
    """The report's lines: what is known of each row."""
    yield "row", "video", "seconds", "problem"
    for number, outcome in sorted(outcomes.items()):
        made = not outcome.problem
        yield str(number), jobs[number].out if made else "", f"{outcome.seconds:.1f}" if made else "", outcome.problem


def _made_before(jobs: Mapping[int, Job], folder: Path) -> dict[int, Outcome]:
    """How those of the jobs ended that are made already: their videos are there, and nothing has changed since."""
    noted: dict[str, Any] = {}
    if (folder / JOURNAL).is_file():
        for line in (folder / JOURNAL).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # the last line of a batch that was killed may be half a line
                noted |= json.loads(line)
    found = {}
    for number, job in jobs.items():
        made = noted.get(job.out, {})
        if made.get("job") == job.digest() and (folder / job.out).is_file():
            found[number] = Outcome(number, float(made["seconds"]))
    return found


def _note_made(job: Job, outcome: Outcome, folder: Path) -> None:
    """Note that a job's video is there; InputError when that can't be written."""
    try:
        with open(folder / JOURNAL, "a", encoding="utf-8") as file:
            file.write(json.dumps({job.out: {"job": job.digest(), "seconds": round(outcome.seconds, 1)}}) + "\n")
    except OSError as error:
        raise InputError(f"{folder / JOURNAL} can't be written ({error}).") from error


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
    """What the batch in `folder` made, as a zip; videos don't shrink, so it is not tried."""
    with replaced_when_done(archive) as scratch, zipfile.ZipFile(scratch, "w") as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):  # what the batch notes for itself
                packed.write(path, path.relative_to(folder))


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


def _json_rows(path: Path) -> list[Any]:
    """The rows of a jsonl, each on a line of its own."""
    path = existing_file(path, "manifest", error=InputError, most_bytes=JOBS_BYTES)
    try:
        with open(path, encoding="utf-8-sig") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The manifest {path.name} must hold one row of JSON on each line ({error}).") from error


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

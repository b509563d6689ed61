"""Results that last: a run appends its measurements to a file of JSON lines; tables and comparisons come from it."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from talker.errors import DataError, InputError
from talker.evaluation.metrics import METRICS, Measurement
from talker.files import prepare_folder

NOISE = 2.0  # standard errors of a difference beyond which it counts as a change


@dataclass(frozen=True)
class Run:
    """What measurements belong to: suite (or evaluation), seed, commit of the code, machine and date (UTC)."""

    suite: str
    seed: int
    commit: str
    machine: str
    date: str

    @classmethod
    def now(cls, suite: str, seed: int = 0) -> Run:
        """A run that starts now, of the code as it is."""
        machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return cls(suite, seed, commit(), machine, date)


def commit() -> str:
    """The commit of the code, with "+" where files differ from it; "unknown" outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def append(run: Run, measurements: Iterable[Measurement], path: Path) -> None:
    """Add a run's measurements to `path`, a line of JSON each."""
    prepare_folder(path)
    with path.open("a", encoding="utf-8") as file:
        for one in measurements:
            row = asdict(run) | asdict(one)
            file.write(json.dumps(row | {"value": one.value if math.isfinite(one.value) else None}) + "\n")


def load(path: Path) -> dict[Run, list[Measurement]]:
    """The runs in a file, in order; measurements of metrics that there are no more are left out.

    Raises DataError when the file is missing or is not a file of results.
    """
    runs: dict[Run, list[Measurement]] = {}
    names = [[each.name for each in fields(kind)] for kind in (Run, Measurement)]
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            row["value"] = math.nan if row["value"] is None else row["value"]
            run, one = Run(*(row[name] for name in names[0])), Measurement(*(row[name] for name in names[1]))
            if one.metric in METRICS:
                runs.setdefault(run, []).append(one)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a file of results ({error}).") from error
    return runs


def find_run(name: str, default: Path) -> tuple[Run, list[Measurement]]:
    """The last run in the file `name`, or, in the file `default`, the last whose commit or date begins with `name`."""
    path = Path(name) if Path(name).is_file() else default
    fitting = [
        found for found in load(path).items()
        if path != default or found[0].commit.startswith(name) or found[0].date.startswith(name)
    ]  # fmt: skip
    if not fitting:
        raise InputError(
            f"{default} holds no run whose commit or date begins with {name!r}, and there is no such file."
        )
    return fitting[-1]


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header; the first column says what was measured."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As a Markdown table with its title."""
        lines = [f"**{self.title}**", "", f"| {' | '.join(self.header)} |", f"|{'---|' * len(self.header)}"]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in self.rows])


def tables(measurements: Sequence[Measurement]) -> Iterator[Table]:
    """A table for each family of metrics: a row for each subject, then the perfect values and the bars, if any."""
    for family in dict.fromkeys(one.metric.split("/")[0] for one in measurements):
        own = {(one.metric, one.of): one for one in measurements if one.metric.startswith(f"{family}/")}
        names = list(dict.fromkeys(metric for metric, _ in own))
        metrics = [METRICS[name] for name in names]
        header = [row.name.split("/")[1].replace("_", " ") + (f", {row.unit}" if row.unit not in ("", "%") else "")
                  for row in metrics]  # fmt: skip
        rows = [
            (of or "all", *(_cell(own.get((name, of))) for name in names), _count(own, names, of))
            for of in dict.fromkeys(of for _, of in own)
        ]
        rows.append(("perfect", *(row.shown(row.perfect) for row in metrics), ""))
        if any(row.bar is not None for row in metrics):
            rows.append(("asked", *("" if row.bar is None else row.shown(row.bar) for row in metrics), ""))
        yield Table(family.replace("_", " "), (family, *header, "values"), tuple(rows))


def _cell(one: Measurement | None) -> str:
    """A value with its standard error, where there is one."""
    if one is None:
        return ""
    row = METRICS[one.metric]
    return row.shown(one.value) + (f" ± {row.shown(one.error).removesuffix(' %')}" if one.error else "")


def _count(own: dict[tuple[str, str], Measurement], names: Sequence[str], of: str) -> str:
    """How many values the means of a row are of."""
    counts = sorted({own[name, of].count for name in names if (name, of) in own})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def compare(before: Sequence[Measurement], after: Sequence[Measurement]) -> Table:
    """Two runs side by side; a difference counts where it is larger than twice its standard error."""
    known = {(one.metric, one.of): one for one in before}
    rows = []
    for one in after:
        other = known.get((one.metric, one.of))
        if other is None:
            continue
        row, change = METRICS[one.metric], one.value - other.value
        noise = NOISE * (one.error**2 + other.error**2) ** 0.5
        verdict = (
            ""
            if abs(change) <= max(noise, 1e-9)
            else "better"
            if row.miss(one.value) < row.miss(other.value)
            else "worse"
        )
        rows.append((one.metric, one.of, row.shown(other.value), row.shown(one.value), verdict))
    return Table("What changed beyond noise", ("metric", "of", "before", "after", ""), tuple(rows))

"""`talker evaluate`: an evaluation by name, the standing benchmark, a corpus, or two earlier runs side by side."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from talker.errors import InputError
from talker.evaluation.metrics import METRICS, Recorder
from talker.evaluation.results import Run, append, compare, find_run, tables

RESULTS, REPORT = "results.jsonl", "report.html"
SUITES = ("small", "full")


@dataclass(frozen=True)
class Evaluation:
    """A row: where the function lies (imported when it is needed), and what it is for.

    needs_data: whether it needs --data. draws: whether it can also write pictures to look at.
    """

    place: str  # module:function of (data folder or None, Recorder)
    help: str
    needs_data: bool = True
    draws: bool = False

    def load(self) -> Callable[..., None]:
        """The function itself."""
        module, _, name = self.place.partition(":")
        function: Callable[..., None] = getattr(importlib.import_module(f"talker.evaluation.{module}"), name)
        return function


EVALUATIONS = {
    "road": Evaluation("end_to_end:run", "mouth and emotions on the finished frames (without --data: one portrait)",
                       needs_data=False),
    "talking": Evaluation("talking:run", "what a judge reads while people talk: portraits 151-218 of the data"),
    "acted": Evaluation("talking:run_acted", "what the judge reads in real acted clips (talking/mead): its ceiling"),
    "methods": Evaluation("method_scores:run", "the papers' methods side by side on acted speech"),
    "render": Evaluation("reenactment:run", "the renderer against real video of held-out people", draws=True),
    "generator": Evaluation("reenactment:run_generator", "the generator against the geometry alone", draws=True),
    "realism": Evaluation("realism:run", "whether drawn mouths and eyes can be told from photographs"),
    "smiles": Evaluation("smiles:run", "smiles taken out and put in, against photographs of the same people"),
    "expressions": Evaluation("expression_size:run", "how far drawn expressions go, against labelled photographs"),
    "robustness": Evaluation("robustness:run", "every portrait under all shapes and poses, and back to itself",
                             draws=True),
    "attributes": Evaluation("attributes:run", "glasses, covered mouths, drawings found, and falsely", draws=True),
    "upright": Evaluation("upright:run", "report portraits turned by twelve angles"),
    "rims": Evaluation("rims:run", "how far the rims of glasses move against the head"),
    "shapes": Evaluation("blendshape_fidelity:run", "what the landmark detector sees of each drawn shape"),
    "identity": Evaluation("identity_under_pose:run", "whether a head that turns or feels stays the person",
                           draws=True),
    "edit": Evaluation("video_editing:run", "films of real people edited to each emotion"),
    "dub": Evaluation("video_performance:run", "films of real people dubbed, and driving portraits"),
    "background": Evaluation("background:run", "whether it stays still while heads turn", draws=True),
    "motion": Evaluation("motion:run", "lips against filmed speakers"),
    "fuzz": Evaluation("fuzz:run", "12,000 broken files through all readers (--data: more seeds)", needs_data=False),
    "mark": Evaluation("watermark:run", "how often the invisible mark is found, and what it costs"),
    "voices": Evaluation("voices:run", "words, speed and timing of the voices; with --data, their emotions",
                         needs_data=False),
    "bursts": Evaluation("bursts:run", "laughs, sobs, gasps of people who taught nothing"),
    "emotion": Evaluation("emotion:run", "texts, voices and faces in the emotion space, people held out"),
    "feelings": Evaluation("emotion_faces:run", "what a judge sees in the drawn stills, and read-back"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `talker evaluate`."""
    rows = "; ".join(f"{name}: {row.help}" for name, row in EVALUATIONS.items())
    parser.add_argument("name", nargs="?", choices=EVALUATIONS, help=rows)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the data that the evaluation needs")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="folder for pictures of what went worst")
    parser.add_argument("--suite", choices=SUITES, help="the standing benchmark: 5 minutes, or an hour, on two cores")
    parser.add_argument(
        "--dataset", metavar="NAME", help="a corpus of talking faces: mead, crema-d, ravdess, hdtf, plain"
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="where that corpus lies")
    parser.add_argument(
        "--compare", nargs=2, metavar=("A", "B"), help="two files of results, or commits or dates in --out"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation"), metavar="DIR", help="folder for results and report"
    )
    parser.add_argument("--seed", type=int, default=0, help="chance of head motion and blinks (default 0)")
    parser.add_argument("--list", action="store_true", help="list the metrics")


def run(arguments: argparse.Namespace, progress: Callable[[int, int], None] | None = None) -> Iterator[str]:
    """Do what was asked, write results.jsonl and report.html to --out, and yield what to print.

    Raises InputError when not exactly one thing was asked for, or something that it needs is missing.
    """
    asked = [arguments.name, arguments.suite, arguments.dataset, arguments.compare, arguments.list]
    if sum(bool(one) for one in asked) != 1:
        raise InputError("Name one evaluation, or give one of --suite, --dataset, --compare or --list.")
    if arguments.list:
        yield from (
            f"{row.name}: {row.meaning} (perfect {row.shown(row.perfect)}; {row.source})" for row in METRICS.values()
        )
        return
    if arguments.compare:
        before, after = (find_run(name, arguments.out / RESULTS)[1] for name in arguments.compare)
        yield compare(before, after).markdown()
        return
    record = Recorder()
    identity = Run.now(arguments.name or arguments.suite or arguments.dataset, arguments.seed)
    _measure(arguments, record, progress)
    append(identity, record.measurements, arguments.out / RESULTS)
    from talker.evaluation.report import write_report

    write_report(arguments.out / REPORT, identity, record.measurements, record.notes, record.pictures)
    for table in tables(record.measurements):
        yield table.markdown() + "\n"
    yield from (f"* {note}" for note in record.notes)


def _measure(arguments: argparse.Namespace, record: Recorder, progress: Callable[[int, int], None] | None) -> None:
    """Run the evaluation, the suite or the corpus that was asked for."""
    if arguments.suite:
        from talker.evaluation.benchmark import run as run_suite

        run_suite(arguments.suite, record, seed=arguments.seed, progress=progress, out=arguments.out)
    elif arguments.dataset:
        from talker.evaluation.datasets import run as run_corpus

        if arguments.root is None:
            raise InputError(f"Where does {arguments.dataset} lie? Give --root DIR.")
        run_corpus(arguments.dataset, arguments.root, record, progress=progress)
    else:
        evaluate(arguments.name, arguments.data, record, arguments.pictures)


def evaluate(name: str, data: Path | None, record: Recorder, pictures: Path | None = None) -> None:
    """Run an evaluation; those that draw write pictures of what went worst into `pictures`.

    Raises InputError when it needs data and none is given, or is asked for pictures that it does not draw.
    """
    row = EVALUATIONS[name]
    if data is None and row.needs_data:
        raise InputError(f"The evaluation {name!r} needs --data DIR.")
    if pictures is None:
        row.load()(data, record)
    elif row.draws:
        row.load()(data, record, pictures=pictures)
    else:
        raise InputError(f"The evaluation {name!r} draws no pictures: leave --pictures out.")

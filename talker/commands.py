"""The command line's verbs that make no film: what opens the page, prepares the machine, measures and trains."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Mapping
from pathlib import Path

from talker import workbench
from talker.errors import AssetError, InputError
from talker.evaluation import command as evaluation
from talker.options import SIZES
from talker.speech.voices import find_voice
from talker.types import Progress
from talker.weights.store import CHECKPOINTS


def add_web_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the page listens."""
    parser.add_argument("--host", metavar="NAME", help="address to listen at (default 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, metavar="N", help="port (default 7860, or the next free one)")


def web(arguments: argparse.Namespace) -> None:
    """Open the page, and answer until the process ends."""
    from talker.web.app import serve

    serve(arguments.host, arguments.port)


def add_blind_test_arguments(parser: argparse.ArgumentParser) -> None:
    """Which films are compared, and where the votes go."""
    parser.add_argument("--films", type=Path, metavar="DIR", help="folder with METHOD/SENTENCE.mp4; opens the page")
    parser.add_argument("--votes", type=Path, required=True, metavar="CSV", help="file of the votes")
    parser.add_argument("--question", metavar="TEXT", help="what is asked (default: which is more convincing)")
    parser.add_argument("--seed", type=int, default=0, help="chance of the order (default 0)")
    parser.add_argument("--scores", action="store_true", help="print the scores of the votes instead")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen at (default: reached from a phone, too)")


def blind_test(arguments: argparse.Namespace) -> None:
    """Open the page that asks for votes until the process ends, or print the scores of those there are."""
    from talker.web import blind_test as test

    if arguments.scores:
        print(test.summary(arguments.votes))
        return
    if arguments.films is None:
        raise InputError("Which films? Give --films DIR, a folder with METHOD/SENTENCE.mp4, or --scores.")
    question = arguments.question or test.QUESTIONS[0]
    page = test.build(arguments.films, arguments.votes, question, arguments.seed)
    page.launch(server_name=arguments.host, allowed_paths=[str(arguments.films.resolve())])


def add_fetch_arguments(parser: argparse.ArgumentParser) -> None:
    """How much to fetch."""
    parser.add_argument("--all", action="store_true", help="also what other renderers, voices and evaluations need")


def fetch(arguments: argparse.Namespace) -> None:
    """Download weights that are not there yet; AssetError names, at the end, all that can't be had."""
    from talker.weights import registry, store

    failures = []
    names = registry.ASSETS if arguments.all else registry.DEFAULT_ASSETS
    work = {registry.ASSETS[name].title: functools.partial(store.fetch, name) for name in names}
    if arguments.all:
        work |= {extra.title: functools.partial(store.fetch_extra, name) for name, extra in registry.EXTRAS.items()}
    for title, download in work.items():
        try:
            print(f"{title}: {download(counter('byte'))}")
        except AssetError as error:
            failures.append(str(error))
    if failures:
        raise AssetError(" ".join(failures))


def fetch_voice(voice: str) -> None:
    """Download what a voice needs, with a counter."""
    from talker.weights import registry, store

    for name in find_voice(voice).weights:
        store.fetch(name, counter(f"{registry.ASSETS[name].title}, byte"))


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure, how often, and where to keep it."""
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["crop256", "crop512", "crop1024"], metavar="SIZE")
    parser.add_argument("--seconds", nargs="*", type=int, default=[5, 60], metavar="N", help="of speech (default 5 60)")
    parser.add_argument("--portrait", type=Path, metavar="PICTURE", help="whose face (default: an example)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of which the median is given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the measurements")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show ratios to an earlier run's --json")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write a profile of frames drawn one by one")


def bench(arguments: argparse.Namespace) -> None:
    """Print what films and frames cost on this machine."""
    from talker.evaluation.bench import bench

    bench(
        arguments.sizes, arguments.seconds, arguments.portrait, repeats=arguments.repeats, keep=arguments.json,
        compare=arguments.compare, profile=arguments.profile,
    )  # fmt: skip


def add_gallery_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the pictures go."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for gallery.md and pictures/")


def gallery(arguments: argparse.Namespace) -> None:
    """Write the docs' pictures."""
    from talker.evaluation.gallery import run

    run(arguments.out, counter("picture"))
    print(arguments.out / "gallery.md")


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Which files to look at."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="pictures and films")


def verify(arguments: argparse.Namespace) -> int:
    """Print what each file says about where it came from; 1 where one of them says nothing."""
    from talker.media import verification

    found = []
    for path in arguments.files:
        evidence = verification.verify(path)
        found.append(evidence.is_generated)
        print(f"{path}: {'made by Talker' if evidence.is_generated else 'no sign of Talker'}\n{evidence.describe()}")
    return int(not all(found))


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure, and print the tables."""
    for line in evaluation.run(arguments, counter("part")):
        print(line)


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Which training, on what."""
    _add_name(parser, workbench.TRAININGS)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the training data")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the weights (default checkpoints/NAME)")
    parser.add_argument("--size", help="of the generator: small or base (default small)")
    parser.add_argument("--sets", help="that the generator learns from: permissive or all (default permissive)")


def train(arguments: argparse.Namespace) -> None:
    """Run a training."""
    out = arguments.out or CHECKPOINTS / (workbench.TRAININGS[arguments.name].folder or arguments.name)
    workbench.train(arguments.name, arguments.data, out, size=arguments.size, sets=arguments.sets)


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    """What is prepared, from what."""
    parser.add_argument("name", choices=("faces",), help="faces: photographs led to another expression and back")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the training data")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="how many work at once (default 1)")


def prepare(arguments: argparse.Namespace) -> None:
    """Draw what a training learns from into the cache; a run that was stopped goes on."""
    from talker.data.prepared_faces import prepare_faces

    prepare_faces(arguments.data, processes=arguments.processes, progress=counter("face"))


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """What is exported, and where to."""
    parser.add_argument(
        "name", choices=("lips", "generator"), help="lips: from sound to the mouth; generator: renderer"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the ONNX files")
    parser.add_argument("--permissive", action="store_true", help="only weights without limits on their use")


def export(arguments: argparse.Namespace) -> None:
    """Write networks as ONNX files, and print their names."""
    from talker.training import onnx_export

    print(*onnx_export.export(arguments.name, arguments.out, permissive=arguments.permissive), sep="\n")


def _add_name(parser: argparse.ArgumentParser, jobs: Mapping[str, workbench.Job]) -> None:
    parser.add_argument("name", choices=jobs, help="; ".join(f"{name}: {job.help}" for name, job in jobs.items()))


def counter(unit: str) -> Progress | None:
    """A counter that rewrites its line; none where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        print(f"\r{unit} {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show

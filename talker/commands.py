"""The command line's verbs that make no film: what opens the page, prepares the machine, measures and trains."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Mapping
from pathlib import Path

from talker import workbench
from talker.errors import AssetError
from talker.evaluation import command as evaluation
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


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure, and print the tables."""
    for line in evaluation.run(arguments, counter("part")):
        print(line)


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Which training, on what."""
    _add_name(parser, workbench.TRAININGS)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with the training data")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the weights (default checkpoints/NAME)")
    parser.add_argument("--size", help="of the generator: small, base or large (default small)")


def train(arguments: argparse.Namespace) -> None:
    """Run a training."""
    out = arguments.out or CHECKPOINTS / arguments.name
    workbench.train(arguments.name, arguments.data, out, size=arguments.size)


def _add_name(parser: argparse.ArgumentParser, jobs: Mapping[str, workbench.Job]) -> None:
    parser.add_argument("name", choices=jobs, help="; ".join(f"{name}: {job.help}" for name, job in jobs.items()))


def counter(unit: str) -> Progress | None:
    """A counter that rewrites its line; none where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        print(f"\r{unit} {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show

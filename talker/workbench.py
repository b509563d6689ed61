"""The command line's workbench: what derives or trains the weights in checkpoints/, as rows by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talker.errors import InputError


@dataclass(frozen=True)
class Job:
    """A row: where the function lies (imported when it is needed), and what it is for."""

    place: str  # module:function
    help: str
    accepts: tuple[str, ...] = ()  # options of its own, by name
    folder: str = ""  # of checkpoints/ that it writes; empty: its own name

    def load(self) -> Callable[..., object]:
        """The function itself."""
        module, _, name = self.place.partition(":")
        function: Callable[..., object] = getattr(importlib.import_module(module), name)
        return function


TRAININGS = {  # each function takes the data folder and the folder to write
    "face-model": Job("talker.training.face_model:derive", "the compact face model, from ICT's"),
    "attributes": Job(
        "talker.training.attributes:train", "glasses, covered mouths, drawings; a permissive variant too"
    ),
    "motion": Job("talker.training.motion:train_motion", "speech to lips"),
    "generator": Job(
        "talker.training.generator:train_generator", "the network that refines the drawn face", accepts=("size", "sets")
    ),
    "expression-judge": Job("talker.evaluation.expression_classifier:derive", "the judge of drawn emotions"),
    "emotion": Job("talker.training.emotion:train", "the emotion space and its permissive variant"),
    "voices": Job(
        "talker.training.emotion:train_voices", "the voice tower alone of both emotion spaces", folder="emotion"
    ),
    "bursts": Job("talker.training.bursts:train", "the head for vocal bursts: laughs, sobs, gasps"),
}


def train(name: str, data: Path, out: Path, **options: str | None) -> None:
    """Run a training; what it writes lies in `out` afterwards.

    options: of its own, by name; None is its default. Raises InputError for what it does not take.
    """
    job = TRAININGS[name]
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in job.accepts:
            raise InputError(f"The training {name!r} does not choose its {option}: leave --{option} out.")
    job.load()(data, out, **given)

"""The command line's workbench: what measures the project and what derives or trains its weights, as rows by name."""

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

    def load(self) -> Callable[..., object]:
        """The function itself."""
        module, _, name = self.place.partition(":")
        function: Callable[..., object] = getattr(importlib.import_module(module), name)
        return function


EVALUATIONS = {  # each function takes the data folder (or None) and returns the table
    "road": Job(
        "talker.evaluation.road:run", "mouth and feelings on the finished frames (without --data: one portrait)"
    ),
    "render": Job("talker.evaluation.reenactment:run", "the renderer against real video of held-out people"),
    "motion": Job("talker.evaluation.motion:run", "lips against filmed speakers"),
}
TRAININGS = {  # each function takes the data folder and the folder to write
    "face-model": Job("talker.training.face_model:derive", "the compact face model, from ICT's"),
    "motion": Job("talker.training.motion:train_motion", "speech to lips"),
}
NEEDS_NO_DATA = frozenset({"road"})


def evaluate(name: str, data: Path | None) -> str:
    """The table that an evaluation prints; InputError when it needs data and none is given."""
    if data is None and name not in NEEDS_NO_DATA:
        raise InputError(f"The evaluation {name!r} needs --data DIR.")
    return str(EVALUATIONS[name].load()(data))


def train(name: str, data: Path, out: Path) -> None:
    """Run a training; what it writes lies in `out` afterwards."""
    TRAININGS[name].load()(data, out)

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
    draws: bool = False  # can also write pictures to look at
    accepts: tuple[str, ...] = ()  # options of its own, by name

    def load(self) -> Callable[..., object]:
        """The function itself."""
        module, _, name = self.place.partition(":")
        function: Callable[..., object] = getattr(importlib.import_module(module), name)
        return function


EVALUATIONS = {  # each function takes the data folder (or None) and returns the table
    "road": Job(
        "talker.evaluation.end_to_end:run", "mouth and feelings on the finished frames (without --data: one portrait)"
    ),
    "render": Job(
        "talker.evaluation.reenactment:run", "the renderer against real video of held-out people", draws=True
    ),
    "generator": Job(
        "talker.evaluation.generator:run", "the generator against the geometry alone, held-out people", draws=True
    ),
    "robustness": Job(
        "talker.evaluation.robustness:run", "every portrait under all shapes and poses, and back to itself", draws=True
    ),
    "shapes": Job("talker.evaluation.blendshape_fidelity:run", "what the landmark detector sees of each drawn shape"),
    "identity": Job(
        "talker.evaluation.identity_under_pose:run", "whether a head that turns or feels stays the person", draws=True
    ),
    "background": Job("talker.evaluation.background:run", "whether it stays still while heads turn", draws=True),
    "speed": Job("talker.evaluation.speed:run", "milliseconds per stage and frame, and memory (needs no data)"),
    "motion": Job("talker.evaluation.motion:run", "lips against filmed speakers"),
    "emotion": Job("talker.evaluation.emotion:run", "texts, voices and faces in the emotion space, people held out"),
    "feelings": Job("talker.evaluation.emotion_faces:run", "what a judge sees in the drawn feelings, and read-back"),
}
TRAININGS = {  # each function takes the data folder and the folder to write
    "face-model": Job("talker.training.face_model:derive", "the compact face model, from ICT's"),
    "motion": Job("talker.training.motion:train_motion", "speech to lips"),
    "generator": Job(
        "talker.training.generator:train_generator", "the network that refines the drawn face", accepts=("size",)
    ),
    "motion-network": Job("talker.training.network:train_network", "speech to lips with a sequence model"),
    "emotion": Job("talker.training.emotion:train", "the emotion space and its permissive variant"),
}
NEEDS_NO_DATA = frozenset({"road", "speed"})


def evaluate(name: str, data: Path | None, pictures: Path | None = None) -> str:
    """The table that an evaluation prints; those that draw write pictures of what went worst into `pictures`.

    Raises InputError when it needs data and none is given, or is asked for pictures that it does not draw.
    """
    if data is None and name not in NEEDS_NO_DATA:
        raise InputError(f"The evaluation {name!r} needs --data DIR.")
    job = EVALUATIONS[name]
    if pictures is None:
        return str(job.load()(data))
    if not job.draws:
        raise InputError(f"The evaluation {name!r} draws no pictures: leave --pictures out.")
    return str(job.load()(data, pictures=pictures))


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

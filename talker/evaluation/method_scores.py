"""The papers' methods against one another: the same portraits, the same acted speech, the same judge.

An acted voice (RAVDESS, strong) is what the portrait says and what voices are read from; the same actor's calm one is
the difference's other end; a person acting the emotion (MEAD) is the film; a description stands for text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talker.errors import DataError
from talker.evaluation.emotion_metrics import JUDGED_FRAMES
from talker.evaluation.expression_classifier import NAME, Prediction
from talker.evaluation.lip_metrics import LipTrace
from talker.evaluation.methods import METHODS, Given, Scene
from talker.evaluation.metrics import Recorder
from talker.evaluation.talking import judged_motion, load_manifest
from talker.example_faces import person
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.types import FloatArray

PEOPLE = 4  # of the benchmark's
ACTED = {"happy": "03", "sad": "04", "angry": "05", "surprised": "08"}  # label -> RAVDESS' number
VOICE, CALM = "03-01-{}-02-01-01-{:02d}.opus", "03-01-01-01-01-01-{:02d}.opus"  # emotion, actor; "Kids are talking …"
FILM = "W009_front_{}_level3_001.mp4"


def run(data: Path | None, record: Recorder) -> None:
    """Record how each method reads, how its lips follow the neutral talker's, and how its motion jumps."""
    assert data is not None
    talker = Talker()
    for number, name in enumerate(load_manifest()["people"][:PEOPLE]):
        portrait = talker.analyze_portrait(person(name))
        for label, given in sources(data, actor=number + 1):
            speech = talker.load_speech(given.voice)
            scene = Scene(talker, portrait, speech, SpeakOptions(size="crop512"))
            score(scene, given, label, record)
    record.note(f"Judge: {NAME}. {PEOPLE} portraits, {len(ACTED)} emotions; `hifi` is drawn by the geometry here.")


def sources(data: Path, actor: int) -> Iterator[tuple[str, Given]]:
    """Label and what the methods take it from, for one RAVDESS actor. DataError when `data` lacks them."""
    words = load_manifest()["texts"]
    voices, films = data / "speech_emotion" / "ravdess", data / "talking" / "mead"
    for label, number in ACTED.items():
        given = Given(
            words[label], films / FILM.format(label), voices / VOICE.format(number, actor), voices / CALM.format(actor)
        )
        for path in (given.film, given.voice, given.calm):
            if not path.is_file():
                raise DataError(f"{data} holds no {path.relative_to(data)}.")
        yield label, given


def score(scene: Scene, given: Given, label: str, record: Recorder) -> None:
    """Record all methods of one scene; the neutral one, which comes first, is what the others are set against."""
    calm: tuple[Prediction, FloatArray] | None = None
    for name, method in METHODS.items():
        motion = method.motion_of(scene, given)
        clip = Prediction.mean(judged_motion(scene.talker, scene.portrait, motion, scene.options, JUDGED_FRAMES // 2))
        opening = LipTrace.of_motion(motion, scene.speech.clip).opening
        calm = calm or (clip, opening)
        record.add("emotion/clip_hit", float(clip.reads_as(label)), name)
        record.add("emotion/gain", clip.log_probability(label) - calm[0].log_probability(label), name)
        record.add("methods/opening_r", float(np.corrcoef(opening, calm[1])[0, 1]), name)
        jumps = np.abs(np.diff(motion.blendshapes.astype(np.float64), 2, axis=0)).mean()
        record.add("methods/jumps", 1000 * float(jumps), name)

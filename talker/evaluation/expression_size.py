"""How far drawn expressions go, against photographs that people have labelled.

Strength 1 is meant to be a strong real expression. So each measure of the face, on report portraits drawn with an
emotion at strength 1, is to lie within what nine of ten photographs of that emotion don't exceed. The photographs show
different people, whose neutral faces differ, too: their middle 80 % are wider than what one person's face does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from talker.data.face_photographs import load_photographs
from talker.data.portraits import reported_portraits
from talker.emotion.retargeting import retarget_to_portrait
from talker.errors import FaceError
from talker.evaluation.metrics import Recorder
from talker.evaluation.smiles import MEASURES, Measure, face_measures
from talker.evaluation.talking import load_manifest
from talker.face.detector import Landmarker
from talker.motion.composition import peak_expression
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.speech.analysis import SpeechAnalysis
from talker.types import EmotionCode, FaceMotion, FloatArray, Portrait

NEUTRAL = "neutral"
EMOTIONS = ("happy", "sad", "angry", "surprised")  # of the others there are too few photographs
MOST_PHOTOGRAPHS = 2000  # of an emotion
EYES = (33, 133, 263, 362)
BROWS: Mapping[str, Measure] = {"inner brow": (((55, 285), EYES),), "outer brow": (((52, 53, 282, 283), EYES),)}
TABLE = {**MEASURES, **BROWS}
BAND = (10, 90)  # percentiles
TALKING_FRAMES = 8  # of a film, for what speech leaves alone: the brows


def run(data: Path, record: Recorder) -> None:
    """All report portraits. DataError when the photographs' measurements aren't there."""
    photographs = load_photographs(data, MOST_PHOTOGRAPHS)
    real = np.array([face_measures(landmarks, TABLE) for landmarks in photographs.landmarks])
    calm = np.median(real[photographs.emotion == NEUTRAL], axis=0)
    drawn = drawn_changes(data, record)
    for emotion in EMOTIONS:
        changes = real[photographs.emotion == emotion] - calm
        low, high = np.percentile(changes, BAND, axis=0)
        still, talking = (np.array(rows) for rows in zip(*drawn[emotion], strict=True))
        medians = np.concatenate([np.median(still, axis=0), np.median(talking, axis=0)])
        names = [*TABLE, *(f"{name}, talking" for name in BROWS)]
        places = [*range(len(TABLE)), *(list(TABLE).index(name) for name in BROWS)]
        for name, median, place in zip(names, medians, places, strict=True):
            record.add("expressions/drawn_change", float(median), f"{emotion}: {name}")
            record.add("expressions/true_change", changes[:, place], f"{emotion}: {name}")
            record.add("expressions/within", float(low[place] <= median <= high[place]), emotion)
        record.note(f"{emotion}: {len(changes)} photographs, {len(still)} portraits.")


def drawn_changes(data: Path, record: Recorder) -> dict[str, list[tuple[FloatArray, FloatArray]]]:
    """By emotion, for each portrait: changes of the measures [M] in the still face, and of the brows [2] in talk."""
    talker = Talker()
    speech = talker.load_speech(text=load_manifest()["sentences"][0])
    codes = {emotion: talker.encode_emotion(emotion) for emotion in (NEUTRAL, *EMOTIONS)}
    changes: dict[str, list[tuple[FloatArray, FloatArray]]] = {emotion: [] for emotion in EMOTIONS}
    for path in reported_portraits(data):
        try:
            portrait = talker.analyze_portrait(path)
            measured = {emotion: measured_face(talker, portrait, code, speech) for emotion, code in codes.items()}
        except FaceError as error:
            record.note(f"{path.stem} is left out: {error}")
            continue
        for emotion, rows in changes.items():
            still, talking = (
                after - before for after, before in zip(measured[emotion], measured[NEUTRAL], strict=True)
            )
            rows.append((still, talking))
    return changes


def measured_face(
    talker: Talker, portrait: Portrait, code: EmotionCode, speech: SpeechAnalysis
) -> tuple[FloatArray, FloatArray]:
    """Measures [M] of the still face with an emotion, and the brows' [2] median while it talks.

    Raises FaceError when no face is seen in what was drawn.
    """
    options = SpeakOptions()
    renderer = talker.create_renderer(portrait, options)
    talk = talker.animate(speech, code, options, portrait).moments(TALKING_FRAMES)
    still = peak_expression(retarget_to_portrait(code, portrait.source_expression))
    poses = np.concatenate([np.zeros((1, 6), np.float32), talk.pose])
    asked = FaceMotion(np.concatenate([still[None], talk.blendshapes]), poses, talk.fps)
    with Landmarker() as landmarker:
        seen = [landmarker.look(frame)[:1] for frame in renderer.render(asked)]
    if not all(seen):
        raise FaceError("A drawn frame shows no face.")
    first, *others = (face.landmarks for (face,) in seen)
    talking = np.median([face_measures(landmarks, BROWS) for landmarks in others], axis=0)
    return face_measures(first, TABLE), talking

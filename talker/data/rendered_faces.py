"""Faces rendered from the catalogue on many portraits and measured again: they teach the picture tower the way back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from talker.blendshapes import expand
from talker.data.face_photographs import FaceRecords
from talker.emotion.catalogue import EMOTIONS
from talker.emotion.labels import label_code
from talker.emotion.retargeting import retarget_to_portrait
from talker.errors import FaceError
from talker.face.detector import Landmarker
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.geometry_renderer import GeometryRenderer
from talker.types import EMOTION_LABELS, FloatArray, Progress

STRENGTHS = (0.6, 1.3)  # rendered faces lie between these
SPEAKING_SHARE = 0.5  # of the faces also speak, so that an open mouth alone is no surprise
# What speech does to a mouth at most; a random part of each is added.
SPEECH = {"jawOpen": 0.35, "mouthFunnel": 0.3, "mouthPucker": 0.3, "mouthStretch": 0.2, "mouthLowerDown": 0.35,
          "mouthUpperUp": 0.2, "mouthClose": 0.1}  # fmt: skip
STILL = np.zeros(6)


def render_faces(portraits: Sequence[Path], seed: int = 0, progress: Progress | None = None) -> FaceRecords:
    """Every feeling of the catalogue on each portrait, labels three times, at a random strength.

    Measured as the landmarker sees them.
    Portraits without a usable face are left out.
    """
    random = np.random.default_rng(seed)
    landmarks: list[FloatArray] = []
    scores: list[FloatArray] = []
    emotions: list[str] = []
    people: list[str] = []
    with Landmarker() as landmarker:
        for done, path in enumerate(portraits):
            try:
                portrait = analyse(load_image(path))
            except FaceError:
                continue
            renderer = GeometryRenderer(portrait, SpeakOptions(size="crop512"))
            for emotion in (*EMOTIONS.values(), *(EMOTIONS[label] for label in EMOTION_LABELS * 2)):
                code = retarget_to_portrait(label_code(emotion.name), portrait.source_expression)
                face = code.blendshape_offset[0] * random.uniform(*STRENGTHS)
                if random.random() < SPEAKING_SHARE:
                    face = face + expand({name: most * random.random() for name, most in SPEECH.items()})
                seen = landmarker.look(renderer.frame(face, STILL))
                if seen:
                    landmarks.append(seen[0].landmarks.astype(np.float32))
                    scores.append(seen[0].blendshapes.astype(np.float32))
                    emotions.append(emotion.name)
                    people.append(f"rendered/{path.stem}")
            if progress is not None:
                progress(done + 1, len(portraits))
    return FaceRecords(np.stack(landmarks), np.stack(scores), np.array(emotions), np.array(people))

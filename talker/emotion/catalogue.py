"""Named feelings as rows of data: what the face does, how it reads, how it feels and how fast it comes and goes.

Sources. Displacements of the eight labels: strengths that read best on re-posed photographs (docs/findings.md), for
talking faces: the jaw's part is kept small, because speech needs the mouth. Disgust, contempt and the mixtures: the
prototypes of Ekman, Friesen & Hager (FACS Investigator's Guide, 2002) and Du, Tao & Martinez ("Compound facial
expressions of emotion", PNAS 2014). Valence, arousal and dominance: after Russell & Mehrabian ("Evidence for a
three-factor theory of emotions", 1977). Timing: after Hess & Kleck (1990) and Ekman (2003): surprise is fast and
brief, sadness slow to come and slow to go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from talker.emotion.action_units import to_blendshapes
from talker.types import EMOTION_LABELS, FloatArray


@dataclass(frozen=True)
class Feeling:
    """One row of the catalogue.

    action_units: FACS code -> strength (0..1, a leading L or R for one side), the face at strength 1.
    reads_as: share of each of `EMOTION_LABELS`; sums to 1.
    affect: valence, arousal, dominance in -1..1.
    onset_s, decay_s: how long the face takes to show it and to let it go.
    aliases: other words for the same feeling.
    """

    name: str
    action_units: Mapping[str, float]
    reads_as: Mapping[str, float]
    affect: tuple[float, float, float]
    onset_s: float = 0.4
    decay_s: float = 0.8
    aliases: tuple[str, ...] = field(default=())

    @property
    def displacement(self) -> FloatArray:
        """Change of blendshapes [52] at strength 1."""
        return to_blendshapes(self.action_units)

    @property
    def probabilities(self) -> FloatArray:
        """How it reads, [8] in the order of `EMOTION_LABELS`."""
        return np.array([self.reads_as.get(label, 0.0) for label in EMOTION_LABELS], np.float32)


FEELINGS: tuple[Feeling, ...] = (
    Feeling("neutral", {}, {"neutral": 1.0}, (0.0, 0.0, 0.0), 0.5, 0.5, ("calm", "expressionless")),
    Feeling(
        "happy",
        {"6": 0.8, "12": 0.95, "10": 0.3, "16": 0.25, "26": 0.08},
        {"happy": 1.0}, (0.81, 0.51, 0.46), 0.5, 1.2, ("happiness", "joy", "joyful"),
    ),
    Feeling(
        "sad",
        {"1": 0.95, "2": -0.2, "4": 0.27, "15": 0.75, "17": 0.6, "43": 0.22, "7": 0.3, "64": 0.35},
        {"sad": 1.0}, (-0.63, -0.27, -0.33), 0.9, 2.0, ("sadness",),
    ),
    Feeling(
        "angry",
        {"4": 1.0, "7": 0.6, "9": 0.7, "10": 0.25, "16": 0.35, "20": 0.15, "23": 0.25, "26": 0.05},
        {"angry": 1.0}, (-0.51, 0.59, 0.25), 0.3, 1.4, ("anger",),
    ),
    Feeling(
        "surprised",
        {"1": 0.85, "2": 0.85, "5": 0.75, "26": 0.35, "22": 0.2},
        {"surprised": 1.0}, (0.4, 0.67, -0.13), 0.15, 0.7, ("surprise",),
    ),
    Feeling(
        "fear",
        {"1": 1.05, "2": 0.25, "4": 0.25, "5": 0.9, "20": 0.8, "16": 0.4, "15": 0.15, "26": 0.2},
        {"fear": 1.0}, (-0.64, 0.6, -0.43), 0.2, 1.2, ("fearful", "afraid", "scared"),
    ),
    Feeling(
        "disgusted",
        {"9": 0.85, "10": 0.5, "4": 0.55, "7": 0.6, "6": 0.3, "15": 0.4, "17": 0.4, "43": 0.08},
        {"disgusted": 1.0}, (-0.6, 0.35, 0.11), 0.3, 1.0, ("disgust",),
    ),
    Feeling(
        "contempt",
        {"L14": 0.8, "L12": 0.55, "L10": 0.2, "L6": 0.25, "L2": 0.35, "R4": 0.2, "7": 0.2, "43": 0.15},
        {"contempt": 1.0}, (-0.32, 0.18, 0.35), 0.4, 1.0, ("contemptuous", "scorn", "disdain"),
    ),
)  # fmt: skip
# A voice raised in anger opens the mouth instead of clenching it: the same feeling at full loudness.
SHOUTED_ANGER = Feeling(
    "shouting",
    {"4": 0.9, "7": 0.5, "9": 0.8, "10": 0.55, "16": 0.7, "20": 0.2, "26": 0.3},
    {"angry": 1.0}, (-0.6, 0.85, 0.4), 0.2, 1.0, ("furious shouting", "yelling"),
)  # fmt: skip

_BY_NAME = {name: feeling for feeling in (*FEELINGS, SHOUTED_ANGER) for name in (feeling.name, *feeling.aliases)}


def find_feeling(name: str) -> Feeling | None:
    """The row called `name` (any case, spaces around it ignored), or None."""
    return _BY_NAME.get(name.strip().lower())


def feeling_names() -> tuple[str, ...]:
    """The names of all rows, the eight labels first."""
    return tuple(dict.fromkeys(feeling.name for feeling in _BY_NAME.values()))

"""Named emotions as rows of data: what the face does, how it reads, how it feels and how fast it comes and goes.

Sources. Displacements of the eight labels: strengths that read best on re-posed photographs (docs/emotion.md), for
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
class NamedEmotion:
    """One row of the catalogue.

    action_units: FACS code -> strength (0..1, a leading L or R for one side), the face at strength 1.
    reads_as: share of each of `EMOTION_LABELS`; sums to 1.
    affect: valence, arousal, dominance in -1..1.
    onset_s, decay_s: how long the face takes to show it and to let it go.
    aliases: other words for the same emotion.
    """

    name: str
    action_units: Mapping[str, float]
    reads_as: Mapping[str, float]
    affect: tuple[float, float, float]
    onset_s: float = 0.4
    decay_s: float = 0.8
    aliases: tuple[str, ...] = field(default=())

    @property
    def blendshape_offset(self) -> FloatArray:
        """Change of blendshapes [52] at strength 1."""
        return to_blendshapes(self.action_units)

    @property
    def probabilities(self) -> FloatArray:
        """How it reads, [8] in the order of `EMOTION_LABELS`."""
        return np.array([self.reads_as.get(label, 0.0) for label in EMOTION_LABELS], np.float32)


# fmt: off
_ROWS = (
    NamedEmotion("neutral", {}, {"neutral": 1.0}, (0.0, 0.0, 0.0), 0.5, 0.5, ("expressionless",)),
    NamedEmotion("happy", {"6": 0.35, "12": 0.67, "14": 0.2, "20": -0.15, "10": 0.43, "16": 0.35, "28": 0.15, "5": 0.3,
             "26": 0.045},
            {"happy": 1.0}, (0.81, 0.51, 0.46), 0.5, 1.2, ("happiness", "joy", "joyful")),
    NamedEmotion("sad", {"1": 1.05, "2": -0.2, "4": 0.3, "15": 0.42, "17": 0.4, "43": 0.08, "7": 0.15, "64": 0.25},
            {"sad": 1.0}, (-0.63, -0.27, -0.33), 0.9, 2.0, ("sadness",)),
    NamedEmotion("angry", {"4": 1.2, "5": 0.15, "7": 0.35, "9": 0.75, "10": 0.47, "16": 0.85, "22": 0.25, "26": 0.2},
            {"angry": 1.0}, (-0.51, 0.59, 0.25), 0.3, 1.4, ("anger",)),
    NamedEmotion("surprised", {"1": 0.45, "2": 0.45, "5": 0.9, "26": 0.65, "22": 0.25, "12": -0.2},
            {"surprised": 1.0}, (0.4, 0.67, -0.13), 0.15, 0.7, ("surprise",)),
    NamedEmotion("fear", {"1": 1.2, "2": 0.35, "4": 0.45, "5": 0.8, "20": 0.9, "16": 0.6, "26": 0.3},
            {"fear": 1.0}, (-0.64, 0.6, -0.43), 0.2, 1.2, ("fearful", "afraid", "scared")),
    NamedEmotion("disgusted", {"9": 0.85, "10": 0.65, "4": 0.4, "6": 0.35, "7": 0.35, "15": 0.25, "17": 0.25},
            {"disgusted": 1.0}, (-0.6, 0.35, 0.11), 0.3, 1.0, ("disgust",)),
    NamedEmotion("contempt", {"L14": 0.8, "L12": 0.6, "L10": 0.25, "L6": 0.3, "L2": 0.45, "R4": 0.25, "7": 0.25,
                         "43": 0.15},
            {"contempt": 1.0}, (-0.32, 0.18, 0.35), 0.4, 1.0, ("contemptuous", "scorn", "disdain")),
    # C-MET's extended set
    NamedEmotion("desire", {"12": 0.35, "L12": 0.15, "25": 0.9, "26": 0.12, "43": 0.45, "7": 0.25, "2": 0.25},
            {"happy": 0.6, "neutral": 0.4}, (0.6, 0.55, 0.2), 0.8, 1.6, ("longing desire", "lust")),
    NamedEmotion("envy", {"4": 0.85, "7": 0.95, "L14": 0.9, "L10": 0.3, "15": 0.3, "24": 0.8, "61": 0.75},
            {"contempt": 0.4, "angry": 0.4, "sad": 0.2}, (-0.5, 0.4, -0.1), 0.6, 1.6,
            ("envious", "jealous", "jealousy")),
    NamedEmotion("romance", {"12": 0.85, "6": 0.75, "1": 0.5, "43": 0.2, "25": 0.35},
            {"happy": 0.8, "neutral": 0.2}, (0.8, 0.35, 0.15), 0.8, 1.8, ("romantic", "in love")),
    NamedEmotion("sarcasm", {"L12": 0.85, "L14": 0.7, "R14": 0.3, "L2": 0.85, "R4": 0.4, "43": 0.3, "63": 0.2},
            {"contempt": 0.7, "happy": 0.3}, (-0.1, 0.3, 0.4), 0.4, 1.0, ("sarcastic", "ironic", "irony")),
    NamedEmotion("charisma", {"12": 1.0, "6": 0.65, "10": 0.2, "2": 0.45, "1": 0.25, "5": 0.1, "25": 0.5},
            {"happy": 0.85, "neutral": 0.15}, (0.7, 0.5, 0.7), 0.4, 1.2, ("charismatic", "charming")),
    NamedEmotion("empathy", {"1": 1.3, "4": 0.2, "12": 0.55, "6": 0.45, "17": 0.25, "43": 0.1},
            {"sad": 0.6, "happy": 0.2, "neutral": 0.2}, (0.1, -0.1, 0.1), 0.8, 1.8,
            ("empathetic", "compassion", "compassionate", "sympathy")),
    # joy's kin
    NamedEmotion("amused", {"12": 1.05, "6": 0.85, "25": 0.4, "2": 0.2},
            {"happy": 1.0}, (0.7, 0.45, 0.3), 0.3, 0.9, ("amusement",)),
    NamedEmotion("excited", {"12": 0.95, "6": 0.6, "1": 0.4, "2": 0.5, "5": 0.4, "25": 0.6, "26": 0.15},
            {"happy": 0.8, "surprised": 0.2}, (0.75, 0.85, 0.4), 0.25, 0.9, ("excitement", "enthusiastic")),
    NamedEmotion("content", {"12": 0.65, "6": 0.5, "43": 0.15},
            {"happy": 0.7, "neutral": 0.3}, (0.65, -0.2, 0.3), 0.9, 1.8, ("contented", "satisfied", "pleased")),
    NamedEmotion("calm", {"12": 0.2, "43": 0.15}, {"neutral": 0.8, "happy": 0.2}, (0.4, -0.6, 0.3), 1.0, 1.8,
            ("serene", "peaceful", "relaxed")),
    NamedEmotion("tender", {"12": 0.55, "6": 0.5, "1": 0.55, "43": 0.2},
            {"happy": 0.8, "sad": 0.2}, (0.75, 0.0, 0.1), 0.9, 1.8, ("tenderness", "loving", "affectionate")),
    NamedEmotion("proud", {"12": 0.7, "6": 0.4, "2": 0.3, "17": 0.4, "24": 0.3, "64": 0.15},
            {"happy": 0.8, "contempt": 0.2}, (0.75, 0.4, 0.65), 0.6, 1.5, ("pride",)),
    NamedEmotion("grateful", {"12": 0.85, "6": 0.7, "1": 0.65, "43": 0.15},
            {"happy": 1.0}, (0.8, 0.2, 0.0), 0.6, 1.5, ("gratitude", "thankful")),
    NamedEmotion("hopeful", {"12": 0.55, "1": 0.7, "2": 0.4, "5": 0.3, "63": 0.2},
            {"happy": 0.8, "neutral": 0.2}, (0.55, 0.3, 0.1), 0.7, 1.5, ("hope", "optimistic")),
    NamedEmotion("relieved", {"12": 0.55, "6": 0.4, "1": 0.4, "43": 0.4, "26": 0.1},
            {"happy": 0.75, "neutral": 0.25}, (0.6, -0.3, 0.2), 0.6, 1.5, ("relief",)),
    NamedEmotion("triumphant", {"12": 0.9, "6": 0.7, "25": 0.7, "4": 0.25, "26": 0.2},
            {"happy": 1.0}, (0.8, 0.8, 0.75), 0.25, 1.2, ("triumph", "victorious")),
    NamedEmotion("playful", {"L12": 1.1, "R12": 0.7, "6": 0.55, "L2": 0.55, "7": 0.3},
            {"happy": 1.0}, (0.7, 0.5, 0.35), 0.3, 0.9, ("teasing", "cheeky")),
    NamedEmotion("mischievous", {"L12": 1.0, "R12": 0.55, "4": 0.5, "7": 0.55, "L2": 0.55},
            {"happy": 0.7, "contempt": 0.3}, (0.5, 0.45, 0.45), 0.4, 1.0, ("mischief", "scheming")),
    NamedEmotion("flirtatious", {"L12": 0.85, "R12": 0.55, "6": 0.4, "R43": 0.15, "L2": 0.55, "18": 0.15, "61": 0.3},
            {"happy": 0.9, "contempt": 0.1}, (0.65, 0.5, 0.35), 0.4, 1.0, ("flirty", "seductive")),
    NamedEmotion("suppressed laughter", {"12": 0.9, "6": 0.75, "24": 1.0, "28": 0.55, "34": 0.3, "2": 0.3},
            {"happy": 1.0}, (0.6, 0.6, 0.1), 0.25, 0.7, ("trying not to laugh", "stifled laugh")),
    NamedEmotion("confident", {"12": 0.5, "L12": 0.15, "2": 0.15, "7": 0.2, "17": 0.2},
            {"happy": 0.55, "neutral": 0.35, "contempt": 0.1}, (0.5, 0.3, 0.8), 0.5, 1.2,
            ("confidence", "self-assured")),
    # thought and attention
    NamedEmotion("determined", {"4": 0.75, "7": 0.55, "24": 0.7, "17": 0.4},
            {"angry": 0.5, "neutral": 0.5}, (0.1, 0.5, 0.7), 0.4, 1.4, ("determination", "resolute")),
    NamedEmotion("curious", {"1": 0.35, "2": 0.45, "5": 0.35, "25": 0.3, "12": 0.15},
            {"surprised": 0.5, "neutral": 0.35, "happy": 0.15}, (0.3, 0.4, 0.1), 0.4, 1.2, ("curiosity", "interested")),
    NamedEmotion("thoughtful", {"4": 0.5, "7": 0.35, "24": 0.35, "62": 0.5, "63": 0.35},
            {"neutral": 0.8, "sad": 0.2}, (0.05, -0.1, 0.1), 0.8, 1.5, ("pensive", "pondering")),
    NamedEmotion("confused", {"4": 0.75, "L2": 0.55, "1": 0.5, "7": 0.4, "17": 0.35, "L14": 0.3},
            {"surprised": 0.45, "neutral": 0.3, "fear": 0.25}, (-0.25, 0.25, -0.3), 0.4, 1.2, ("confusion", "puzzled")),
    NamedEmotion("doubtful", {"L2": 0.85, "R4": 0.7, "7": 0.5, "17": 0.55, "15": 0.4, "L14": 0.4},
            {"contempt": 0.6, "neutral": 0.4}, (-0.25, 0.1, 0.15), 0.5, 1.2, ("doubt", "sceptical", "skeptical")),
    NamedEmotion("suspicious", {"4": 0.75, "7": 1.0, "24": 0.4, "61": 0.35, "L14": 0.3},
            {"contempt": 0.5, "angry": 0.5}, (-0.35, 0.3, 0.2), 0.6, 1.4, ("suspicion", "distrustful", "wary")),
    NamedEmotion("awe", {"1": 0.55, "2": 0.4, "5": 0.75, "26": 0.35},
            {"surprised": 0.9, "happy": 0.1}, (0.4, 0.5, -0.3), 0.4, 1.5, ("wonder",)),
    NamedEmotion("shocked", {"1": 0.5, "2": 0.4, "5": 1.0, "26": 0.45, "20": 0.25, "4": 0.1},
            {"surprised": 0.75, "fear": 0.25}, (-0.3, 0.8, -0.4), 0.12, 1.0, ("shock",)),
    # weariness and loss
    NamedEmotion("bored", {"43": 0.55, "1": 0.3, "14": 0.35, "15": 0.2, "62": 0.35, "64": 0.2},
            {"neutral": 0.7, "contempt": 0.2, "sad": 0.1}, (-0.4, -0.65, -0.1), 1.0, 1.5, ("boredom", "uninterested")),
    NamedEmotion("tired", {"43": 0.6, "1": 0.5, "15": 0.4, "64": 0.4, "26": 0.1},
            {"sad": 0.55, "neutral": 0.45}, (-0.3, -0.75, -0.3), 1.2, 2.0, ("weary", "exhausted", "sleepy")),
    NamedEmotion("melancholy", {"1": 0.85, "15": 0.65, "43": 0.35, "64": 0.4, "17": 0.3},
            {"sad": 1.0}, (-0.4, -0.4, -0.2), 1.2, 2.2, ("melancholic",)),
    NamedEmotion("nostalgic", {"1": 0.65, "12": 0.4, "6": 0.3, "43": 0.25, "62": 0.3, "63": 0.2},
            {"sad": 0.5, "happy": 0.5}, (0.15, -0.25, 0.0), 1.0, 2.0, ("nostalgia",)),
    NamedEmotion("bittersweet", {"12": 0.7, "6": 0.4, "1": 1.1, "4": 0.3, "15": 0.35, "17": 0.3, "43": 0.15},
            {"sad": 0.5, "happy": 0.5}, (0.1, 0.0, -0.1), 0.9, 2.0, ("smiling through tears",)),
    NamedEmotion("lonely", {"1": 1.0, "15": 0.7, "17": 0.4, "43": 0.3, "64": 0.5},
            {"sad": 1.0}, (-0.6, -0.35, -0.45), 1.0, 2.0, ("loneliness",)),
    NamedEmotion("disappointed", {"1": 0.65, "4": 0.35, "15": 0.85, "17": 0.65, "24": 0.4, "64": 0.3},
            {"sad": 1.0}, (-0.55, -0.1, -0.2), 0.6, 1.6, ("disappointment", "let down")),
    NamedEmotion("desperate", {"1": 1.0, "4": 0.45, "20": 0.4, "15": 0.4, "5": 0.3, "25": 0.5},
            {"sad": 0.6, "fear": 0.4}, (-0.75, 0.55, -0.6), 0.4, 1.8, ("desperation", "despair", "hopeless")),
    NamedEmotion("pained", {"4": 0.9, "6": 0.5, "7": 0.8, "10": 0.4, "9": 0.35, "20": 0.35, "43": 0.25, "25": 0.3},
            {"sad": 0.6, "disgusted": 0.4}, (-0.75, 0.5, -0.4), 0.3, 1.4, ("pain", "suffering", "hurting")),
    NamedEmotion("pleading", {"1": 1.2, "4": 0.3, "5": 0.5, "15": 0.35, "17": 0.4},
            {"sad": 0.75, "fear": 0.25}, (-0.4, 0.4, -0.6), 0.4, 1.4, ("begging", "imploring")),
    # shame
    NamedEmotion("guilty", {"1": 0.9, "4": 0.35, "14": 0.4, "15": 0.55, "17": 0.5, "64": 0.7},
            {"sad": 0.8, "fear": 0.2}, (-0.57, 0.2, -0.35), 0.7, 1.8, ("guilt", "remorseful")),
    NamedEmotion("ashamed", {"1": 0.75, "15": 0.7, "17": 0.55, "28": 0.4, "43": 0.35, "64": 0.9},
            {"sad": 1.0}, (-0.57, 0.05, -0.55), 0.7, 2.0, ("shame", "humiliated")),
    NamedEmotion("embarrassed", {"12": 0.65, "24": 0.7, "14": 0.4, "1": 0.4, "64": 0.7, "61": 0.3},
            {"happy": 0.4, "sad": 0.3, "fear": 0.3}, (-0.35, 0.3, -0.5), 0.3, 1.2, ("embarrassment", "awkward")),
    NamedEmotion("shy", {"12": 0.5, "6": 0.2, "1": 0.5, "64": 0.65, "28": 0.3},
            {"happy": 0.5, "neutral": 0.3, "fear": 0.2}, (0.1, 0.1, -0.5), 0.6, 1.4, ("bashful", "timid")),
    # unease
    NamedEmotion("nervous", {"1": 0.9, "2": 0.3, "4": 0.35, "5": 0.5, "20": 0.55, "28": 0.3},
            {"fear": 1.0}, (-0.45, 0.55, -0.4), 0.4, 1.2, ("anxious", "anxiety", "nervousness", "tense")),
    NamedEmotion("worried", {"1": 1.2, "4": 0.65, "15": 0.4, "17": 0.3, "5": 0.15},
            {"fear": 0.6, "sad": 0.4}, (-0.5, 0.3, -0.35), 0.6, 1.6, ("worry", "concerned")),
    NamedEmotion("panicked", {"1": 1.0, "2": 0.4, "4": 0.3, "5": 1.0, "20": 0.9, "16": 0.5, "26": 0.3},
            {"fear": 1.0}, (-0.7, 0.9, -0.6), 0.15, 1.2, ("panic", "terrified")),
    # anger's kin
    NamedEmotion("annoyed", {"4": 0.75, "7": 0.65, "24": 0.65, "14": 0.35, "9": 0.3},
            {"angry": 0.8, "contempt": 0.2}, (-0.45, 0.3, 0.1), 0.4, 1.2, ("annoyance", "irritated")),
    NamedEmotion("frustrated", {"4": 1.05, "7": 0.55, "24": 0.85, "14": 0.55, "15": 0.5, "9": 0.35},
            {"angry": 0.8, "sad": 0.2}, (-0.55, 0.5, 0.0), 0.4, 1.4, ("frustration",)),
    NamedEmotion("furious", {"4": 1.35, "5": 0.3, "7": 0.2, "9": 0.85, "10": 0.5, "16": 0.9, "22": 0.3, "20": 0.2,
                        "26": 0.24},
            {"angry": 1.0}, (-0.6, 0.85, 0.4), 0.2, 1.4, ("fury", "rage")),
    NamedEmotion("cold anger", {"4": 1.2, "7": 1.05, "24": 1.1, "9": 0.4, "5": 0.15},
            {"angry": 1.0}, (-0.6, 0.2, 0.6), 0.6, 1.8, ("cold fury", "icy rage")),
    NamedEmotion("stern", {"4": 0.9, "7": 0.5, "24": 0.55, "15": 0.3},
            {"angry": 0.7, "neutral": 0.3}, (-0.25, 0.2, 0.6), 0.5, 1.4, ("strict", "severe")),
    NamedEmotion("threatening", {"4": 0.95, "7": 0.55, "9": 0.4, "29": 0.3, "10": 0.3, "25": 0.3},
            {"angry": 0.9, "contempt": 0.1}, (-0.55, 0.6, 0.7), 0.4, 1.4, ("menacing", "evil")),
    # A voice raised in anger opens the mouth instead of clenching it.
    NamedEmotion("shouting", {"4": 1.25, "5": 0.3, "9": 0.8, "10": 0.6, "16": 0.8, "26": 0.35},
            {"angry": 1.0}, (-0.6, 0.9, 0.4), 0.2, 1.0, ("yelling", "screaming")),
)
# fmt: on

EMOTIONS: dict[str, NamedEmotion] = {row.name: row for row in _ROWS}  # one more row is one more emotion, everywhere


def find_emotion(name: str) -> NamedEmotion | None:
    """The row called `name` or with it among its aliases (any case, spaces around it ignored), or None."""
    wanted = name.strip().lower()
    return EMOTIONS.get(wanted) or next((row for row in EMOTIONS.values() if wanted in row.aliases), None)

"""The papers' ideas as named methods: presets over the same engine, so that each can be switched on and measured.

A method is a row: where the emotion comes from, and how it gets into the motion. docs/methods.md says what each paper
proposes and in what this differs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.emotion.resolve import EmotionRequest
from talker.emotion.retargeting import retarget_to_portrait
from talker.emotion.vectors import direction, vector_of
from talker.errors import InputError
from talker.face.fit import fit_sequence
from talker.face.landmark_motion import landmark_motion
from talker.motion.composition import soft_limit
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.resources import resource
from talker.speech.analysis import SpeechAnalysis
from talker.types import EmotionCode, FaceMotion, Portrait

NEUTRAL = "neutral"
EXAMPLES = resource("assets", "examples")


@dataclass(frozen=True)
class Given:
    """What the methods take their emotion from: words, a film of an emotional face, and two recordings of voices.

    calm: the voice without the emotion, which "cmet" takes the other's difference to.
    """

    words: str = "what a surprise"
    film: Path = EXAMPLES / "surprise.mp4"
    voice: Path = EXAMPLES / "loud.flac"
    calm: Path = EXAMPLES / "calm.flac"


@dataclass(frozen=True)
class Scene:
    """A portrait that says something, and the talker that makes it."""

    talker: Talker
    portrait: Portrait
    speech: SpeechAnalysis
    options: SpeakOptions

    def animated(self, code: EmotionCode) -> FaceMotion:
        """The engine's own way: retargeted to the portrait, composed with the speech."""
        return self.talker.animate(self.speech, code, self.options, self.portrait)


@dataclass(frozen=True)
class Method:
    """A row. emotion: which one is shown. motion: how it becomes motion. renderer: what draws it."""

    paper: str
    emotion: Callable[[Scene, Given], EmotionCode]
    motion: Callable[[Scene, EmotionCode], FaceMotion] = Scene.animated
    renderer: str = "auto"

    def motion_of(self, scene: Scene, given: Given) -> FaceMotion:
        """The motion of a scene with the emotion that is given."""
        return self.motion(scene, self.emotion(scene, given))


def _read(source: str, field: str = "") -> Callable[[Scene, Given], EmotionCode]:
    """An emotion read from a source of the engine; field: of `Given`, where it needs a value."""

    def read(scene: Scene, given: Given) -> EmotionCode:
        value = str(getattr(given, field)) if field else ""
        return scene.talker.encode_emotion(
            EmotionRequest(source, value), scene.speech, permissive=scene.options.permissive
        )

    return read


def _neutral(scene: Scene, given: Given) -> EmotionCode:
    return scene.talker.encode_emotion(NEUTRAL, permissive=scene.options.permissive)


def _voice_difference(scene: Scene, given: Given) -> EmotionCode:
    """C-MET's semantic vector: what the emotional voice has more than the calm one, added to a neutral face.

    Both count at full strength: the vector says which emotion it is, the options how strong it is shown.
    """
    voices = (_read("voice", field)(scene, given) for field in ("voice", "calm"))
    emotional, calm = (code.with_strength(1.0) for code in voices)
    return (vector_of(_neutral(scene, given)) + direction(emotional, calm)).code("difference of two voices")


def _added_linearly(scene: Scene, code: EmotionCode) -> FaceMotion:
    """EAMM's: the displacement is added to neutral speech as it is, and nothing protects the lips."""
    calm = scene.animated(_neutral(scene, Given()))
    shown = retarget_to_portrait(code.scaled(scene.options.strength), scene.portrait.source_expression)
    offset = (shown.blendshape_offset * shown.strength[:, None]).mean(axis=0)
    return dataclasses.replace(calm, blendshapes=soft_limit(calm.blendshapes + offset).astype(np.float32))


def _through_landmarks(scene: Scene, code: EmotionCode) -> FaceMotion:
    """AMIGO's: what is drawn knows the face's landmarks only; the face model is fitted to them again."""
    motion = scene.animated(code)
    moved = landmark_motion(scene.portrait, motion).landmarks
    fitted = fit_sequence(moved, identity=scene.portrait.fit.identity).expression
    return dataclasses.replace(motion, blendshapes=fitted.astype(np.float32))


METHODS: dict[str, Method] = {
    NEUTRAL: Method("no emotion: the same speech, head and blinks", _neutral),
    "eamm": Method("EAMM (Ji et al., 2022)", _read("video", "film"), _added_linearly),
    "amigo": Method("AMIGO (Zhai et al., 2023)", _read("speech"), _through_landmarks),
    "hifi": Method("High-fidelity generalized (Xu et al., 2023)", _read("text", "words"), renderer="generator"),
    "cem": Method("CEM-Net", _read("voice", "voice")),
    "cmet": Method("C-MET (2026)", _voice_difference),
}


def find_method(name: str) -> Method:
    """A method by name; InputError names those there are."""
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}. Known are: {', '.join(METHODS)}.")
    return METHODS[name]

"""Stand-ins for the heavy components, so that the entry points can be tested in no time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from talker import FaceMotion, Portrait, SpeakOptions, SpeechClip
from talker.components import Components, Feel
from talker.emotion.resolve import Emotion, EmotionRequest
from talker.emotion.timeline import Tag
from talker.errors import EmotionError
from talker.speech.analysis import SpeechAnalysis
from talker.types import (
    EMOTION_LABELS,
    LANDMARK_COUNT,
    ByteArray,
    EmotionCode,
    FaceFit,
    FloatArray,
    TimedToken,
    Transcript,
)

RATE = 16000


@dataclass
class FakeRenderer:
    """Shows a plane, brighter the wider the jaw is open, and a bar that brightens with time."""

    portrait: Portrait
    name: str = "stand-in"

    @property
    def size(self) -> tuple[int, int]:
        return (self.portrait.image.shape[1], self.portrait.image.shape[0])

    def render(self, motion: FaceMotion) -> Iterator[ByteArray]:
        for index, row in enumerate(motion.blendshapes):
            frame = np.full_like(self.portrait.image, round(255 * min(1.0, float(row.max()))))
            frame[:8] = index * 8 % 256
            yield frame


def oval(image: ByteArray) -> FloatArray:
    """Landmarks [478,3] on an ellipse in the middle of the picture."""
    angles = np.linspace(0, 2 * np.pi, LANDMARK_COUNT)
    height, width = image.shape[:2]
    across, down = 0.5 + 0.3 * np.sin(angles), 0.5 - 0.4 * np.cos(angles)
    return np.stack((across * width, down * height, np.zeros_like(angles)), axis=1)


@dataclass
class FakeComponents:
    """Components that take no time, and what they were asked."""

    calls: list[str] = field(default_factory=list)

    def analyse(self, image: ByteArray, face_index: int, permissive: bool = False) -> Portrait:
        self.calls.append("analyse")
        fit = FaceFit(np.zeros(40), np.zeros(52), np.zeros(3), np.zeros(2), 1.0)
        return Portrait(image, oval(image), fit, np.zeros(52), (10, 10, 50, 60), faces=2)

    def say(self, text: str, voice: str, speed: float, feel: Feel | None) -> SpeechClip:
        self.calls.append(f"say {voice}")
        words = Transcript((TimedToken(text, 0, 1),))
        return SpeechClip(np.full(RATE, 0.1, np.float32), RATE, words)

    def transcribe(self, clip: SpeechClip) -> Transcript:
        self.calls.append("transcribe")
        return Transcript((TimedToken("mumble", 0, 1),), confidence=0.2)

    def resolve(
        self, emotion: Emotion, speech: SpeechAnalysis | None, tags: Sequence[Tag], permissive: bool
    ) -> EmotionCode:
        if isinstance(emotion, EmotionCode):
            return emotion
        if isinstance(emotion, EmotionRequest):
            self.calls.append(f"read {emotion.source}")
        label = tags[0].emotion if tags else emotion if isinstance(emotion, str) else emotion.value or "neutral"
        if label not in EMOTION_LABELS:
            raise EmotionError(f"There is no emotion called {label!r}.")
        rows = np.zeros((1, 8), np.float32)
        return EmotionCode(rows, np.zeros((1, 52)), np.ones(1, np.float32), rows, source=f"label: {label}")

    def speech_motion(self, speech: SpeechAnalysis, options: SpeakOptions) -> FaceMotion:
        fps = options.fps
        frames = round(speech.duration_s * fps)
        return FaceMotion(np.full((frames, 52), 0.5, np.float32), np.zeros((frames, 6), np.float32), fps)

    def compose(
        self, mouth: FaceMotion, code: EmotionCode, speech: SpeechAnalysis, options: SpeakOptions
    ) -> FaceMotion:
        noise = np.random.default_rng(options.seed).standard_normal(mouth.pose.shape)
        return FaceMotion(mouth.blendshapes * float(code.strength[0]), noise, mouth.fps)

    def create_renderer(self, portrait: Portrait, options: SpeakOptions) -> FakeRenderer:
        self.calls.append("renderer")
        return FakeRenderer(portrait)

    def peak_expression(self, code: EmotionCode) -> FloatArray:
        return np.full(52, code.strength.max() / 2, np.float32)

    def as_components(self) -> Components:
        return Components(
            self.analyse,
            self.say,
            self.transcribe,
            self.resolve,
            self.speech_motion,
            self.compose,
            self.peak_expression,
            self.create_renderer,
        )

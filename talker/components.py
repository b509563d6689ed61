"""What the pipeline is made of: one function for each step, each imported when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from talker.emotion.model import emotion_model
from talker.emotion.resolve import Emotion, resolve
from talker.emotion.timeline import Tag
from talker.options import SpeakOptions
from talker.render.registry import Renderer, create_renderer
from talker.speech.analysis import SpeechAnalysis
from talker.types import (
    ByteArray,
    EmotionCode,
    FaceMotion,
    FloatArray,
    Portrait,
    SpeechClip,
    Transcript,
)

Feel = Callable[[SpeechAnalysis], EmotionCode]  # the emotion of a voice whose words and their times are known


@dataclass(frozen=True)
class Components:
    """What the pipeline is made of; tests and experiments hand in others. Heavy ones are imported at first use."""

    analyse: Callable[[ByteArray, int, bool], Portrait]
    say: Callable[[str, str, float, Feel | None], SpeechClip]
    transcribe: Callable[[SpeechClip], Transcript]
    resolve: Callable[[Emotion, SpeechAnalysis | None, Sequence[Tag], bool], EmotionCode]
    speech_motion: Callable[[SpeechAnalysis, SpeakOptions], FaceMotion]
    compose: Callable[[FaceMotion, EmotionCode, SpeechAnalysis, SpeakOptions], FaceMotion]
    peak_expression: Callable[[EmotionCode], FloatArray]
    create_renderer: Callable[[Portrait, SpeakOptions], Renderer]

    @classmethod
    def default(cls) -> Components:
        """The components of this project."""
        return cls(
            _analyse, _say, _transcribe, _resolve, _speech_motion, _compose, _peak_expression, create_renderer
        )  # fmt: skip


def _analyse(image: ByteArray, face_index: int, permissive: bool) -> Portrait:
    from talker.portrait.analyse import analyse

    return analyse(image, face_index=face_index, permissive=permissive)


def _say(text: str, voice: str, speed: float, feel: Feel | None) -> SpeechClip:
    from talker.emotion.voice_delivery import voice_expression
    from talker.speech.voice import say

    if feel is None:
        return say(text, voice=voice, speed=speed)
    return say(text, voice=voice, speed=speed, express=lambda planned: voice_expression(feel(SpeechAnalysis(planned))))


def _transcribe(clip: SpeechClip) -> Transcript:
    from talker.speech.phones import align
    from talker.speech.recogniser import transcribe

    return align(clip, transcribe(clip))


def _resolve(emotion: Emotion, speech: SpeechAnalysis | None, tags: Sequence[Tag], permissive: bool) -> EmotionCode:
    return resolve(emotion, speech, tags=tags, model=emotion_model(permissive))


def _speech_motion(speech: SpeechAnalysis, options: SpeakOptions) -> FaceMotion:
    from talker.motion.articulation import chosen_mouth_regressor, speech_motion

    return speech_motion(speech, fps=options.fps, regressor=chosen_mouth_regressor(options))


def _compose(mouth_motion: FaceMotion, code: EmotionCode, speech: SpeechAnalysis, options: SpeakOptions) -> FaceMotion:
    from talker.motion.composition import compose

    return compose(mouth_motion, code, speech, options)


def _peak_expression(code: EmotionCode) -> FloatArray:
    from talker.motion.composition import peak_expression

    return peak_expression(code)

"""What a person asks for -> EmotionCode: the one place where a request of any kind becomes a code.

Library, command line, page, API, batch, contact sheets and comparisons all call `resolve`, so the same request means
the same everywhere. A source is a row of `SOURCES`: the page draws its controls and the command line its flags from
these rows. The readers' models are imported when they are first used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from talker.emotion.catalogue import find_emotion
from talker.emotion.labels import label_code
from talker.emotion.model import EmotionModel, emotion_model
from talker.emotion.timeline import Tag, tagged_code
from talker.errors import EmotionError
from talker.limits import EMOTION_CHARACTERS, check_characters
from talker.types import EMOTION_LABELS, EmotionCode

if TYPE_CHECKING:  # the command line's --help needs the sources' names only
    from talker.speech.analysis import SpeechAnalysis


@dataclass(frozen=True)
class EmotionRequest:
    """An emotion that is still to be read.

    source: a name in `SOURCES`. value: a label, a text, the path of a file, shares such as `happy=.6,fear=.4`.
    """

    source: str
    value: str = ""

    @property
    def title(self) -> str:
        """What to call it in a few words; of a path, the file's name."""
        if self.source in ("label", "text"):
            return self.value
        return f"{self.source} {Path(self.value).name}".strip()


Emotion = str | EmotionCode | EmotionRequest  # a label, alias or description; an emotion; or a source to read it from


@dataclass(frozen=True)
class ReadingContext:
    """What a reader may look at besides the value: the speech, and the model that places what is read."""

    speech: SpeechAnalysis | None
    model: EmotionModel


Reader = Callable[[str, ReadingContext], EmotionCode]
DEFAULT = EmotionRequest("speech")  # where nobody names an emotion, the face shows the voice's


@dataclass(frozen=True)
class EmotionSource:
    """One way to say which emotion.

    name: in requests. flag, metavar, help: on the command line; no metavar means a flag alone.
    """

    name: str
    flag: str
    metavar: str
    help: str
    read: Reader


def resolve(
    emotion: Emotion,
    speech: SpeechAnalysis | None = None,
    *,
    tags: Sequence[Tag] = (),
    model: EmotionModel | None = None,
) -> EmotionCode:
    """The emotion that was asked for, at its own strength.

    emotion: a string is a label or an alias, else a description. speech: what some requests are read from or run along.
    tags: of the spoken text; where there are any and the words' times are known, they take the place of `emotion`.

    Raises EmotionError for an unknown source, and what the source's own reader raises.
    """
    context = ReadingContext(speech, model or emotion_model())
    if tags and speech is not None and speech.transcript is not None:
        return tagged_code(tags, speech.transcript, speech.duration_s, partial(_named_or_described, context=context))
    if isinstance(emotion, EmotionCode):
        return emotion
    asked = emotion if isinstance(emotion, str) else emotion.value
    check_characters(asked, "What to feel", EMOTION_CHARACTERS, error=EmotionError)
    if isinstance(emotion, str):
        return _named_or_described(emotion, context)
    source = SOURCES.get(emotion.source)
    if source is None:
        raise EmotionError(f"Emotions can't be read from {emotion.source!r}. Known sources: {', '.join(SOURCES)}.")
    if source.metavar and not emotion.value.strip():
        raise EmotionError(f"Nothing to read the emotion from was given: {source.help}.")
    return source.read(emotion.value, context)


def _named_or_described(value: str, context: ReadingContext) -> EmotionCode:
    return label_code(value, model=context.model) if find_emotion(value) is not None else _text(value, context)


def _text(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.text import text_code

    duration_s = context.speech.duration_s if context.speech is not None else None
    return text_code(value, duration_s=duration_s, model=context.model)


def _picture(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.picture import picture_code

    return picture_code(value, model=context.model)


def _voice(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.voice import voice_code
    from talker.media.audio import load_speech
    from talker.speech.analysis import SpeechAnalysis

    return voice_code(SpeechAnalysis(load_speech(value)), per_moment=False, model=context.model)


def _video(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.picture import video_code
    from talker.media.image import is_picture

    if is_picture(value):
        return _picture(value, context)
    return video_code(value, model=context.model)


def _speech(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.bursts import burst_code, is_burst
    from talker.emotion.voice import voice_code

    if context.speech is None:
        raise EmotionError("The emotion shall come from the speech, but there is no speech yet.")
    try:
        if is_burst(context.speech):
            return burst_code(context.speech, model=context.model)
        return voice_code(context.speech, model=context.model)
    except EmotionError:  # a word may be too short to show an emotion, but not to be said
        neutral = label_code("neutral", model=context.model)
        return replace(neutral, source="voice: too little to hear, so neutral")


def _mix(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.vectors import mix, parse_mix

    return mix(parse_mix(value), context.model)


def _map(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.plane import point_code

    return point_code(value, context.model)


def _timeline(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.timeline import load_timeline

    if context.speech is None:
        raise EmotionError("A timeline of emotions needs speech that it runs along.")
    return load_timeline(value, context.speech.duration_s, partial(_named_or_described, context=context))


_LABEL_HELP = f"one of {', '.join(EMOTION_LABELS)}, another name of the catalogue, or any description"
SOURCES: dict[str, EmotionSource] = {
    row.name: row
    for row in (
        EmotionSource("speech", "--emotion-from-speech", "", "what the speech itself sounds like (default)", _speech),
        EmotionSource("label", "--emotion", "LABEL", _LABEL_HELP, _named_or_described),
        EmotionSource("text", "--emotion-text", "TEXT", "a description such as 'slightly nervous'", _text),
        EmotionSource("picture", "--emotion-image", "FILE", "a picture of a face that shows it", _picture),
        EmotionSource("voice", "--emotion-voice", "FILE", "a recording of a voice that has it", _voice),
        EmotionSource("video", "--emotion-video", "FILE", "a video of a face that shows it", _video),
        EmotionSource("mix", "--mix", "SHARES", "shares of feelings such as happy=.6,fear=.4", _mix),
        EmotionSource("map", "--emotion-at", "V,A", "valence and arousal, each -1 to 1, such as 0.6,-0.3", _map),
        EmotionSource("timeline", "--timeline", "JSON", "a file with rows of start_s, emotion and strength", _timeline),
    )
}

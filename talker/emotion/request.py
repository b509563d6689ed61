"""What a person points at to say how it shall feel, and the one place that turns any of it into an EmotionCode.

A source is a row of `SOURCES`: the page draws its controls, the command line its flags, and `Talker.feel` its codes
from the same rows. The readers' models are imported when they are first used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from talker.errors import EmotionError
from talker.types import EMOTION_LABELS, EmotionCode, SpeechClip

if TYPE_CHECKING:
    from talker.emotion.clip_pictures import DrawFaces


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


@dataclass(frozen=True)
class ReadingContext:
    """What a reader may look at besides the value: the speech, and whether only unrestricted weights may be used.

    draw: draws faces with given emotions, from which CLIP learns to read pictures, where CLIP is on this machine.
    """

    clip: SpeechClip | None = None
    permissive: bool = False
    draw: DrawFaces | None = None


Reader = Callable[[str, ReadingContext], EmotionCode]
DEFAULT = EmotionRequest("speech")  # where nobody says what to feel, the face feels what the voice does


@dataclass(frozen=True)
class EmotionSource:
    """One way to say what to feel.

    name: in requests. flag, metavar, help: on the command line; no metavar means a flag alone.
    """

    name: str
    flag: str
    metavar: str
    help: str
    read: Reader


def read_emotion(
    request: EmotionRequest,
    clip: SpeechClip | None = None,
    *,
    permissive: bool = False,
    draw: DrawFaces | None = None,
) -> EmotionCode:
    """The emotion that was asked for, at its own strength.

    Raises EmotionError for an unknown source, and what the source's own reader raises.
    """
    source = SOURCES.get(request.source)
    if source is None:
        raise EmotionError(f"Feelings can't be read from {request.source!r}. Known sources: {', '.join(SOURCES)}.")
    if source.metavar and not request.value.strip():
        raise EmotionError(f"Nothing to read the feeling from was given: {source.help}.")
    return source.read(request.value, ReadingContext(clip, permissive, draw))


def named_or_described(text: str, permissive: bool = False) -> EmotionCode:
    """The feeling of a name in the catalogue, or of any other words, which are read as a description."""
    from talker.emotion.catalogue import find_emotion

    context = ReadingContext(permissive=permissive)
    return _label(text, context) if find_emotion(text) is not None else _text(text, context)


def _label(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.labels import label_code

    return label_code(value)


def _text(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.text import text_code

    duration_s = context.clip.duration_s if context.clip is not None else None
    return text_code(value, duration_s=duration_s, permissive=context.permissive)


def _picture(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.picture import picture_code

    return picture_code(value, permissive=context.permissive, draw=context.draw)


def _voice(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.voice import voice_code
    from talker.media.audio import load_speech

    return voice_code(load_speech(value), per_moment=False, permissive=context.permissive)


def _video(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.picture import video_code

    return video_code(value, permissive=context.permissive)


def _speech(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.labels import label_code
    from talker.emotion.voice import voice_code

    if context.clip is None:
        raise EmotionError("The feeling shall come from the speech, but there is no speech yet.")
    try:
        return voice_code(context.clip, permissive=context.permissive)
    except EmotionError:  # a word is too short to feel anything, but not to be said
        return replace(
            label_code("neutral", permissive=context.permissive), source="voice: too little to hear, so neutral"
        )


def _mix(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.vectors import mix, parse_mix

    return mix(parse_mix(value))


def _map(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.plane import point_code

    return point_code(value)


def _timeline(value: str, context: ReadingContext) -> EmotionCode:
    from talker.emotion.timeline import load_timeline

    if context.clip is None:
        raise EmotionError("A timeline of feelings needs speech that it runs along.")
    return load_timeline(value, context.clip.duration_s, read=lambda name: named_or_described(name, context.permissive))


SOURCES: dict[str, EmotionSource] = {
    row.name: row
    for row in (
        EmotionSource("speech", "--emotion-from-speech", "", "what the speech itself sounds like (default)", _speech),
        EmotionSource("label", "--emotion", "LABEL", f"one of {', '.join(EMOTION_LABELS)}", _label),
        EmotionSource("text", "--emotion-text", "TEXT", "a description such as 'slightly nervous'", _text),
        EmotionSource("picture", "--emotion-image", "FILE", "a picture of a face that shows it", _picture),
        EmotionSource("voice", "--emotion-voice", "FILE", "a recording of a voice that has it", _voice),
        EmotionSource("video", "--emotion-video", "FILE", "a video of a face that shows it", _video),
        EmotionSource("mix", "--mix", "SHARES", "shares of feelings such as happy=.6,fear=.4", _mix),
        EmotionSource("map", "--emotion-at", "V,A", "valence and arousal, each -1 to 1, such as 0.6,-0.3", _map),
        EmotionSource("timeline", "--timeline", "JSON", "a file with rows of start_s, emotion and strength", _timeline),
    )
}

"""Emotions that change over time: a list of moments, or tags in the text that is spoken, eased into one code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.emotion.labels import label_code, read_as
from talker.errors import EmotionError
from talker.options import MAX_STRENGTH
from talker.types import EmotionCode, FloatArray, Transcript

RATE_HZ = 25.0
TAG_PATTERN = re.compile(r"\[\s*([^\[\]:]+?)\s*(?::\s*([0-9.]+)\s*)?\]")


@dataclass(frozen=True)
class Moment:
    """From `start_s` on the face feels `code`, `strength` times as strong as the code says."""

    start_s: float
    code: EmotionCode
    strength: float = 1.0


@dataclass(frozen=True)
class Tag:
    """A tag in a spoken text: the words before it, what it says, how strong."""

    words_before: int
    emotion: str
    strength: float


def timeline_code(moments: Sequence[Moment], duration_s: float) -> EmotionCode:
    """One code [T at 25 Hz] that passes through `moments`; each comes as fast as its emotion does and the last stays.

    Raises EmotionError without any moment, or when they aren't in order.
    """
    if not moments:
        raise EmotionError("The timeline is empty: it needs at least one moment.")
    starts = np.array([moment.start_s for moment in moments])
    if (np.diff(starts) <= 0).any() or starts[0] < 0:
        raise EmotionError("The moments of a timeline must start at different times, in order, from 0 s on.")
    frames = max(2, round(duration_s * RATE_HZ))
    shares = _shares(starts, [moment.code.onset_s for moment in moments], np.arange(frames) / RATE_HZ)  # [T, moments]
    strength = shares @ np.array([moment.strength * float(moment.code.strength.mean()) for moment in moments])
    strength = np.clip(strength, 0.0, MAX_STRENGTH).astype(np.float32)
    shown = shares * np.array([moment.strength * float(moment.code.strength.mean()) for moment in moments])
    weighted = shown @ np.stack([moment.code.blendshape_offset.mean(0) for moment in moments])  # [T, 52] already scaled
    embedding = shares @ np.stack([moment.code.embedding.mean(0) for moment in moments])
    probabilities = shares @ np.stack([moment.code.probabilities.mean(0) for moment in moments])
    return EmotionCode(
        embedding=_unit(embedding),
        blendshape_offset=(weighted / np.maximum(strength, 1e-3)[:, None]).astype(np.float32),
        strength=strength,
        probabilities=read_as(probabilities, 1.0),
        rate_hz=RATE_HZ,
        source="timeline: " + ", then ".join(moment.code.source for moment in moments),
        affect=(shares @ np.stack([moment.code.affect.mean(0) for moment in moments])).astype(np.float32),
        onset_s=float(np.mean([moment.code.onset_s for moment in moments])),
        decay_s=float(np.mean([moment.code.decay_s for moment in moments])),
    )


def load_timeline(path: str | Path, duration_s: float, read: Callable[[str], EmotionCode] = label_code) -> EmotionCode:
    """A timeline from JSON: [{"start_s": 0, "emotion": "happy", "strength": 0.8}, ...]; `read` understands `emotion`.

    Raises EmotionError when the file is something else.
    """
    try:
        rows = json.loads(Path(path).read_text())
        moments = [
            Moment(float(row["start_s"]), read(str(row["emotion"])), _checked_strength(row.get("strength", 1.0)))
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmotionError(
            f'{path} is not a timeline such as [{{"start_s": 0, "emotion": "happy", "strength": 0.8}}] ({error}).'
        ) from error
    return timeline_code(moments, duration_s)


def split_tags(text: str) -> tuple[str, list[Tag]]:
    """(the text to be spoken, its tags) of "I [happy] love it, [sad:0.6] but it is over"."""
    spoken: list[str] = []
    tags: list[Tag] = []
    place = 0
    for match in TAG_PATTERN.finditer(text):
        spoken.append(text[place : match.start()])
        strength = _checked_strength(match[2] if match[2] is not None else 1.0)
        tags.append(Tag(len(" ".join(spoken).split()), match[1], strength))
        place = match.end()
    spoken.append(text[place:])
    return re.sub(r"\s+", " ", " ".join(spoken)).replace(" ,", ",").replace(" .", ".").strip(), tags


def tagged_code(
    tags: Sequence[Tag], transcript: Transcript, duration_s: float, read: Callable[[str], EmotionCode] = label_code
) -> EmotionCode:
    """The timeline that tags give once it is known when each word is spoken; before the first tag it is neutral."""
    moments: dict[float, Moment] = {}
    if not tags or tags[0].words_before > 0:
        moments[0.0] = Moment(0.0, label_code("neutral"), 1.0)
    for tag in tags:
        word = min(tag.words_before, len(transcript.words) - 1)
        start = transcript.words[word].start_s if tag.words_before > 0 and word >= 0 else 0.0
        moments[start] = Moment(start, read(tag.emotion), tag.strength)
    return timeline_code([moments[start] for start in sorted(moments)], duration_s)


def _shares(starts: FloatArray, onsets: Sequence[float], times: FloatArray) -> FloatArray:
    """[T, moments] how much of each moment shows; sums to 1."""
    shares = np.zeros((len(times), len(starts)))
    shares[:, 0] = 1.0
    for index in range(1, len(starts)):
        onset = 2.0 * onsets[index]  # two moments cross-fade around the start of the later one
        progress = np.clip((times - starts[index] + onset / 2) / onset, 0.0, 1.0)
        arrived = progress * progress * (3.0 - 2.0 * progress)
        shares[:, :index] *= 1.0 - arrived[:, None]
        shares[:, index] = arrived
    return shares


def _unit(rows: FloatArray) -> FloatArray:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _checked_strength(value: object) -> float:
    try:
        strength = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise EmotionError(f"{value!r} is not a strength: use a number between 0 and {MAX_STRENGTH}.") from error
    if not 0.0 <= strength <= MAX_STRENGTH:
        raise EmotionError(f"The strength of an emotion must lie between 0 and {MAX_STRENGTH}, not {strength}.")
    return strength

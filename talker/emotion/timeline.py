"""Emotions that change over time: a list of moments, or tags in the text that is spoken, eased into one code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talker.curves import smoothstep
from talker.errors import EmotionError
from talker.files import read_json
from talker.limits import SPOKEN_CHARACTERS, TIMELINE_ROWS, check_characters
from talker.options import MAX_STRENGTH
from talker.types import EmotionCode, FloatArray, Transcript

RATE_HZ = 25.0
TAG_PATTERN = re.compile(r"\[([^\[\]:]+)(?::([\s0-9.]+))?\]")  # no nested repeats: its time must stay linear


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

    Moments after `duration_s` are left out, but for the first, and its `source` says how many these are.

    Raises EmotionError without any moment, or when they aren't in order.
    """
    if not moments:
        raise EmotionError("The timeline is empty: it needs at least one moment.")
    starts = np.array([moment.start_s for moment in moments])
    if not np.isfinite(starts).all() or (np.diff(starts) <= 0).any() or starts[0] < 0:
        raise EmotionError("The moments of a timeline must start at different times, in order, from 0 s on.")
    late = int((starts[1:] >= duration_s).sum())
    moments, starts = moments[: len(moments) - late], starts[: len(starts) - late]
    frames = max(2, round(duration_s * RATE_HZ))
    shares = _shares(starts, [moment.code.onset_s for moment in moments], np.arange(frames) / RATE_HZ)  # [T, moments]
    shown = shares * np.array([moment.strength * float(moment.code.strength.mean()) for moment in moments])
    strength = shown.sum(1)  # [T]
    weight = np.where(strength[:, None] > 1e-3, shown / np.maximum(strength[:, None], 1e-3), shares)  # of full ones
    embedding = shares @ np.stack([moment.code.embedding.mean(0) for moment in moments])
    return EmotionCode(
        embedding=_unit(embedding),
        blendshape_offset=_rows(weight, [moment.code.blendshape_offset for moment in moments]),
        strength=np.clip(strength, 0.0, MAX_STRENGTH).astype(np.float32),
        probabilities=_rows(weight, [moment.code.probabilities for moment in moments]),
        rate_hz=RATE_HZ,
        source="timeline: " + ", then ".join(moment.code.source for moment in moments) + _late(late, duration_s),
        affect=_rows(weight, [moment.code.affect for moment in moments]),
        onset_s=float(np.mean([moment.code.onset_s for moment in moments])),
        decay_s=float(np.mean([moment.code.decay_s for moment in moments])),
    )


def load_timeline(path: str | Path, duration_s: float, read: Callable[[str], EmotionCode]) -> EmotionCode:
    """A timeline from JSON: [{"start_s": 0, "emotion": "happy", "strength": 0.8}, ...]; `read` understands `emotion`.

    Raises EmotionError when the file is something else.
    """
    rows = read_json(path, "timeline", error=EmotionError)
    if isinstance(rows, list) and len(rows) > TIMELINE_ROWS:
        raise EmotionError(f"{path} has {len(rows)} rows; at most {TIMELINE_ROWS} can be used.")
    try:
        moments = [
            Moment(float(row["start_s"]), read(str(row["emotion"])), _checked_strength(row.get("strength", 1.0)))
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmotionError(
            f'{path} is not a timeline such as [{{"start_s": 0, "emotion": "happy", "strength": 0.8}}] ({error}).'
        ) from error
    return timeline_code(moments, duration_s)


def split_tags(text: str) -> tuple[str, list[Tag]]:
    """(the text to be spoken, its tags) of "I [happy] love it, [sad:0.6] but it is over"."""
    check_characters(text, "The text", SPOKEN_CHARACTERS)
    spoken: list[str] = []
    tags: list[Tag] = []
    place = 0
    for match in TAG_PATTERN.finditer(text):
        spoken.append(text[place : match.start()])
        strength = _checked_strength(match[2] if match[2] is not None else 1.0)
        tags.append(Tag(len(" ".join(spoken).split()), match[1].strip(), strength))
        place = match.end()
    spoken.append(text[place:])
    return re.sub(r"\s+", " ", " ".join(spoken)).replace(" ,", ",").replace(" .", ".").strip(), tags


def tagged_code(
    tags: Sequence[Tag], transcript: Transcript, duration_s: float, read: Callable[[str], EmotionCode]
) -> EmotionCode:
    """The timeline that tags give once it is known when each word is spoken; before the first tag it is neutral."""
    moments: dict[float, Moment] = {}
    if not tags or tags[0].words_before > 0:
        moments[0.0] = Moment(0.0, read("neutral"), 1.0)
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
        arrived = smoothstep((times - starts[index] + onset / 2) / onset)
        shares[:, :index] *= 1.0 - arrived[:, None]
        shares[:, index] = arrived
    return shares


def _late(rows: int, duration_s: float) -> str:
    """What to say about rows that start after the end."""
    return f" ({rows} more would start after the end, at {duration_s:.1f} s)" if rows else ""


def _rows(shares: FloatArray, values: Sequence[FloatArray]) -> FloatArray:
    """[T, C] the values [R, C] of the moments, each its mean over time, in shares [T, moments]."""
    return (shares @ np.stack([rows.mean(0) for rows in values])).astype(np.float32)


def _unit(rows: FloatArray) -> FloatArray:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _checked_strength(value: object) -> float:
    try:
        strength = float(str(value))
    except (TypeError, ValueError) as error:
        raise EmotionError(f"{value!r} is not a strength: use a number between 0 and {MAX_STRENGTH}.") from error
    if not 0.0 <= strength <= MAX_STRENGTH:
        raise EmotionError(f"The strength of an emotion must lie between 0 and {MAX_STRENGTH}, not {strength}.")
    return strength

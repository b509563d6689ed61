"""A film becomes a `TrackedVideo`: which person it shows, where the face is in each frame, and what else it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talker.errors import FaceError
from talker.face.landmarks import EYE_CORNERS
from talker.face.person import LARGEST, FaceChoice
from talker.face.tracked_video import TrackedVideo
from talker.face.tracking import FaceTrack, track_video
from talker.media.video_reader import VideoReader, open_video
from talker.portrait.attributes import CHECKPOINT, PERMISSIVE_CHECKPOINT, AlignedFace, load_attributes
from talker.types import FaceAttributes, Progress
from talker.weights.store import checkpoint

LOOKS = 5  # frames of which the majority says what the film shows
FIRST_FRAMES = 300  # among which these are
LEAST_USABLE = 0.05  # share of a film's frames in which the face can be changed


def track_person(
    path: str | Path, choice: FaceChoice = LARGEST, *, permissive: bool = False, progress: Progress | None = None
) -> TrackedVideo:
    """The chosen person in a video file; frames of its own rate.

    Raises VideoError when the file can't be read, and FaceError when it shows no such face, or none that is large
    enough and seen from the front.
    """
    reader, track = open_video(path), track_video(path, choice=choice, progress=progress)
    turns = _quarter_turns(track)
    if turns and choice.point is None:
        reader = reader.turned(turns)
        track = track_video(path, choice=choice, quarter_turns=turns, progress=progress)
    bare = TrackedVideo(reader, track, FaceAttributes())
    if (bare.usable() > 0).mean() < LEAST_USABLE:
        raise FaceError(
            f"{Path(path).name}: the face is too small, turned too far away or seen too briefly to be changed. "
            "Please use a video that shows a person from the front."
        )
    return TrackedVideo(reader, track, _attributes(reader, track, bare, permissive))


def film_notes(tracked: TrackedVideo) -> Iterator[str]:
    """What a result depends on, one sentence each."""
    if tracked.reader.note:
        yield tracked.reader.note
    left = float((tracked.usable() == 0).mean())
    if left > 0:
        yield f"In {left:.0%} of the frames the face is not seen well enough; they stay as they are."
    if tracked.track.people > 1:
        yield f"Up to {tracked.track.people} people are seen; one of them was followed."
    if len(tracked.shots) > 1:
        yield f"The video has {len(tracked.shots)} shots."
    if tracked.attributes.mouth_covered:
        yield "Something covers the mouth, which stays as it is."


def _quarter_turns(track: FaceTrack) -> int:
    """By how many quarters, counter-clockwise, the film is to be turned so that the person is upright."""
    eyes = track.landmarks[track.detected][:, list(EYE_CORNERS), :2]
    across = np.median(eyes[:, 1] - eyes[:, 0], axis=0)  # from the right eye to the left, in the picture
    return round(float(np.degrees(np.arctan2(across[1], across[0]))) / 90) % 4


def _attributes(reader: VideoReader, track: FaceTrack, bare: TrackedVideo, permissive: bool) -> FaceAttributes:
    """What most of the frames that show the face well say."""
    looks = load_attributes(checkpoint(PERMISSIVE_CHECKPOINT if permissive else CHECKPOINT))
    usable = bare.usable()[:FIRST_FRAMES] if (bare.usable()[:FIRST_FRAMES] > 0).any() else bare.usable()
    good = np.flatnonzero(usable >= 0.5 * usable.max())
    chosen = {int(good[place]) for place in np.linspace(0, len(good) - 1, LOOKS).round().astype(int)}
    seen = [
        looks.attributes(AlignedFace.of(image, track.landmarks[index]))
        for index, image in zip(range(max(chosen) + 1), reader, strict=False)
        if index in chosen
    ]
    glasses = Counter(one.glasses for one in seen).most_common(1)[0][0]
    half = len(seen) / 2
    return FaceAttributes(glasses, sum(one.mouth_covered for one in seen) > half, sum(one.drawn for one in seen) > half)

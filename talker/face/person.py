"""Which face of a film is followed, where it is, and where the film cuts to another picture.

The chosen person is looked for every few frames, near where the face was last and by its likeness: a small aligned view
of the face, compared by correlation. After a cut the most similar face is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from talker.errors import FaceError
from talker.face.detector import DetectedFace, FaceDetector
from talker.face.landmarks import EYE_CORNERS, MOUTH_CORNERS
from talker.types import ByteArray, FloatArray

LOOK_EVERY = 10  # frames between searches for the face
LIKENESS_PX = 32  # side of the view that is compared
LIKENESS_PLACES = np.array([[8.0, 12.0], [24.0, 12.0], [16.0, 24.0]], np.float32)  # outer eye corners, mouth
STRANGER = 0.35  # likeness below which a face that stands where the person was may be someone else's
NEAR = 1.2  # face sizes that a person moves at most between two looks
FORGETS = 0.8  # share of the old view in the mean that a face is compared with
THUMBNAIL = (32, 18)  # px in which cuts are looked for
CUT_LEVELS, CUT_RATIO = 22.0, 4.0  # mean change of a cut (0..255): at least, and against the changes before it
CUT_HISTORY = 12  # frames
NO_FACE = "No face was found in the video. Please use one that shows a person from the front."


@dataclass(frozen=True)
class FaceChoice:
    """Whose face: number `index` (0 is the largest) of the first frame with as many, or the one nearest to `point`.

    point: (seconds from the start, x px, y px), as somebody clicks on a paused film.
    """

    index: int = 0
    point: tuple[float, float, float] | None = None

    @property
    def is_largest(self) -> bool:
        """Whether simply the largest face is meant."""
        return self.index == 0 and self.point is None


LARGEST = FaceChoice()


@dataclass(frozen=True)
class PersonPath:
    """Where one person is in a film.

    rows: [N,4] frame, x, y and side (px) of the face, where it was looked for and found. shots: first frames of the
    film's shots. size: (width, height) px. frames: how many there are. people: the most faces seen in one frame. roll:
    angle of the head in the picture (rad, clockwise positive), in quarters of a turn.
    """

    rows: FloatArray
    shots: tuple[int, ...]
    size: tuple[int, int]
    frames: int
    people: int
    roll: float = 0.0


@dataclass
class _Look:
    """What one frame shows: each face, and its view [LIKENESS_PX² · 3] of unit length."""

    frame: int
    shot: int
    faces: list[DetectedFace] = field(default_factory=list)
    views: list[FloatArray] = field(default_factory=list)


def find_person(
    frames: Iterable[ByteArray], fps: float, choice: FaceChoice = LARGEST, step: Callable[[], None] = lambda: None
) -> PersonPath:
    """Follow the chosen person through `frames` [H,W,3]; `step` is called for each of them.

    Raises FaceError when there is no such face.
    """
    looks: list[_Look] = []
    cuts = _Cuts()
    with FaceDetector() as detector:
        follower = _Follower(detector)
        size, count = (0, 0), 0
        for index, image in enumerate(frames):
            step()
            count, size = index + 1, (image.shape[1], image.shape[0])
            is_cut = cuts.add(image)
            if is_cut:
                follower.forget_place()
            if index % LOOK_EVERY == 0 or is_cut:
                look = _Look(index, len(cuts.starts) - 1)
                _see(look, image, follower.faces(image) if choice.is_largest else detector.detect(image))
                looks.append(look)
    if not any(look.faces for look in looks):
        raise FaceError(NO_FACE)
    chosen = [(look.frame, look.faces[0]) for look in looks if look.faces]
    if not choice.is_largest:
        chosen = _linked(looks, _seed(looks, choice, fps))
    rows = np.array([[frame, *face.centre, face.size] for frame, face in chosen])
    turned = np.mean([np.exp(1j * face.roll) for _, face in chosen])
    roll = round(float(np.angle(turned)) / (np.pi / 2)) * np.pi / 2
    return PersonPath(rows, tuple(cuts.starts), size, count, max(len(look.faces) for look in looks), roll)


class _Follower:
    """The largest face of a film, and the same person from then on."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self._last: DetectedFace | None = None
        self._likeness: FloatArray | None = None

    def forget_place(self) -> None:
        """The picture has changed: the person may be anywhere."""
        self._last = None

    def faces(self, image: ByteArray) -> list[DetectedFace]:
        """The person's face in `image` first; the others only where they were looked for. Empty when it isn't there."""
        if self._last is not None:
            near = self._detector.refine(image, self._last)
            if near is not None and self._likeness_of(image, near) >= STRANGER:
                return [self._found(image, near)]
        faces = self._detector.detect(image)
        if not faces:
            return []
        if self._likeness is None:
            best = faces[0]
        else:
            best = max(faces, key=lambda face: self._likeness_of(image, face) - self._distance(face))
            if self._last is not None and self._distance(best) > NEAR and self._likeness_of(image, best) < STRANGER:
                return []
        self._found(image, best)
        return [best, *(face for face in faces if face is not best)]

    def _found(self, image: ByteArray, face: DetectedFace) -> DetectedFace:
        view = likeness(image, face)
        mean = view if self._likeness is None else FORGETS * self._likeness + (1 - FORGETS) * view
        self._last, self._likeness = face, mean / np.linalg.norm(mean)
        return face

    def _likeness_of(self, image: ByteArray, face: DetectedFace) -> float:
        return 1.0 if self._likeness is None else float(likeness(image, face) @ self._likeness)

    def _distance(self, face: DetectedFace) -> float:
        return 0.0 if self._last is None else _apart(face, self._last)


class _Cuts:
    """First frames of shots: where a frame differs from the one before far more than those before it did."""

    def __init__(self) -> None:
        self.starts = [0]
        self._frame = -1
        self._last: FloatArray | None = None
        self._changes: list[float] = []

    def add(self, image: ByteArray) -> bool:
        """Whether this frame [H,W,3] begins a new shot."""
        self._frame += 1
        thumbnail = cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._last = self._last, thumbnail
        if before is None:
            return False
        change = float(np.abs(thumbnail - before).mean())
        usual = float(np.median(self._changes)) if self._changes else 0.0
        self._changes = [*self._changes[1 - CUT_HISTORY :], change]
        if change < max(CUT_LEVELS, CUT_RATIO * usual):
            return False
        self.starts.append(self._frame)
        self._changes = []
        return True


def likeness(image: ByteArray, face: DetectedFace) -> FloatArray:
    """[3072] a small upright view of a face without its brightness and contrast, of unit length."""
    eyes = face.landmarks[list(EYE_CORNERS), :2]
    mouth = face.landmarks[list(MOUTH_CORNERS), :2].mean(0)
    ordered = eyes[np.argsort(eyes[:, 0])]
    matrix = cv2.getAffineTransform(np.array([*ordered, mouth], np.float32), LIKENESS_PLACES)
    shrink = max(1, int(face.size / (2 * LIKENESS_PX)))
    small = cv2.resize(image, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    matrix[:, :2] *= shrink
    view = cv2.warpAffine(small, matrix, (LIKENESS_PX, LIKENESS_PX), borderMode=cv2.BORDER_REPLICATE)
    flat = view.astype(np.float32).reshape(-1, 3)
    flat = (flat - flat.mean(0)).ravel()
    return flat / max(float(np.linalg.norm(flat)), 1e-6)


def _see(look: _Look, image: ByteArray, faces: list[DetectedFace]) -> None:
    look.faces, look.views = faces, [likeness(image, face) for face in faces]


def _seed(looks: list[_Look], choice: FaceChoice, fps: float) -> tuple[int, int]:
    """The look (its number) and the face in it that was chosen; FaceError when there is none."""
    if choice.point is not None:
        time_s, x, y = choice.point
        seen = [number for number, look in enumerate(looks) if look.faces]
        number = min(seen, key=lambda one: abs(looks[one].frame - time_s * fps))
        faces = looks[number].faces
        away = [float(np.linalg.norm(face.centre - [x, y])) for face in faces]
        return number, int(np.argmin(away))
    for number, look in enumerate(looks):
        if len(look.faces) > choice.index:
            return number, choice.index
    most = max(len(look.faces) for look in looks)
    many = "one face at a time was" if most == 1 else f"{most} faces at a time were"
    raise FaceError(f"Face {choice.index + 1} was asked for, but at most {many} found; please choose a smaller number.")


def _linked(looks: list[_Look], seed: tuple[int, int]) -> list[tuple[int, DetectedFace]]:
    """(frame, face) of the seed's person in all looks that show it, in order."""
    number, chosen = seed
    later = _followed(looks[number:], chosen)
    earlier = _followed(looks[number::-1], chosen)
    return [*reversed(earlier[1:]), *later]


def _followed(looks: list[_Look], chosen: int) -> list[tuple[int, DetectedFace]]:
    first = looks[0]
    last, shot, mean = first.faces[chosen], first.shot, first.views[chosen]
    found = [(first.frame, last)]
    for look in looks[1:]:
        if not look.faces:
            continue
        alike = np.array([float(view @ mean) for view in look.views])
        apart = np.array([_apart(face, last) for face in look.faces]) if look.shot == shot else np.zeros(len(alike))
        best = int((alike - apart).argmax())
        if apart[best] > NEAR or (look.shot != shot and alike[best] < STRANGER):
            continue
        last, shot = look.faces[best], look.shot
        mean = FORGETS * mean + (1 - FORGETS) * look.views[best]
        mean = mean / np.linalg.norm(mean)
        found.append((look.frame, last))
    return found


def _apart(one: DetectedFace, other: DetectedFace) -> float:
    """Distance in sizes of the larger face."""
    return float(np.linalg.norm(one.centre - other.centre)) / max(one.size, other.size)

"""What the generator learns from: photographs that the geometry led to another expression and back.

    photograph P, with the expression e0 -- the geometry draws e1 --> P1
    P1, with P's own fit moved to e1     -- the geometry draws e0 --> P', which should have been P

P1 is not measured again: its fit is the one that it was drawn from, so that P' lies on P and nothing is learnt from the
tracker's error. Where the same person was photographed with another expression, that photograph takes the place of P1
on one more trip, and P' is what a user would see. Each trip also holds a neighbour of P', one step of a film nearer to
e1, for steadiness in time, and a frame that is drawn from P as films are, with an expression that nobody photographed.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_NAMES, expand
from talker.data.alignment import laid_over
from talker.data.face_fits import fitted, usable
from talker.data.faces import FaceRow
from talker.emotion.catalogue import find_emotion
from talker.errors import DataError
from talker.face.landmarks import FACE_LANDMARKS
from talker.files import replaced_when_done
from talker.motion.visemes import VISEMES
from talker.options import SpeakOptions
from talker.render.aligned import MAP_STRIDE, FaceSquare, GeneratorInput, Square, generator_style
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer, RenderedFrame
from talker.render.own_expression import GAZE, to_relative_expression
from talker.types import EMOTION_LABELS, BoolArray, ByteArray, FloatArray, Portrait, Progress
from talker.workers import worker_processes

SIDE = 256  # px of the square: most of the photographs show a face in about as many
DRAWN_SIZE = "crop640"  # a little larger than the photographs, so that drawing twice blurs no more than a film's frame
TRIPS = 3  # expressions to which each photograph is led
NEIGHBOUR = 0.12  # of the way back to e1: about what a quick movement does from one frame to the next
STILL = np.zeros(6, np.float32)
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 93, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
CHUNK = 8  # faces that a process draws before it reports
# what a film's photograph shows, and how often: mostly shut lips or a smile
AWAY = {"shut": 0.36, "smile": 0.2, "speech": 0.18, "borrowed": 0.16, "slight": 0.1}
BORROWED_ALONE = 0.5  # of the frames that need no way back: adversaries compare them with photographs, as sets
SQUINT, SQUINT_CHANCE = 0.3, 0.25  # a lid that was shut further can't be opened again
BLINK_CHANCE = 0.3  # of the frames that need no way back
SHIFT_BLUR_PX = 3.0  # of the square: finer differences of skin are texture, coarser ones a bad fit
PLAIN = ("maps", "styles", "shifts", "photographed")  # what a file holds as it is
BLINKS = [BLENDSHAPE_NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]
SQUINTING = [row for row, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("eyeBlink", "eyeSquint"))]


@dataclass(frozen=True)
class RoundTrips:
    """N trips of one photograph, all in one square of S px.

    truth: [S,S,3] the photograph. sources: [N,S,S,3] P1. pictures, masks: [N,3,S,S,3] and maps: [N,3,S/4,S/4,6], as
    `GeneratorInput` has them, of P' and its neighbour, whose source is P1, and of a frame whose source is P. styles:
    [N,3,STYLE]. shifts: [N] how far the skin of P' is from the photograph's, in levels of 255 after a blur: large where
    the fit is bad or something lies before the face. photographed: [N] whether P1 is a photograph, too.
    """

    truth: ByteArray
    sources: ByteArray
    pictures: ByteArray
    masks: ByteArray
    maps: FloatArray
    styles: FloatArray
    shifts: FloatArray
    photographed: BoolArray

    @property
    def truths(self) -> ByteArray:
        """[N,S,S,3] the photograph, laid over what was drawn on each trip's way back."""
        return np.stack([laid_over(self.truth, pictures[0]) for pictures in self.pictures])

    def at_side(self, side: int) -> RoundTrips:
        """The same trips in squares of `side` px."""
        if side == len(self.truth):
            return self

        def reduced(pictures: np.ndarray, to: int, flags: int) -> np.ndarray:
            flat = pictures.reshape(-1, *pictures.shape[-3:])
            small = [cv2.resize(picture, (to, to), interpolation=flags) for picture in flat]
            return np.stack(small).reshape(*pictures.shape[:-3], to, to, pictures.shape[-1])

        names = ("truth", "sources", "pictures", "masks")
        pictures = {name: reduced(getattr(self, name), side, cv2.INTER_AREA) for name in names}
        maps = reduced(self.maps.astype(np.float32), side // MAP_STRIDE, cv2.INTER_LINEAR).astype(np.float16)
        return dataclasses.replace(self, maps=maps, **pictures)

    def save(self, path: Path) -> None:
        """Write one file: pictures as JPEG, masks as PNG."""
        parts: dict[str, np.ndarray] = {name: getattr(self, name) for name in PLAIN}
        parts["truth"] = _encoded(self.truth, ".jpg")
        for trip, source in enumerate(self.sources):
            parts[f"source_{trip}"] = _encoded(source, ".jpg")
        for trip, place in np.ndindex(self.pictures.shape[:2]):
            parts[f"picture_{trip}_{place}"] = _encoded(self.pictures[trip, place], ".jpg")
            parts[f"masks_{trip}_{place}"] = _encoded(self.masks[trip, place], ".png")
        with replaced_when_done(path) as scratch:
            np.savez_compressed(scratch, allow_pickle=False, **parts)

    @classmethod
    def load(cls, path: Path) -> RoundTrips:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            parts = dict(stored)
        shape = parts["styles"].shape[:2]

        def all_of(kind: str) -> ByteArray:
            pictures = np.stack([_decoded(parts[f"{kind}_{trip}_{place}"]) for trip, place in np.ndindex(shape)])
            return pictures.reshape(*shape, *pictures.shape[1:])

        return cls(
            _decoded(parts["truth"]),
            np.stack([_decoded(parts[f"source_{trip}"]) for trip in range(shape[0])]),
            all_of("picture"), all_of("masks"), *(parts[name] for name in PLAIN),
        )  # fmt: skip


def _encoded(picture: ByteArray, suffix: str) -> ByteArray:
    return cv2.imencode(suffix, picture[..., ::-1], JPEG if suffix == ".jpg" else ())[1]


def _decoded(data: ByteArray) -> ByteArray:
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError("A picture among the prepared round trips can't be read; prepare them again.")
    return np.ascontiguousarray(picture[..., ::-1])


def draw_round_trips(
    rows: Sequence[FaceRow], folder: Path, *, processes: int = 1, trips: int = TRIPS, progress: Progress | None = None
) -> None:
    """Write `folder`/NAME.npz for every usable face of `rows` that has none yet; safe to interrupt."""
    expressions = _expressions(rows)
    people: dict[str, list[FaceRow]] = {}
    for row in rows:
        people.setdefault(row.person, []).append(row)
    missing = [row for row in rows if not (folder / f"{row.name}.npz").is_file()]
    chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
    work = partial(_draw, people=people, folder=folder, borrowed=expressions, trips=trips)
    with worker_processes(processes) as pool:
        for done, _ in enumerate(pool.map(work, chunks), start=1):
            if progress:
                progress(min(done * CHUNK, len(missing)), len(missing))


def _expressions(rows: Sequence[FaceRow], most: int = 400) -> FloatArray:
    """[N,52] expressions of some of the photographs, to be borrowed by others."""
    some = (fitted(row) for row in rows[:: max(1, len(rows) // most)])
    found = [portrait.source_expression for portrait in some if portrait is not None and usable(portrait)]
    return np.stack(found or [np.zeros(BLENDSHAPE_COUNT, np.float32)])


def _draw(
    rows: Sequence[FaceRow], *, people: Mapping[str, Sequence[FaceRow]], folder: Path, borrowed: FloatArray, trips: int
) -> None:
    for row in rows:
        portrait = fitted(row)
        if portrait is None or not usable(portrait):
            continue
        others = [other for one in people[row.person] if one is not row and (other := fitted(one)) and usable(other)]
        seed = int.from_bytes(hashlib.sha256(row.name.encode()).digest()[:4], "little")
        drawn = round_trips(portrait, np.random.default_rng(seed), borrowed, trips, others)
        drawn.save(folder / f"{row.name}.npz")


def round_trips(
    portrait: Portrait, rng: np.random.Generator, borrowed: FloatArray, trips: int, others: Sequence[Portrait] = ()
) -> RoundTrips:
    """The photograph led to `trips` expressions and back, and to it from `others`: photographs of the same person."""
    renderer = _renderer(portrait)
    squares = FaceSquare(renderer.geometry, SIDE)
    rest, truth = renderer.portrait.source_expression, squares.home.cut(renderer.portrait.image)
    starts = []
    for kind in rng.choice(list(AWAY), trips, replace=False, p=list(AWAY.values())):
        away = away_expression(str(kind), rest, rng, borrowed)
        starts.append((_renderer(moved_portrait(renderer, renderer.draw(away, STILL), away), "native"), squares.home))
    for other in map(_renderer, others):
        starts.append((other, FaceSquare(other.geometry, SIDE).home))
    ways = []
    for place, (start, home) in enumerate(starts):
        kind = "borrowed" if rng.random() < BORROWED_ALONE else str(rng.choice(list(AWAY)))
        asked = away_expression(kind, rest, rng, borrowed)
        if rng.random() < BLINK_CHANCE:
            asked[BLINKS] = rng.uniform(0.3, 1.0)
        alone = _look(squares, renderer, asked, squares.home)
        ways.append(_way(rest, truth, start, home, alone, photographed=place >= trips))
    return RoundTrips(truth, *(np.stack(column) for column in zip(*ways, strict=True)))


Sight = tuple[GeneratorInput, FloatArray]  # what the generator is given of a frame, and its style


def _way(
    rest: FloatArray, truth: ByteArray, start: GeometryRenderer, home: Square, alone: Sight, *, photographed: bool
) -> tuple[np.ndarray, ...]:
    """A row of `RoundTrips`: from P1, which `start` draws with its square `home`, to the photograph `truth` [S,S,3]
    with the expression `rest` [52].
    """
    there = start.portrait
    from_there = FaceSquare(start.geometry, SIDE, home)
    shares = [rest + share * (there.source_expression - rest) for share in (0.0, NEIGHBOUR)]
    asked = [to_relative_expression(share, there.source_expression) for share in shares]
    seen, styles = zip(*[_look(from_there, start, one, home) for one in asked], alone, strict=True)
    pictures, masks = (np.stack([getattr(one, name) for one in seen]) for name in ("picture", "masks"))
    maps = np.stack([one.maps.astype(np.float16) for one in seen])
    if photographed:
        truth = laid_over(truth, pictures[0])
    shift = skin_shift(pictures[0], truth, masks[0], maps[0])
    return home.cut(there.image), pictures, masks, maps, np.stack(styles), np.array(shift), np.array(photographed)


def _look(squares: FaceSquare, renderer: GeometryRenderer, asked: FloatArray, home: Square) -> Sight:
    """The renderer's portrait with the expression `asked` [52], in the square `home`."""
    return squares.look(renderer.draw(asked, STILL), home)[1], generator_style(asked, STILL, renderer.portrait)


def _renderer(portrait: Portrait, size: str = DRAWN_SIZE) -> GeometryRenderer:
    return GeometryRenderer(at_size(portrait, size), SpeakOptions(), still_background=False)


def away_expression(kind: str, rest: FloatArray, rng: np.random.Generator, borrowed: FloatArray) -> FloatArray:
    """[52] what a face whose photograph shows `rest` is led to, in a renderer's terms (gaze relative to its own)."""
    emotion = find_emotion(str(rng.choice(EMOTION_LABELS)))
    happy = find_emotion("happy")
    assert emotion is not None and happy is not None
    away: FloatArray = np.zeros(BLENDSHAPE_COUNT, np.float32)
    if kind == "smile":
        away = rng.uniform(0.5, 1.1) * happy.blendshape_offset + expand({"jawOpen": rng.uniform(0.0, 0.2)})
    elif kind == "speech":
        sound = VISEMES[str(rng.choice(list(VISEMES)))]
        away = rng.uniform(0.6, 1.2) * expand(sound.values) + rng.uniform(0.0, 0.9) * emotion.blendshape_offset
    elif kind == "borrowed":
        away = rng.uniform(0.7, 1.0) * borrowed[rng.integers(len(borrowed))]
    elif kind == "slight":
        away = rest + rng.uniform(0.2, 0.4) * (emotion.blendshape_offset - rest)
    away = np.clip(away, 0.0, 1.0).astype(np.float32)
    away[SQUINTING] = rng.uniform(0, SQUINT) if rng.random() < SQUINT_CHANCE else np.minimum(away[SQUINTING], SQUINT)
    away[GAZE] = 0.0
    return away


def moved_portrait(renderer: GeometryRenderer, drawn: RenderedFrame, away: FloatArray) -> Portrait:
    """What was drawn with the expression `away` [52], as a photograph whose fit is known."""
    portrait, geometry = renderer.portrait, renderer.geometry
    landmarks = portrait.landmarks.copy()
    step = geometry.model.landmarks(drawn.points) - geometry.model.landmarks(geometry.rest_points)  # [478,2] px
    landmarks[:FACE_LANDMARKS, :2] += step[:FACE_LANDMARKS]
    fit = dataclasses.replace(portrait.fit, expression=geometry.absolute(away))
    return dataclasses.replace(portrait, image=drawn.frame, landmarks=landmarks, fit=fit)


def skin_shift(picture: ByteArray, truth: ByteArray, masks: ByteArray, maps: FloatArray) -> float:
    """Mean absolute difference of blurred skin, in levels of 255."""
    side = len(picture)
    away_from = cv2.dilate(masks.max(axis=2), np.ones((9, 9), np.uint8))
    skin = (cv2.resize(maps[..., 3].astype(np.float32), (side, side)) > 0.5) & (away_from == 0)
    one, other = (cv2.GaussianBlur(x.astype(np.float32), (0, 0), SHIFT_BLUR_PX) for x in (picture, truth))
    return float(np.abs(one - other)[skin].mean()) if skin.any() else 255.0

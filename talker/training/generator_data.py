"""Pairs that the generator learns from: what the geometry drew, and what the camera saw, in the face's square.

Two sources. Films: the most neutral frame is driven by the film's own fitted motion. Portraits: the face is drawn with
another expression, analysed as a picture of its own, and asked for the expression of the photograph, which is then the
truth: what the way there and back damages is the lesson. Each source is kept on disk as one file.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from talker import hub
from talker.blendshapes import expand
from talker.errors import DataError, TalkerError
from talker.media.files import replaced_when_done
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.aligned import STYLE, FaceSquare, Sight, style_of
from talker.render.crop import at_size
from talker.render.geometry import as_asked
from talker.render.renderer import Drawn, Renderer
from talker.training.reenacted import Reenactment, read_faces
from talker.types import ByteArray, FloatArray, Portrait, Progress

FILMS = (("talking/expressions/*.mp4", 1, 6), ("grid/video/s1_*.mp4", 3, 6))  # pattern, every n-th film and frame
# with a person of the held-out films: found by face recognition (distance 0.34; the next is 0.46), confirmed by eye
SHARED_PEOPLE = ("style_01",)
LAST_BUILDING_PORTRAIT = 150  # later ones are only for figures that are reported
LARGEST_TURN = np.radians(25.0)  # away from the portrait's pose; beyond it the geometry is torn, not unfinished
LARGEST_SHIFT = 0.012  # of the square's side, by which a drawn face may lie beside the real one
EXPOSURE = (0.8, 1.25)  # what the light may have changed between two frames of a film
AWAY: tuple[dict[str, float], ...] = ({}, {"jawOpen": 0.3, "mouthSmile": 0.3})  # what portraits are drawn with first
STILL = np.zeros(6, np.float32)


@dataclass(frozen=True)
class Pairs:
    """N frames of one face, S px squares.

    source: [S,S,3] the portrait. pictures, masks: [N,S,S,3] and maps: [N,S/4,S/4,6] as `Sight` has them.
    styles: [N,STYLE]. truths: [N,S,S,3] what the camera saw, in the portrait's exposure.
    """

    source: ByteArray
    pictures: ByteArray
    masks: ByteArray
    maps: FloatArray
    styles: FloatArray
    truths: ByteArray

    def __len__(self) -> int:
        return len(self.pictures)


class Frame(NamedTuple):
    """What is to be drawn (blendshapes [52], pose [6]), how that face reads [8], and the camera's image [H,W,3]."""

    blendshapes: FloatArray
    pose: FloatArray
    feeling: FloatArray
    image: ByteArray


def prepare(data: Path, side: int, progress: Progress | None = None) -> dict[str, list[Path]]:
    """Files of all pairs in `data` by kind, made now where the cache has none. DataError when there is nothing."""
    films = [
        (path, step)
        for pattern, every, step in FILMS
        for path in sorted(data.glob(pattern))[::every]
        if path.stem not in SHARED_PEOPLE
    ]
    portraits = [
        path
        for path in sorted((data / "portraits").glob("sfhq_*"))
        if int(path.stem.split("_")[1]) <= LAST_BUILDING_PORTRAIT
    ]
    if not films and not portraits:
        raise DataError(f"{data} holds neither films ({', '.join(row[0] for row in FILMS)}) nor portraits.")
    jobs = [(path, 0, partial(film_pairs, path, side, step)) for path, step in films]
    jobs += [
        (path, way, partial(portrait_pairs, path, side, away)) for path in portraits for way, away in enumerate(AWAY)
    ]
    kept: dict[str, list[Path]] = {}
    for done, (path, way, make) in enumerate(jobs):
        file = _kept(path, side, way)
        if not file.is_file():
            try:
                save_pairs(make(), file)
            except TalkerError:
                continue  # no face in it, or no frame that can be used
        kept.setdefault(path.relative_to(data).parts[0], []).append(file)
        if progress:
            progress(done + 1, len(jobs))
    return kept


def film_pairs(path: Path, side: int, step: int) -> Pairs:
    """Every `step`-th frame of a film. Raises DataError when none can be used."""
    film = Reenactment.of(path)
    return _collect(Renderer(film.portrait, SpeakOptions()), film.portrait, side, _film_frames(film, step), path.name)


def _film_frames(film: Reenactment, step: int) -> Iterator[Frame]:
    feeling = film.motion.feeling
    assert feeling is not None
    for index, image in film.frames(step):
        pose = film.motion.pose[index]
        if np.linalg.norm(pose[:3]) <= LARGEST_TURN:
            yield Frame(film.motion.blendshapes[index], pose, feeling[index], image)


def portrait_pairs(path: Path, side: int, away: dict[str, float]) -> Pairs:
    """A photograph, drawn with the expression `away` and brought back. Raises FaceError when no face is found."""
    portrait = at_size(analyse(load_image(path)), "crop512")
    expression = expand(away)
    again = analyse(Renderer(portrait, SpeakOptions()).frame(expression, STILL))
    back = again.rest - expression + portrait.rest  # what is seen beyond `away` is the person's own
    asked = as_asked(np.clip(back, 0, 1), again.rest)
    feeling = read_faces(portrait.landmarks[None], portrait.detected_blendshapes[None])[0]
    frame = Frame(asked, STILL, feeling, portrait.image)
    return _collect(Renderer(again, SpeakOptions()), again, side, iter([frame]), path.name)


def _collect(
    renderer: Renderer,
    portrait: Portrait,
    side: int,
    frames: Iterator[Frame],
    name: str,
) -> Pairs:
    """What the renderer draws, and the real frame beside it."""
    squares = FaceSquare(renderer.geometry, side)
    rows: list[tuple[ByteArray, ByteArray, FloatArray, FloatArray, ByteArray]] = []
    for frame in frames:
        drawn: Drawn = renderer.draw(frame.blendshapes, frame.pose)
        square, sight = squares.look(drawn)
        truth = register(square.cut(frame.image), sight)
        if truth is not None:
            style = style_of(frame.blendshapes, frame.pose, portrait, frame.feeling)
            rows.append((sight.picture, sight.masks, sight.maps.astype(np.float16), style, truth))
    if not rows:
        raise DataError(f"{name} has no frame to learn from.")
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    return Pairs(squares.source(portrait.image), *columns)


def register(truth: ByteArray, sight: Sight) -> ByteArray | None:
    """The real frame's square [S,S,3], moved and lit as the drawn one; None where it lies too far from it.

    A shift of the whole face and a change of exposure are the film's, and nothing that could be learnt from the frame.
    """
    side = len(truth)
    still = cv2.resize(sight.maps[..., 3], (side, side)) * (sight.masks.max(axis=2) == 0)  # skin, without lips and eyes
    upper = still * (np.arange(side) < 0.62 * side)[:, None]
    grey = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) for one in (sight.picture, truth)]
    window = cv2.GaussianBlur(cv2.resize(sight.maps[..., 3], (side, side)), (0, 0), side / 32)
    window *= (np.arange(side) < 0.6 * side)[:, None]  # eyes, brows and nose say where the face lies
    (x, y), _ = cv2.phaseCorrelate(grey[0], grey[1], window)
    if np.hypot(x, y) > LARGEST_SHIFT * side:
        return None
    matrix = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    moved = cv2.warpAffine(truth, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    skin = upper > 0.5
    if skin.sum() < 0.02 * side * side:
        return None
    gain = np.median(sight.picture[skin], axis=0) / np.maximum(np.median(moved[skin], axis=0), 1.0)
    if gain.min() < EXPOSURE[0] or gain.max() > EXPOSURE[1]:
        return None
    return np.clip(moved * gain + 0.5, 0, 255).astype(np.uint8)


def save_pairs(pairs: Pairs, path: Path) -> None:
    """Keep pairs for `load_pairs`."""
    with replaced_when_done(path) as scratch, open(scratch, "wb") as file:
        np.savez(file, **{field.name: getattr(pairs, field.name) for field in dataclasses.fields(Pairs)})


def load_pairs(path: Path) -> Pairs:
    """Read what `save_pairs` kept."""
    with np.load(path, allow_pickle=False) as kept:
        return Pairs(*(kept[field.name] for field in dataclasses.fields(Pairs)))


def _kept(path: Path, side: int, way: int) -> Path:
    """Where the pairs of a film or picture lie: changes with its content."""
    digest = hashlib.sha256(f"{side} {STYLE} ".encode() + path.read_bytes()).hexdigest()[:16]
    return hub.cache_folder() / "generator" / f"{path.stem}-{way}-{digest}.npz"

"""Pairs that the generator learns from: what the geometry drew, and what the camera saw, in the face's square.

Two sources. Films: the most neutral frame is driven by the film's own fitted motion. Portraits: the face is drawn with
another expression, analysed as a picture of its own, and asked for the expression of the photograph, which is then the
truth: what the way there and back damages is the lesson. Each source is kept on disk as one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from talker.blendshapes import expand
from talker.cache import cache_path, save
from talker.data.film_motion import Frame, Reenactment, every, read_faces
from talker.data.portraits import building_portraits
from talker.errors import DataError, TalkerError
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.aligned import STYLE, FaceSquare, GeneratorInput, generator_style
from talker.render.crop import at_size
from talker.render.geometry import to_relative_expression
from talker.render.geometry_renderer import GeometryRenderer, RenderedFrame
from talker.render.photometric import offset_flow
from talker.types import ByteArray, FloatArray, Portrait, Progress

FILMS = (("talking/expressions/*.mp4", 1, 6), ("grid/video/s1_*.mp4", 3, 6))  # pattern, every n-th film and frame
# with a person of the held-out films: found by face recognition (distance 0.34; the next is 0.46), confirmed by eye
SHARED_PEOPLE = ("style_01",)
LARGEST_TURN = np.radians(25.0)  # away from the portrait's pose; beyond it the geometry is torn, not unfinished
LARGEST_SHIFT = 0.03  # of the square's side, by which a drawn face may lie beside the real one
LAID_OVER = 1 / 16  # of the square's side: how smooth the flow is by which the real face is laid on the drawn one
LEAST_SKIN = 0.02  # share of the square, or of a place's surroundings, in which skin must be seen
UPPER = 0.62  # of the square: above this line skin tells the light
PAIRS_VERSION = 4  # of the pairs in the cache
EXPOSURE = (0.8, 1.25)  # what the light may have changed between two frames of a film
AWAY: tuple[dict[str, float], ...] = ({}, {"jawOpen": 0.3, "mouthSmile": 0.3})  # what portraits are drawn with first
STILL = np.zeros(6, np.float32)


@dataclass(frozen=True)
class Pairs:
    """N frames of one face, S px squares.

    source: [S,S,3] the portrait. pictures, masks: [N,S,S,3] and maps: [N,S/4,S/4,6] as `GeneratorInput` has them.
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


def prepare(data: Path, side: int, progress: Progress | None = None) -> dict[str, list[Path]]:
    """Files of all pairs in `data` by kind, made now where the cache has none. DataError when there is nothing."""
    films = [
        (path, step)
        for pattern, nth, step in FILMS
        for path in sorted(data.glob(pattern))[::nth]
        if path.stem not in SHARED_PEOPLE
    ]
    portraits = building_portraits(data) if (data / "portraits").is_dir() else []
    if not films and not portraits:
        raise DataError(f"{data} holds neither films ({', '.join(row[0] for row in FILMS)}) nor portraits.")
    jobs = [(path, 0, partial(film_pairs, path, side, step)) for path, step in films]
    jobs += [
        (path, way, partial(portrait_pairs, path, side, away)) for path in portraits for way, away in enumerate(AWAY)
    ]
    kept: dict[str, list[Path]] = {}
    for done, (path, way, make) in enumerate(jobs):
        file = cache_path(f"generator/{path.stem}-{way}-{side}-{STYLE}", PAIRS_VERSION, [path])
        if not file.is_file():
            try:
                save(file, make())
            except TalkerError:
                continue  # no face in it, or no frame that can be used
        kept.setdefault(path.relative_to(data).parts[0], []).append(file)
        if progress:
            progress(done + 1, len(jobs))
    return kept


def film_pairs(path: Path, side: int, step: int) -> Pairs:
    """Every `step`-th frame of a film. Raises DataError when none can be used."""
    film = Reenactment.of(path)
    renderer = GeometryRenderer(film.portrait, SpeakOptions())
    frames = (frame for frame in film.frames(every(step), renderer) if np.linalg.norm(frame.pose[:3]) <= LARGEST_TURN)
    return _collect(renderer, film.portrait, side, frames, path.name)


def portrait_pairs(path: Path, side: int, away: dict[str, float]) -> Pairs:
    """A photograph, drawn with the expression `away` and brought back. Raises FaceError when no face is found."""
    portrait = at_size(analyse(load_image(path)), "crop512")
    expression = expand(away)
    again = analyse(GeometryRenderer(portrait, SpeakOptions()).frame(expression, STILL))
    back = (
        again.source_expression - expression + portrait.source_expression
    )  # what is seen beyond `away` is the person's own
    asked = to_relative_expression(np.clip(back, 0, 1), again.source_expression)
    emotion_probabilities = read_faces(portrait.landmarks[None], portrait.detected_blendshapes[None])[0]
    frame = Frame(asked, STILL, emotion_probabilities, portrait.image)
    return _collect(GeometryRenderer(again, SpeakOptions()), again, side, iter([frame]), path.name)


def _collect(
    renderer: GeometryRenderer,
    portrait: Portrait,
    side: int,
    frames: Iterator[Frame],
    name: str,
) -> Pairs:
    """What the renderer draws, and the real frame beside it."""
    squares = FaceSquare(renderer.geometry, side)
    rows: list[tuple[ByteArray, ByteArray, FloatArray, FloatArray, ByteArray]] = []
    for frame in frames:
        drawn: RenderedFrame = renderer.draw(frame.blendshapes, frame.pose)
        square, sight = squares.look(drawn)
        truth = register(square.cut(frame.image), sight)
        if truth is not None:
            style = generator_style(frame.blendshapes, frame.pose, portrait, frame.emotion_probabilities)
            rows.append((sight.picture, sight.masks, sight.maps.astype(np.float16), style, truth))
    if not rows:
        raise DataError(f"{name} has no frame to learn from.")
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    return Pairs(squares.source(portrait.image), *columns)


def register(truth: ByteArray, sight: GeneratorInput) -> ByteArray | None:
    """The real frame's square [S,S,3], laid on the drawn one and lit as it; None where it lies too far from it.

    How far skin lies beside the drawn skin, as a smooth flow, and a change of exposure are the film's and nothing that
    could be learnt from the frame; what is between the lips and in the eyes goes with the skin around it.
    """
    side = len(truth)
    covered = cv2.resize(sight.maps[..., 3], (side, side))
    skin = (covered * (sight.masks.max(axis=2) == 0))[..., None]
    smooth = partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=LAID_OVER * side)
    flow = smooth(offset_flow(sight.picture, truth) * skin) / (smooth(skin)[..., None] + LEAST_SKIN)
    if np.linalg.norm(flow[covered > 0.5], axis=-1).mean() > LARGEST_SHIFT * side:
        return None
    y, x = np.mgrid[:side, :side].astype(np.float32)
    moved = cv2.remap(truth, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    upper = skin[..., 0] * (np.arange(side) < UPPER * side)[:, None] > 0.5
    if upper.sum() < LEAST_SKIN * side * side:
        return None
    gain = np.median(sight.picture[upper], axis=0) / np.maximum(np.median(moved[upper], axis=0), 1.0)
    if gain.min() < EXPOSURE[0] or gain.max() > EXPOSURE[1]:
        return None
    return np.clip(moved * gain + 0.5, 0, 255).astype(np.uint8)

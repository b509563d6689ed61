"""Are drawn faces taken for photographs? A two-sample test on people that nothing learnt from.

Every photograph of the report split is drawn with the expression of another one of its collection, so that drawn faces
and photographs show the same people, the same manner of picture and the same expressions, as sets. Mouths that stand
open lend to mouths that are shut and the other way round, because a face that hardly has to move is easily drawn.
Geometry alone and the generators stand side by side, each as films show it: the test counts only where it can tell
geometry alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from talker.data.face_fits import fit_faces, fitted, usable
from talker.data.faces import FaceRow, face_rows
from talker.data.round_trips import DRAWN_SIZE, GAZE, SIDE, SQUINT, SQUINTING, STILL
from talker.errors import DataError
from talker.evaluation.metrics import Recorder
from talker.evaluation.two_sample import TwoSampleResult, two_sample_test
from talker.face.landmarks import LOWER_LIP_MIDDLE, MOUTH_CORNERS, UPPER_LIP_MIDDLE
from talker.options import SpeakOptions
from talker.render.aligned import FaceSquare
from talker.render.crop import at_size
from talker.render.generator_renderer import GeneratorRenderer, ResearchGeneratorRenderer
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.own_expression import to_relative_expression
from talker.render.regions import EYES, MOUTH
from talker.types import ByteArray, FloatArray, Portrait
from talker.weights.store import checkpoint
from talker.workers import worker_processes

LEAST_FACES = 250
TESTS = 2  # whose mean is written: how a network that has learnt from few tells them changes with its random numbers
PARTS = {"mouth": MOUTH, "eyes": EYES}
GENERATORS = (GeneratorRenderer, ResearchGeneratorRenderer)
# whose parts are looked at: the shipped generators work on the mouth alone
PARTS_BY_RENDERER = {GeometryRenderer.name: ("mouth", "eyes"), **{each.name: ("mouth",) for each in GENERATORS}}


@dataclass(frozen=True)
class DrawnFace:
    """A person's square [S,S,3]: as photographed and, by renderer, drawn with another expression."""

    person: str
    real: ByteArray
    drawn: Mapping[str, ByteArray]


def run(data: Path, record: Recorder, *, processes: int = 2, seed: int = 0) -> None:
    """Geometry alone and the generators whose weights are there. DataError when there are too few faces."""
    rows = face_rows(data)
    faces = drawn_faces([row for row in rows if row.reported], processes=processes, seed=seed)
    if len(faces) < LEAST_FACES:
        raise DataError(f"{data} holds only {len(faces)} report faces that can be used; {LEAST_FACES} are needed.")
    others = drawn_faces([row for row in rows if not row.reported], processes=processes, seed=seed)
    record.note(
        f"{len(faces)} report faces, after {len(others)} others. 50 % is perfect; the test counts where it tells "
        "geometry at 75 %."
    )
    for renderer, parts in PARTS_BY_RENDERER.items():
        if renderer not in faces[0].drawn:
            continue
        for part in parts:
            found = told(faces, others, renderer, part, processes=processes, seed=seed)
            record.add(f"realism/{part}_told", found.both, renderer)
            record.add(f"realism/{part}_told", found.network, f"{renderer}, network alone")
            record.add(f"realism/{part}_told", found.features, f"{renderer}, features alone")
            record.add(f"realism/{part}_kernel", found.kernel_distance, renderer)


def told(
    faces: Sequence[DrawnFace],
    others: Sequence[DrawnFace],
    renderer: str,
    part: str,
    *,
    processes: int = 2,
    seed: int = 0,
) -> TwoSampleResult:
    """How well what the `renderer` drew of the `faces` is told from their photographs, by those who know `others`.

    The mean of `TESTS` tests, with the seeds from `seed` on.
    """
    seen, others_seen = (_real_and_drawn(those, renderer, part) for those in (faces, others))
    seeds = range(seed, seed + TESTS)
    test = partial(two_sample_test, *seen, [face.person for face in faces], others=others_seen)
    with worker_processes(min(processes, TESTS)) as pool:
        each = list(pool.map(test, seeds))
    means = (float(np.mean([getattr(one, field.name) for one in each])) for field in fields(TwoSampleResult))
    return TwoSampleResult(*means)


def drawn_faces(rows: Sequence[FaceRow], *, processes: int = 2, seed: int = 0) -> list[DrawnFace]:
    """Every usable face, in shuffled order, with the expression of its lender; fits are made and kept."""
    fit_faces(rows, processes=processes)
    order = np.random.default_rng(seed).permutation(len(rows))
    found = [row for row in (rows[place] for place in order) if usable(fitted(row))]
    lenders = [
        found[place] for place in opposite_mouths([row.collection for row in found], [_gap(row) for row in found])
    ]
    with worker_processes(processes) as pool:
        return list(pool.map(_draw, found, lenders, chunksize=8))


def opposite_mouths(collections: Sequence[str], gaps: Sequence[float]) -> list[int]:
    """For each face the number of another one of its collection: in the order of their `gaps`, half the row away.

    Each is lent once, so that a collection keeps its expressions; one that is alone in its collection lends to itself.
    """
    lenders = list(range(len(gaps)))
    for name in set(collections):
        row = sorted((place for place, one in enumerate(collections) if one == name), key=gaps.__getitem__)
        for number, place in enumerate(row):
            lenders[place] = row[(number + len(row) // 2) % len(row)]
    return lenders


def _real_and_drawn(faces: Sequence[DrawnFace], renderer: str, part: str) -> tuple[ByteArray, ByteArray]:
    """[N,h,w,3] a part of each photograph, and of what the renderer drew."""
    rows, columns = PARTS[part].slices(SIDE)
    pictures = [face.real for face in faces], [face.drawn[renderer] for face in faces]
    real, drawn = (np.stack([picture[rows, columns] for picture in those]) for those in pictures)
    return real, drawn


def _gap(row: FaceRow) -> float:
    """Between the inner lips, in mouth widths."""
    portrait = fitted(row)
    assert portrait is not None
    upper, lower, right, left = portrait.landmarks[[UPPER_LIP_MIDDLE, LOWER_LIP_MIDDLE, *MOUTH_CORNERS], :2]
    return float(np.linalg.norm(lower - upper) / np.linalg.norm(left - right))


def _draw(row: FaceRow, other: FaceRow) -> DrawnFace:
    portrait, lender = fitted(row), fitted(other)
    assert portrait is not None and lender is not None
    return draw_face(portrait, row.person, lender.source_expression)


def draw_face(portrait: Portrait, person: str, expression: FloatArray) -> DrawnFace:
    """The person with somebody else's measured `expression` [52], no more, as each renderer films it; gaze stays, and
    eyes stay open.
    """
    cropped = at_size(portrait, DRAWN_SIZE)
    geometry = GeometryRenderer(cropped, SpeakOptions(), still_background=False)
    asked = to_relative_expression(expression, portrait.source_expression)
    asked[SQUINTING] = np.minimum(asked[SQUINTING], SQUINT)
    asked[GAZE] = 0.0
    drawn = geometry.draw(asked, STILL)
    frames = {geometry.name: drawn.frame}
    for renderer in GENERATORS:
        if checkpoint(renderer.name).is_dir():
            generator = renderer(cropped, SpeakOptions(), geometry=geometry)
            frames[renderer.name] = generator.refine(drawn, asked, STILL)
    squares = FaceSquare(geometry.geometry, SIDE)
    square = squares.square(drawn.points)
    return DrawnFace(
        person, squares.home.cut(cropped.image), {name: square.cut(frame) for name, frame in frames.items()}
    )

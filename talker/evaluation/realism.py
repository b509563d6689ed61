"""Are drawn faces taken for photographs? A two-sample test on people that nothing learnt from.

Every photograph of the report split is drawn with the expression of another one of its collection, so that drawn faces
and photographs show the same people, the same manner of picture and the same expressions, as sets. Mouths that stand
open lend to mouths that are shut and the other way round, because a face that hardly has to move is easily drawn.
Geometry alone and the generator stand side by side: the test counts only where it can tell geometry alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from talker.data.face_fits import fit_faces, fitted, usable
from talker.data.faces import FaceRow, face_rows
from talker.data.generator_batches import Batch
from talker.data.round_trips import DRAWN_SIZE, GAZE, SIDE, SQUINT, SQUINTING, STILL
from talker.errors import DataError
from talker.evaluation.metrics import Recorder
from talker.evaluation.two_sample import two_sample_test
from talker.face.landmarks import LOWER_LIP_MIDDLE, MOUTH_CORNERS, UPPER_LIP_MIDDLE
from talker.options import SpeakOptions
from talker.render.aligned import MAP_STRIDE, FaceSquare, GeneratorInput, generator_style
from talker.render.crop import at_size
from talker.render.generator import Generator, Refinement, absolute, load_generator, refined
from talker.render.generator_renderer import GeneratorRenderer, ResearchGeneratorRenderer
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.regions import EYES, MOUTH
from talker.types import ByteArray, FloatArray, Portrait
from talker.weights.store import checkpoint

LEAST_FACES = 250
PARTS = {"mouth": MOUTH, "eyes": EYES}
# who draws what: the shipped generators work on the mouth alone
DRAWN_BY = {
    GeometryRenderer.name: ("mouth", "eyes"),
    GeneratorRenderer.name: ("mouth",),
    ResearchGeneratorRenderer.name: ("mouth",),
}


@dataclass(frozen=True)
class DrawnFace:
    """A photograph's square [S,S,3] and what the generator is given of the same person with another expression."""

    person: str
    real: ByteArray
    drawn: GeneratorInput
    style: FloatArray


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
    both, people = (faces, others), [face.person for face in faces]
    real = [np.stack([face.real for face in part]) for part in both]
    plain = [np.stack([face.drawn.picture for face in part]) for part in both]
    for name, parts in DRAWN_BY.items():
        if name == GeometryRenderer.name:
            drawn = plain
        elif checkpoint(name).is_dir():
            drawn = [refine_squares(load_generator(checkpoint(name)), part) for part in both]
        else:
            continue
        for part in parts:
            box = (slice(None), *PARTS[part].slices(SIDE))
            seen, others_seen = (
                (photographs[box], pictures[box]) for photographs, pictures in zip(real, drawn, strict=True)
            )
            found = two_sample_test(*seen, people, seed, others_seen)
            record.add(f"realism/{part}_told", found.both, name)
            record.add(f"realism/{part}_told", found.network, f"{name}, network alone")
            record.add(f"realism/{part}_told", found.features, f"{name}, features alone")
            record.add(f"realism/{part}_kernel", found.kernel_distance, name)


def drawn_faces(rows: Sequence[FaceRow], *, processes: int = 2, seed: int = 0) -> list[DrawnFace]:
    """Every usable face, in shuffled order, with the expression of its lender; fits are made and kept."""
    fit_faces(rows, processes=processes)
    order = np.random.default_rng(seed).permutation(len(rows))
    found = [row for row in (rows[place] for place in order) if usable(fitted(row))]
    lenders = [
        found[place] for place in opposite_mouths([row.collection for row in found], [_gap(row) for row in found])
    ]
    with ProcessPoolExecutor(processes) as pool:
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
    """The person with somebody else's `expression` [52]; gaze stays, and eyes stay open."""
    renderer = GeometryRenderer(at_size(portrait, DRAWN_SIZE), SpeakOptions(), still_background=False)
    asked = expression.astype(np.float32)
    asked[SQUINTING] = np.minimum(asked[SQUINTING], SQUINT)
    asked[GAZE] = 0.0
    squares = FaceSquare(renderer.geometry, SIDE)
    _, seen = squares.look(renderer.draw(asked, STILL))
    style = generator_style(asked, STILL, renderer.portrait)
    return DrawnFace(person, squares.home.cut(renderer.portrait.image), seen, style)


def refine_squares(generator: Generator, faces: list[DrawnFace], batch: int = 16) -> ByteArray:
    """[N,S,S,3] what the generator makes of the drawn squares, seen at its own size and put back at theirs."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = generator.eval().to(device)
    made: list[ByteArray] = []
    with torch.inference_mode():
        for start in range(0, len(faces), batch):
            given = input_batch(faces[start : start + batch], device)
            maps = functional.interpolate(given.maps, size=generator.config.size // MAP_STRIDE, mode="bilinear")
            picture, source = (
                functional.interpolate(part, size=generator.config.size, mode="area")
                for part in (given.picture, given.source)
            )
            found = generator.refine(picture, maps, given.style, generator.encode(source))
            side = given.picture.shape[-1]
            flow, texture = (functional.interpolate(part, size=side, mode="bilinear") for part in found)
            back = Refinement(flow * (side / generator.config.size), texture)
            picture = refined(given.picture[:, :3], back).clamp(0, 1) * 255 + 0.5
            made.append(picture.byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(made)


def input_batch(faces: list[DrawnFace], device: torch.device) -> Batch:
    """Some faces as the generator's network wants them; the photograph is the source."""

    def tensor(values: Sequence[FloatArray | ByteArray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2).float().to(device)

    picture = tensor([np.concatenate([face.drawn.picture, face.drawn.masks], axis=-1) for face in faces]) / 255
    source = tensor([face.real for face in faces]) / 255
    maps = absolute(tensor([face.drawn.maps for face in faces]))
    style = torch.from_numpy(np.stack([face.style for face in faces])).to(device)
    return Batch(picture, source, source, maps, style, source)

"""Derive the project's compact face model from the ICT Face Model Light (MIT, USC Institute for Creative Technologies).

The skin (face, head and neck) keeps ICT's vertices and order, because wrinkle shading needs its resolution. What is
only seen through the mouth or between the lids (cavity, gums, tongue, teeth, eyeballs) is thinned by clustering. ICT's
57 expression shapes become Apple's 52, with the gains of `GAINS` baked in so that 0..1 is the useful range of each.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from talker.blendshapes import BLENDSHAPE_NAMES
from talker.errors import DataError
from talker.face.camera import rotation_matrix
from talker.face.model import FaceModel
from talker.training.landmark_links import link_landmarks
from talker.types import FloatArray

SOURCE_FILE = "ict_facekit_light.npz"
LICENSE_FILE = "LICENSE-ICT-FaceKit"
IDENTITY_MAJOR = 12  # modes stored with 16 bits: their offsets exceed a centimetre
IDENTITY_MODES = 60
SHAPE_FLOOR_CM = 0.002  # smaller offsets of an expression are dropped
TONGUE_FIRST = 16562  # ICT keeps the tongue at the end of its gums part

# ICT's brows, lids and lip corners are anatomically small; these factors make 1 read as the intended expression.
GAINS = {"browDown": 1.5, "browInnerUp": 1.5, "browOuterUp": 1.5, "eyeWide": 2.0, "mouthFrown": 2.0}
# degrees that a full gaze shape turns the eyeball: nod (down positive) and turn (to the person's own side positive)
GAZE = {"eyeLookIn": (0, -30), "eyeLookOut": (0, 30), "eyeLookUp": (-25, 0), "eyeLookDown": (30, 0)}
MERGED = {
    "browInnerUp": ("browInnerUp_L", "browInnerUp_R"),
    "cheekPuff": ("cheekPuff_L", "cheekPuff_R"),
    "cheekSquintLeft": ("cheekSquint_L", "cheekRaiser_L"),
    "cheekSquintRight": ("cheekSquint_R", "cheekRaiser_R"),
}


@dataclass(frozen=True)
class Part:
    """A range of ICT's vertices that becomes one part of the compact model; `cell_cm` 0 keeps every vertex."""

    name: str
    first: int
    last: int
    cell_cm: float = 0.0


PARTS = (
    Part("skin", 0, 11247),
    Part("mouth_socket", 11248, 13293, 0.7),
    Part("gums", 14062, TONGUE_FIRST - 1, 0.4),
    Part("tongue", TONGUE_FIRST, 17038, 0.2),
    Part("upper_teeth", 17039, 19246, 0.35),
    Part("lower_teeth", 19247, 21450, 0.35),
    Part("sclera_left", 21451, 22220, 0.4),
    Part("iris_left", 22221, 23020, 0.3),
    Part("sclera_right", 23021, 23790, 0.4),
    Part("iris_right", 23791, 24590, 0.3),
)
SKIN_REGIONS = {"mask": (0, 6706), "face": (0, 9409)}  # ICT's narrow face without ears and neck, and with the ears
FRONT_TEETH_Z_CM = 8.4  # teeth in front of this plane keep every vertex: they are what a speaking mouth shows


def derive(source: Path, target: Path) -> None:
    """Write the compact model to the folder `target`, from the folder `source` that holds ICT's files."""
    if not (source / SOURCE_FILE).exists():
        raise DataError(f"{source} holds no {SOURCE_FILE}; point --data at the folder with the ICT Face Model Light.")
    with np.load(source / SOURCE_FILE) as data:
        ict = {name: data[name] for name in data.files}
    keep, triangles, ranges = _select(ict)
    mirror = _mirror(ict["neutral"])
    kept_mirror = _nearest_kept(ict["neutral"], keep, mirror)
    expression = _arkit_shapes(ict, ranges, keep)
    tensors: dict[str, np.ndarray] = {
        "neutral": ict["neutral"][keep].astype(np.float32),
        "triangles": triangles.astype(np.uint16),
        "mirror": kept_mirror.astype(np.uint16),
    }
    tensors |= _pack_identity(ict["identity"][:IDENTITY_MODES][:, keep].astype(np.float32))
    tensors |= _pack_expression(expression)
    target.mkdir(parents=True, exist_ok=True)
    _save(tensors, target)
    config = {"parts": ranges, "skin_regions": SKIN_REGIONS, "identity_modes": IDENTITY_MODES}
    config |= {"gains": GAINS, "unit": "cm"}
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copyfile(source / LICENSE_FILE, target / LICENSE_FILE)
    vertices, weights = link_landmarks(FaceModel.load(target))
    _save(tensors | {"landmark_vertices": vertices.astype(np.uint16), "landmark_weights": weights}, target)


def _save(tensors: dict[str, np.ndarray], target: Path) -> None:
    """Write the tensors; safetensors takes memory as it lies, whatever the strides say, so they are packed first."""
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, target / "model.safetensors")


def _mirror(neutral: FloatArray) -> np.ndarray:
    """[V] index of each vertex's partner on the other side of the face."""
    return cKDTree(neutral * [-1, 1, 1]).query(neutral)[1]


def _nearest_kept(neutral: FloatArray, keep: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """[kept] partner of each kept vertex among the kept ones."""
    return cKDTree(neutral[keep]).query(neutral[mirror[keep]])[1]


def _select(ict: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, dict[str, list[int]]]:
    """Which vertices stay [kept], the triangles between them [F,3], and each part's vertex range."""
    neutral, mirror = ict["neutral"], _mirror(ict["neutral"])
    representative = np.full(len(neutral), -1)
    for part in PARTS:
        representative[part.first : part.last + 1] = _cluster(ict, part, mirror)
    keep_parts, ranges, start = [], {}, 0
    for part in PARTS:
        chosen = np.unique(representative[part.first : part.last + 1])
        keep_parts.append(chosen)
        ranges[part.name] = [start, start + len(chosen)]
        start += len(chosen)
    keep = np.concatenate(keep_parts)
    position = np.full(len(neutral), -1)
    position[keep] = np.arange(len(keep))
    quads = ict["quads"]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    triangles = triangles[(representative[triangles] >= 0).all(1)]
    triangles = position[representative[triangles]]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(triangles, axis=1), axis=0, return_index=True)
    return keep, triangles[np.sort(first)], ranges


def _cluster(ict: dict[str, np.ndarray], part: Part, mirror: np.ndarray) -> np.ndarray:
    """The vertex that stands for each vertex of `part`: the one nearest to the centre of its grid cell's vertices."""
    index = np.arange(part.first, part.last + 1)
    if part.cell_cm == 0:
        return index
    points = ict["neutral"][index]
    cell = np.floor(np.abs(points) / part.cell_cm).astype(int)
    side = (points[:, 0] < -1e-4).astype(int) - (points[:, 0] > 1e-4).astype(int)
    single = np.where((points[:, 2] > FRONT_TEETH_Z_CM) & ("teeth" in part.name), np.arange(len(index)) + 1, 0)
    key = np.column_stack([_components(ict["quads"], part), cell, side, single])
    _, group = np.unique(key, axis=0, return_inverse=True)
    result = np.empty(len(index), int)
    for number in range(group.max() + 1):
        members = np.flatnonzero(group == number)
        distance = np.linalg.norm(points[members] - points[members].mean(0), axis=1)
        result[members] = index[members[np.argmin(distance)]]
    # the right side follows the left one, so that the thinned parts stay symmetric
    if "left" not in part.name and "right" not in part.name:
        right = points[:, 0] < -1e-4
        result[right] = mirror[result[mirror[index[right]] - part.first]]
    return result


def _components(quads: np.ndarray, part: Part) -> np.ndarray:
    """[part's vertices] number of the connected piece (one tooth, say) that each vertex belongs to."""
    inside = quads[((quads >= part.first) & (quads <= part.last)).all(1)] - part.first
    count = part.last - part.first + 1
    rows, columns = inside.ravel(), np.roll(inside, 1, axis=1).ravel()
    return connected_components(coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count)), False)[1]


def _arkit_shapes(ict: dict[str, np.ndarray], ranges: dict[str, list[int]], keep: np.ndarray) -> FloatArray:
    """[52,kept,3] offsets (cm) of Apple's shapes, made from ICT's."""
    index = {name: number for number, name in enumerate(ict["expression_names"])}
    shapes = np.zeros((len(BLENDSHAPE_NAMES), len(keep), 3), np.float32)
    for row, name in enumerate(BLENDSHAPE_NAMES):
        if name == "tongueOut":
            shapes[row] = _tongue_out(ict, ranges, keep, index)
            continue
        ict_name = name if name in index else name.replace("Left", "_L").replace("Right", "_R")
        stem = name.removesuffix("Left").removesuffix("Right")
        for source in MERGED.get(name, (ict_name,)):
            shapes[row] += GAINS.get(stem, 1.0) * ict["expression"][index[source]][keep].astype(np.float32)
        if stem in GAZE:
            side = name.removeprefix(stem).lower()
            ball = slice(ranges[f"sclera_{side}"][0], ranges[f"iris_{side}"][1])
            shapes[row, ball] = _eye_turn(ict["neutral"][keep[ball]], stem, side)
    return shapes


def _eye_turn(ball: FloatArray, stem: str, side: str) -> FloatArray:
    """[N,3] offsets that turn an eyeball about its centre; ICT's gaze shapes move the lids only."""
    low, high = ball.min(axis=0), ball.max(axis=0)
    radius = (high[0] - low[0]) / 2
    centre = np.array([low[0] + radius, (low[1] + high[1]) / 2, low[2] + radius])  # the cornea bulges in front
    nod, turn = np.radians(GAZE[stem])
    outwards = 1.0 if side == "left" else -1.0
    matrix = rotation_matrix(np.array([nod, turn * outwards, 0.0]))
    return ((ball - centre) @ (matrix - np.eye(3)).T).astype(np.float32)


def _tongue_out(
    ict: dict[str, np.ndarray], ranges: dict[str, list[int]], keep: np.ndarray, index: dict[str, int]
) -> FloatArray:
    """[kept,3] the tongue slides out over the lower teeth: ICT has no such shape, so its own tongue is moved.

    The tip travels 2.2 cm forward and rises over the teeth; the root stays. The lips and jaw are left to other shapes.
    """
    offsets = np.zeros((len(keep), 3), np.float32)
    first, last = ranges["tongue"]
    points = ict["neutral"][keep[first:last]]
    depth = np.clip((points[:, 2] - 5.0) / (points[:, 2].max() - 5.0), 0, 1)
    offsets[first:last, 2] = 2.2 * depth**1.5
    offsets[first:last, 1] = 0.9 * depth**1.5 - 0.5 * depth**6  # over the lower teeth, then slightly down
    offsets[first:last, 0] = -0.15 * points[:, 0] * depth
    return offsets


def _pack_identity(basis: FloatArray) -> dict[str, np.ndarray]:
    """16 bits for the large modes, 8 for the others, each with its own scale (cm per step)."""
    packed: dict[str, np.ndarray] = {}
    for name, modes, limit, kind in (
        ("identity_major", basis[:IDENTITY_MAJOR], 32767, np.int16),
        ("identity_minor", basis[IDENTITY_MAJOR:], 127, np.int8),
    ):
        scale = np.abs(modes).max(axis=(1, 2)) / limit
        packed[name] = np.round(modes / scale[:, None, None]).astype(kind)
        packed[name + "_scale"] = scale.astype(np.float32)
    return packed


def _pack_expression(shapes: FloatArray) -> dict[str, np.ndarray]:
    """Only the vertices that a shape moves: (start of each shape [53], vertices [N], offsets [N,3], scale [52])."""
    moved = np.linalg.norm(shapes, axis=-1) > SHAPE_FLOOR_CM
    scale = np.abs(shapes).max(axis=(1, 2)) / 32767
    offsets = np.concatenate([shape[mask] / step for shape, mask, step in zip(shapes, moved, scale, strict=True)])
    return {
        "expression_starts": np.concatenate([[0], np.cumsum(moved.sum(1))]).astype(np.int32),
        "expression_vertices": np.concatenate([np.flatnonzero(mask) for mask in moved]).astype(np.uint16),
        "expression_offsets": np.round(offsets).astype(np.int16),
        "expression_scale": scale.astype(np.float32),
    }

"""Where the named emotions lie on the sphere: the checkpoint's prototypes, and places for rows that it doesn't know.

Read without the framework that the towers need, so that a label costs no start-up time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from talker.emotion.catalogue import EMOTIONS, NamedEmotion
from talker.errors import AssetError
from talker.types import FloatArray

GEOMETRY_SHARES = (0.35, 0.4, 0.25)  # of words, faces and affect in how alike two emotions are
RIDGE = 0.05  # against the prototypes' unit length, when a new one is placed among them


def trained_prototypes(folder: Path) -> dict[str, FloatArray]:
    """Name -> place [width] on the unit sphere; AssetError when the checkpoint doesn't hold an emotion space."""
    try:
        names = json.loads((folder / "config.json").read_text(encoding="utf-8"))["emotions"]
        with safe_open(folder / "model.safetensors", framework="numpy") as weights:
            rows = weights.get_tensor("prototypes")
        return dict(zip(names, rows / np.linalg.norm(rows, axis=1, keepdims=True), strict=True))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise AssetError(f"{folder} doesn't hold an emotion space ({error}).") from error


def added_prototypes(known: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Places for the catalogue's rows that are not `known`, from their words, faces and affect; none where all are.

    A new row is as similar to each known emotion as its words (name and aliases), face and affect are, in the shares
    by which the space was trained; its place is the unit vector whose cosines with the prototypes come closest to
    these similarities (ridge regression). Where the sentence encoder can't be had, faces and affect decide alone.
    """
    added = [row for name, row in EMOTIONS.items() if name not in known]
    if not added:
        return {}
    rows = [EMOTIONS[name] for name in known if name in EMOTIONS]
    prototypes = np.stack([known[row.name] for row in rows])  # [K, width]
    wanted = _similarity(added, rows)  # [A, K]
    moments = prototypes.T @ prototypes + RIDGE * np.eye(prototypes.shape[1])
    places = np.linalg.solve(moments, prototypes.T @ wanted.T).T  # [A, width]
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    return {row.name: place.astype(np.float32) for row, place in zip(added, places, strict=True)}


def _similarity(added: Sequence[NamedEmotion], known: Sequence[NamedEmotion]) -> FloatArray:
    """[A, K] in -1..1: how alike new and known emotions are, by words, faces and affect together."""
    rows = [*known, *added]
    kinds = [_words(rows), np.stack([row.blendshape_offset for row in rows]), np.array([row.affect for row in rows])]
    total, similarity = 0.0, np.zeros((len(added), len(known)))
    for share, values in zip(GEOMETRY_SHARES, kinds, strict=True):
        if values is None:
            continue
        centred = values - values[: len(known)].mean(0)
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
        similarity += share * centred[len(known) :] @ centred[: len(known)].T
        total += share
    return similarity / total


def _words(rows: Sequence[NamedEmotion]) -> FloatArray | None:
    """[R, D] mean sentence vectors of names and aliases; None without the sentence encoder."""
    from talker.emotion.sentences import sentence_tower  # brings torch, which known labels do without

    try:
        tower = sentence_tower()
    except AssetError:
        return None
    named = [(row.name, *row.aliases) for row in rows]
    vectors = tower.encode([word for words in named for word in words])  # [W, D]
    ends = np.cumsum([len(words) for words in named])
    return np.stack([part.mean(0) for part in np.split(vectors, ends[:-1])])

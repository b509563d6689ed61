"""The golden crops: what the renderer drew of mouths, eyes and folds when somebody last looked at it.

    python tests/golden/crops.py [--sheet OLD_AND_NEW.png]     renews them; commit old and new side by side

The portraits' fits are kept beside the crops, so that the tracker may change without the renderer's crops changing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from talker.blendshapes import expand
from talker.example_faces import ADMIRAL, ASTRONAUT
from talker.face.landmarks import FACE_OVAL, LEFT_EYE, OUTER_LIPS
from talker.media.image import load_image
from talker.options import SpeakOptions
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.params import DEFAULT_PARAMS, RenderParams
from talker.types import ByteArray, FaceFit, FloatArray, Portrait

FOLDER = Path(__file__).parent / "crops"
PORTRAITS = {"astronaut": ASTRONAUT, "admiral": ADMIRAL}
EXPRESSIONS = {
    "shut": {},
    "open": {"jawOpen": 0.75},
    "wide": {"jawOpen": 0.3, "mouthStretch": 0.7, "mouthSmile": 0.3},
    "smiling": {"mouthSmile": 0.9, "mouthUpperUp": 0.4, "cheekSquint": 0.7, "jawOpen": 0.1},
    "angry": {"mouthUpperUp": 0.5, "mouthLowerDown": 0.8, "browDown": 1.0, "noseSneer": 0.7, "eyeSquint": 0.5},
    "blinking": {"eyeBlink": 1.0},
    "half shut": {"eyeBlink": 0.55},
    "surprised": {"eyeWide": 1.0, "browInnerUp": 1.0, "browOuterUp": 1.0, "jawOpen": 0.5},
    "aside": {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
}
STILL, TURNED = np.zeros(6), np.array([0.03, -0.06, 0.04, 0.0, 0.0, 0.0])
# landmarks around which a crop lies, its margins (left and right, up, down) in face widths, and how much smaller it is
PARTS = {
    "mouth": (OUTER_LIPS, (0.04, 0.04, 0.13), 1),
    "eye": (LEFT_EYE, (0.05, 0.1, 0.05), 1),
    "folds": (FACE_OVAL, (0.0, 0.0, 0.0), 4),
}
CROPS = (
    *((name, "mouth", STILL) for name in ("shut", "open", "wide", "smiling", "angry")),
    ("open", "mouth", TURNED),
    *((name, "eye", STILL) for name in ("blinking", "half shut", "surprised", "aside")),
    *((name, "folds", STILL) for name in ("shut", "angry", "smiling")),
)
MOST_OFF = 0.35  # levels of 255 by which a crop may differ on average: other processors round differently
MOST_OFF_SOMEWHERE = 6.0  # the same, of any square of BLOCK pixels
BLOCK = 4


def portrait(name: str) -> Portrait:
    """One of the public-domain portraits with its kept fit."""
    image = load_image(PORTRAITS[name])
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as kept:
        fit = FaceFit(kept["identity"], kept["expression"], kept["rotation"], kept["translation"], float(kept["scale"]))
        return Portrait(image, kept["landmarks"], fit, np.zeros(52, np.float32), tuple(kept["face_box"].tolist()))


def draw(params: RenderParams = DEFAULT_PARAMS) -> Iterator[tuple[str, ByteArray]]:
    """Name and picture [h,w,3] of every crop, as the renderer draws it now with `params`."""
    for person in PORTRAITS:
        renderer = GeometryRenderer(portrait(person), SpeakOptions(size="crop512"), params=params)
        for expression, part, pose in CROPS:
            frame = renderer.frame(expand(EXPRESSIONS[expression]), pose)
            turned = " turned" if pose is TURNED else ""
            yield f"{person} {part} {expression}{turned}", _cut(frame, renderer.portrait, part)


def _cut(frame: ByteArray, portrait: Portrait, part: str) -> ByteArray:
    landmarks, (aside, above, below), shrink = PARTS[part]
    points, unit = portrait.landmarks[list(landmarks), :2], portrait.face_width
    margins = unit * np.array([[-aside, -above], [aside, below]])
    (left, top), (right, bottom) = np.round(margins + np.stack([points.min(axis=0), points.max(axis=0)])).astype(int)
    crop = frame[top:bottom, left:right]
    size = crop.shape[1] // shrink, crop.shape[0] // shrink
    return crop if shrink == 1 else cv2.resize(crop, size, interpolation=cv2.INTER_AREA)


def kept(name: str) -> ByteArray:
    """The golden crop [h,w,3]."""
    return np.ascontiguousarray(cv2.imread(str(path_of(name)))[..., ::-1])


def path_of(name: str) -> Path:
    """Where a crop lies."""
    return FOLDER / f"{name.replace(' ', '-')}.png"


def differences(params: RenderParams = DEFAULT_PARAMS) -> list[str]:
    """What is off: one line for each crop that differs by more than the tolerances; perfect is an empty list."""
    found = []
    for name, crop in draw(params):
        off = np.abs(crop.astype(np.float32) - kept(name)).mean(axis=2)
        mean, most = float(off.mean()), _worst_block(off)
        if mean > MOST_OFF or most > MOST_OFF_SOMEWHERE:
            found.append(f"{name}: {mean:.2f} levels off on average, {most:.1f} in the worst square")
    return found


def _worst_block(off: FloatArray) -> float:
    height, width = (side // BLOCK * BLOCK for side in off.shape)
    blocks = off[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return float(blocks.mean(axis=(1, 3)).max())


def _keep_fits() -> None:
    from talker.portrait.analyse import analyse

    for name, path in PORTRAITS.items():
        if not (FOLDER / f"{name}.npz").exists():
            face = analyse(load_image(path))
            fit = {field: getattr(face.fit, field) for field in ("identity", "expression", "rotation", "translation")}
            np.savez_compressed(
                FOLDER / f"{name}.npz", landmarks=face.landmarks, face_box=face.face_box, scale=face.fit.scale, **fit
            )


def renew(sheet: Path | None) -> None:
    """Write every crop anew; `sheet`: a picture of the old ones beside the new ones."""
    _keep_fits()
    rows = []
    for name, crop in draw():
        before = kept(name) if path_of(name).exists() else np.zeros_like(crop)
        rows.append(np.concatenate([before, crop], axis=1) if before.shape == crop.shape else crop)
        cv2.imwrite(str(path_of(name)), crop[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if sheet is not None:
        width = max(row.shape[1] for row in rows)
        padded = [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows]
        cv2.imwrite(str(sheet), np.concatenate(padded)[..., ::-1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Renew the golden crops with what the renderer draws now.")
    parser.add_argument("--sheet", type=Path, help="picture of the old crops beside the new ones")
    renew(parser.parse_args().sheet)

"""A picture becomes a `Portrait`: whose face it is, where it lies and what expression it already has."""

from __future__ import annotations

import numpy as np

from talker.errors import FaceError
from talker.face.camera import rotation_matrix
from talker.face.detector import DetectedFace, FaceDetector
from talker.face.fit import fit_face
from talker.portrait.attributes import CHECKPOINT, PERMISSIVE_CHECKPOINT, AlignedFace, load_attributes
from talker.portrait.upright import upright
from talker.types import ByteArray, FaceFit, Portrait
from talker.weights.store import checkpoint

SMALLEST_FACE = 48  # px, width
LARGEST_YAW, LARGEST_PITCH = 40.0, 35.0  # degrees
CUT_OFF = 0.12  # of the face's size that may lie beyond the picture's border


def analyse(
    image: ByteArray, *, face_index: int = 0, detector: FaceDetector | None = None, permissive: bool = False
) -> Portrait:
    """The face in `image` [H,W,3] RGB that shall talk.

    face_index: 0 is the largest face, 1 the next, and so on.
    detector: one that is open already, when many pictures are analysed.
    permissive: use only weights whose data allow commercial use.

    Raises FaceError, saying what to do, when there is no such face or it is too small, too turned or cut off.
    """
    if detector is None:
        with FaceDetector() as own:
            return analyse(image, face_index=face_index, detector=own, permissive=permissive)
    looks = load_attributes(checkpoint(PERMISSIVE_CHECKPOINT if permissive else CHECKPOINT))
    faces = detector.detect(image)
    turns, image, faces, face = upright(image, faces, _chosen(faces, face_index), detector, looks)
    _check_place(face, image.shape[1], image.shape[0])
    fit = fit_face(face.landmarks)
    _check_turn(fit)
    return Portrait(
        image=image,
        landmarks=face.landmarks,
        fit=fit,
        detected_blendshapes=face.blendshapes,
        face_box=face.box,
        faces=len(faces),
        attributes=looks.attributes(AlignedFace.of(image, face.landmarks)),
        quarter_turns=turns,
    )


def _chosen(faces: list[DetectedFace], face_index: int) -> DetectedFace:
    if not faces:
        raise FaceError("No face was found in the picture. Please use a well-lit photograph of one person's front.")
    if face_index >= len(faces):
        many = "one face was" if len(faces) == 1 else f"{len(faces)} faces were"
        raise FaceError(f"Face {face_index + 1} was asked for, but only {many} found; please choose a smaller number.")
    return faces[face_index]


def _check_place(face: DetectedFace, width: int, height: int) -> None:
    """Raise FaceError when the face is too small or the border cuts it off."""
    left, top, right, bottom = face.box
    if right - left < SMALLEST_FACE:
        raise FaceError(
            f"The face is too small: {right - left:.0f} px wide, and at least {SMALLEST_FACE} px are needed. "
            "Please use a larger picture, or one taken from nearer."
        )
    beyond = max(-left, right - (width - 1), -top, bottom - (height - 1))
    if beyond > CUT_OFF * face.size:
        raise FaceError(
            "The face is cut off by the picture's border. Please use a picture that shows it whole, chin to forehead."
        )


def _check_turn(fit: FaceFit) -> None:
    """Raise FaceError when the face looks too far to the side, up or down."""
    ahead = rotation_matrix(fit.rotation)[:, 2]  # where the face looks, in camera axes
    yaw = np.degrees(np.arctan2(ahead[0], ahead[2]))
    pitch = np.degrees(np.arcsin(np.clip(ahead[1], -1, 1)))
    if abs(yaw) > LARGEST_YAW:
        raise FaceError(
            f"The face is turned {abs(yaw):.0f}° to the side; up to {LARGEST_YAW:.0f}° can be used. "
            "Please use a picture in which the person looks more towards the camera."
        )
    if abs(pitch) > LARGEST_PITCH:
        direction = "up" if pitch > 0 else "down"
        raise FaceError(
            f"The face is tilted {abs(pitch):.0f}° {direction}; up to {LARGEST_PITCH:.0f}° can be used. "
            "Please use a picture in which the person looks more towards the camera."
        )

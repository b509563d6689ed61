"""Pictures and videos of any face -> EmotionCode: the expression, whoever shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_NAMES
from talker.emotion.clip import with_clip
from talker.emotion.decode import decode_points, named
from talker.emotion.model import EmotionModel, emotion_model
from talker.emotion.picture_features import align
from talker.emotion.space import EmotionSpace
from talker.errors import FaceError
from talker.face.detector import FaceDetector
from talker.face.landmarks import INNER_LIPS, LIPS
from talker.face.tracking import FaceTrack, track_video
from talker.media.image import ImageSource, load_image
from talker.media.video_reader import open_video
from talker.types import EMOTION_LABELS, EmotionCode, FloatArray, Progress

VIDEO_RATE_HZ = 12.5  # codes per second that a video gives
SPEECH_S = 1.2  # speech opens and closes the mouth several times in this; an emotion stays
SMOOTHING_S = 0.25
CALM_SHARE = 0.4  # of a film's frames: those that read as calmest show what the person looks like
MOUTH = sorted({*LIPS, *INNER_LIPS})
MOUTH_SCORES = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("mouth", "jaw"))]


def picture_code(image: ImageSource, *, model: EmotionModel | None = None) -> EmotionCode:
    """The expression of the largest face in a picture (path, or [H,W,3] array), where it is here with CLIP's help.

    Raises ImageError for something that is no picture and FaceError when no face is found in it.
    """
    pixels = load_image(image)
    with FaceDetector() as detector:
        faces = detector.detect(pixels)
    if not faces:
        raise FaceError("No face was found in the picture for the feeling. Please use one that shows a face.")
    face = max(faces, key=lambda one: one.size)
    model = model or emotion_model()
    points = model.space.place_picture(face.landmarks[None], face.blendshapes[None])
    points, note = with_clip(model, points, pixels, face.landmarks)
    code = named(decode_points(model.space, points, 1.0, ""), "picture")
    return replace(code, source=f"{code.source} ({note})") if note else code


def face_code(space: EmotionSpace, landmarks: FloatArray, scores: FloatArray) -> EmotionCode:
    """The expression of one measured face: landmarks [1,478,3] px and detector's scores [1,52]."""
    return named(decode_points(space, space.place_picture(landmarks, scores), 1.0, ""), "picture")


def video_code(
    path: str | Path,
    *,
    per_moment: bool = True,
    calm: str | Path | None = None,
    model: EmotionModel | None = None,
    progress: Progress | None = None,
) -> EmotionCode:
    """The expression of the largest face in a video, moment by moment or as a whole.

    calm: another video in which the same person shows nothing; the calmest frames of this one when None.

    Raises VideoError when the file can't be read and FaceError when it shows no face.
    """
    track, reference = track_video(path, progress=progress), None if calm is None else track_video(calm)
    code = track_code((model or emotion_model()).space, track, per_moment=per_moment, calm=reference)
    note = open_video(path).note
    return replace(code, source=f"{code.source} ({note})") if note else code


def track_code(
    space: EmotionSpace, track: FaceTrack, *, per_moment: bool = True, calm: FaceTrack | None = None
) -> EmotionCode:
    """The code of a tracked face; what the mouth does to speak is filtered out (EAMM masks the mouth, so does this).

    As in C-MET the difference to the same person without an emotion counts: what the face shows in `calm`, or in its
    own calmest frames.
    """
    step = max(1, round(track.fps / VIDEO_RATE_HZ))
    measured = _measured(space, track, step)
    reference = measured if calm is None else _measured(space, calm, max(1, round(calm.fps / VIDEO_RATE_HZ)))
    measured = measured - own_look(space, reference)
    points = gaussian_filter1d(space.place_measured(measured), SMOOTHING_S * track.fps / step, axis=0, mode="nearest")
    if not per_moment:
        points = points.mean(0, keepdims=True)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return named(decode_points(space, points, 1.0, "", rate_hz=track.fps / step), "video")


def own_look(space: EmotionSpace, measured: FloatArray) -> FloatArray:
    """[52 + shapes] what a face that was measured over time [T, 52 + shapes] has of its own beside any emotion.

    By so much its calmest frames differ from neutral faces, as far as they read as calm: a film that is angry all the
    time has no such frames. The scores stay: the detector has learnt from many people to give the expression alone.
    """
    calmness = space.read(space.place_measured(measured)).probabilities[:, EMOTION_LABELS.index("neutral")]
    calmest = calmness >= np.quantile(calmness, 1.0 - CALM_SHARE)
    look = np.zeros(measured.shape[1], np.float32)
    shapes = np.median(measured[calmest, BLENDSHAPE_COUNT:], axis=0)
    look[BLENDSHAPE_COUNT:] = calmness[calmest].mean() * (shapes - space.face_neutral)
    return look


def _measured(space: EmotionSpace, track: FaceTrack, step: int) -> FloatArray:
    """[T', 52 + shapes] every so many frames of a tracked face, without speech."""
    landmarks, scores = without_speech(space, track)
    return space.measure_picture(landmarks[::step], scores[::step])


def without_speech(space: EmotionSpace, track: FaceTrack) -> tuple[FloatArray, FloatArray]:
    """(aligned landmarks [T,478,3], scores [T,52]) in which the mouth keeps only what lasts longer than a syllable."""
    aligned = align(track.landmarks, space.face_mean)
    scores = np.array(track.scores, np.float32)
    window = max(1, round(SPEECH_S * track.fps)) | 1
    aligned[:, MOUTH] = median_filter(aligned[:, MOUTH], (window, 1, 1), mode="nearest")
    scores[:, MOUTH_SCORES] = median_filter(scores[:, MOUTH_SCORES], (window, 1), mode="nearest")
    return aligned, scores

"""The few typed values that travel between the packages of Talker; each checks its own shape when it is made.

The flow is one way: picture -> `Portrait`, speech -> `SpeechClip`, emotion -> `EmotionCode`, both of these ->
`FaceMotion`, portrait and motion -> `Video`, and everything a caller gets back is a `Result`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talker.blendshapes import BLENDSHAPE_COUNT
from talker.errors import MotionError
from talker.files import load_arrays, replaced_when_done
from talker.options import MAX_STRENGTH, SpeakOptions, VideoOptions

FloatArray = NDArray[np.floating[Any]]
ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
AnyArray = NDArray[Any]  # of whatever numbers a compiled function is given
Progress = Callable[[int, int], None]  # (done, total); raising `CancelledError` from it stops the work

EMOTION_LABELS = ("neutral", "happy", "sad", "angry", "surprised", "fear", "disgusted", "contempt")
LANDMARK_COUNT = 478
GLASSES = ("none", "clear", "sunglasses")
TRUSTED_CONFIDENCE = 0.5  # of a transcript


def _check_shape(name: str, array: NDArray[Any], *shape: int | None) -> None:
    """Raise ValueError unless `array` has `shape`, where None stands for any length."""
    matches = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not matches:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")


@dataclass(frozen=True)
class TimedToken:
    """A word, or a phone in ARPAbet without stress, and when it sounds (s from the start of the clip)."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What was said and when.

    words, phones: in order; phones is empty when nothing could be aligned.
    language: ISO 639-1 code.
    confidence: 0..1; below TRUSTED_CONFIDENCE the phone times must not be used to close lips.
    left_out: words of a typed text that the voice had no sounds for.
    """

    words: tuple[TimedToken, ...]
    phones: tuple[TimedToken, ...] = ()
    language: str = "en"
    confidence: float = 1.0
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words in one line."""
        return " ".join(word.text for word in self.words)

    @property
    def trusted(self) -> bool:
        """Whether its phones may move the lips."""
        return self.confidence >= TRUSTED_CONFIDENCE


@dataclass(frozen=True)
class SpeechClip:
    """Mono speech.

    samples: [N] float32 in -1..1.
    sample_rate: Hz; the rate of the source, so that the video keeps its sound quality.
    transcript: words and phones with times, when known.
    """

    samples: FloatArray
    sample_rate: int
    transcript: Transcript | None = None

    def __post_init__(self) -> None:
        _check_shape("SpeechClip.samples", self.samples, None)
        if self.sample_rate <= 0:
            raise ValueError(f"sample_rate must be positive, is {self.sample_rate}")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def with_transcript(self, transcript: Transcript | None) -> SpeechClip:
        """The same sound with another transcript."""
        return dataclasses.replace(self, transcript=transcript)


@dataclass(frozen=True)
class FaceFit:
    """Coefficients that put the project's face model on one picture of a face.

    identity: [K] in standard deviations.
    expression: [52] blendshapes, 0..1.
    rotation: [3] axis-angle (rad), model to camera axes (x image right, y up, z towards the viewer).
    translation: [2] px, where the model's origin lies in the image (x right, y down).
    scale: px per cm at the model's origin.
    error: RMS distance of projected to measured landmarks, in fractions of the face width.
    """

    identity: FloatArray
    expression: FloatArray
    rotation: FloatArray
    translation: FloatArray
    scale: float
    error: float = 0.0

    def __post_init__(self) -> None:
        _check_shape("FaceFit.identity", self.identity, None)
        _check_shape("FaceFit.expression", self.expression, BLENDSHAPE_COUNT)
        _check_shape("FaceFit.rotation", self.rotation, 3)
        _check_shape("FaceFit.translation", self.translation, 2)


@dataclass(frozen=True)
class FaceAttributes:
    """What a picture shows of a face beyond its shape.

    glasses: one of `GLASSES`; behind "sunglasses" eyes can't be seen. mouth_covered: something hides the lips.
    drawn: a drawing or a painting, not a photograph.
    """

    glasses: str = "none"
    mouth_covered: bool = False
    drawn: bool = False


@dataclass(frozen=True)
class Portrait:
    """A picture and what was found out about the face in it that shall talk.

    image: [H,W,3] uint8 RGB at full resolution.
    landmarks: [478,3]; x, y in px of `image`, z in the same unit (negative towards the viewer, as MediaPipe has it).
    fit: the face model on this picture; `fit.expression` is the expression of the picture itself (`source_expression`).
    detected_blendshapes: [52] the detector's own scores, in `BLENDSHAPE_NAMES` order (0 where it has none).
    face_box: (left, top, right, bottom) px of the landmarks.
    faces: how many faces the picture holds.
    attributes: what else it shows.
    quarter_turns: counter-clockwise turns by 90° that made `image` upright from the picture that was given; frames are
        turned back by as many.
    """

    image: ByteArray
    landmarks: FloatArray
    fit: FaceFit
    detected_blendshapes: FloatArray
    face_box: tuple[float, float, float, float]
    faces: int = 1
    attributes: FaceAttributes = FaceAttributes()
    quarter_turns: int = 0

    def __post_init__(self) -> None:
        _check_shape("Portrait.image", self.image, None, None, 3)
        _check_shape("Portrait.landmarks", self.landmarks, LANDMARK_COUNT, 3)
        _check_shape("Portrait.detected_blendshapes", self.detected_blendshapes, BLENDSHAPE_COUNT)

    @property
    def source_expression(self) -> FloatArray:
        """The expression [52] that the picture itself shows."""
        return self.fit.expression

    @property
    def face_width(self) -> float:
        """Width of the face oval (px)."""
        return float(self.face_box[2] - self.face_box[0])


@dataclass(frozen=True)
class EmotionCode:
    """An emotion, from whatever source, as everything after `talker.emotion` sees it.

    embedding: [T or 1, D] on the unit sphere of the emotion space.
    blendshape_offset: [T or 1, 52] change of blendshapes that the emotion stands for at strength 1.
    strength: [T or 1], 0..1.5.
    probabilities: [T or 1, 8] how it reads, in the order of `EMOTION_LABELS`.
    rate_hz: rows per second; meaningless when there is one row.
    source: what it came from, for the result's notes.
    affect: [T or 1, 3] valence, arousal, dominance, -1..1.
    onset_s, decay_s: how long a face takes to show the emotion and to let it go.
    """

    embedding: FloatArray
    blendshape_offset: FloatArray
    strength: FloatArray
    probabilities: FloatArray
    rate_hz: float = 25.0
    source: str = "label: neutral"
    affect: FloatArray = field(default_factory=lambda: np.zeros((1, 3), np.float32))
    onset_s: float = 0.4
    decay_s: float = 0.8

    def __post_init__(self) -> None:
        _check_shape("EmotionCode.embedding", self.embedding, None, None)
        _check_shape("EmotionCode.affect", self.affect, None, 3)
        rows = len(self.embedding)
        _check_shape("EmotionCode.blendshape_offset", self.blendshape_offset, rows, BLENDSHAPE_COUNT)
        _check_shape("EmotionCode.strength", self.strength, rows)
        _check_shape("EmotionCode.probabilities", self.probabilities, rows, len(EMOTION_LABELS))

    def with_strength(self, strength: float) -> EmotionCode:
        """The same emotion at `strength` (0..1.5) throughout."""
        return dataclasses.replace(self, strength=np.full(len(self.embedding), strength, np.float32))

    def scaled(self, factor: float) -> EmotionCode:
        """The same emotion `factor` times as strong as it is of its own, within 0..1.5."""
        return dataclasses.replace(self, strength=np.clip(self.strength * factor, 0.0, MAX_STRENGTH))


@dataclass(frozen=True)
class FaceMotion:
    """What the face does over time: the waist of the system.

    blendshapes: [T,52] in `BLENDSHAPE_NAMES` order, useful range 0..1, kept within -0.5..1.5.
    pose: [T,6] relative to the portrait's own: axis-angle (rad; +x nods down, +y turns to the image's right, +z tilts
        counter-clockwise in the image), translation (x right, y up, z nearer) in face widths.
    fps: frames per second.
    emotion: [T,8] how the face reads, in the order of `EMOTION_LABELS`, sum 1; None where nobody knows.
    """

    blendshapes: FloatArray
    pose: FloatArray
    fps: float = 25.0
    emotion_probabilities: FloatArray | None = None

    def __post_init__(self) -> None:
        _check_shape("FaceMotion.blendshapes", self.blendshapes, None, BLENDSHAPE_COUNT)
        _check_shape("FaceMotion.pose", self.pose, len(self.blendshapes), 6)
        if self.emotion_probabilities is not None:
            _check_shape("FaceMotion.feeling", self.emotion_probabilities, len(self.blendshapes), len(EMOTION_LABELS))
        if not (np.isfinite(self.blendshapes).all() and np.isfinite(self.pose).all()):
            raise ValueError("FaceMotion holds values that are not finite")
        if not 0 < self.fps < np.inf:
            raise ValueError(f"fps must be positive, is {self.fps}")

    def __len__(self) -> int:
        return len(self.blendshapes)

    def moments(self, count: int) -> FaceMotion:
        """`count` frames, evenly spread, without those at the ends."""
        places = np.linspace(0, len(self) - 1, count + 2).round().astype(int)[1:-1]
        return FaceMotion(self.blendshapes[places], self.pose[places], self.fps)

    def save(self, path: str | Path) -> None:
        """Write the motion as a compressed `.npz`; MotionError when that is not possible."""
        try:
            with replaced_when_done(Path(path)) as scratch, open(scratch, "wb") as file:
                known = {"blendshapes": self.blendshapes, "pose": self.pose, "fps": np.array(self.fps)}
                if self.emotion_probabilities is not None:
                    known["feeling"] = self.emotion_probabilities
                np.savez_compressed(file, allow_pickle=False, **known)
        except OSError as error:
            raise MotionError(f"The motion can't be written to {path} ({error}).") from error

    @classmethod
    def load(cls, path: str | Path) -> FaceMotion:
        """Read what `save` wrote; MotionError when it is something else."""
        data = load_arrays(path, "motion", error=MotionError)
        try:
            motion = cls(data["blendshapes"], data["pose"], float(data["fps"]), data.get("feeling"))
            if len(motion) == 0:
                raise ValueError("it has no frames")
            return motion
        except (ValueError, TypeError, KeyError) as error:
            raise MotionError(f"{path} is not a motion file that Talker saved ({error}).") from error


@dataclass(frozen=True)
class Video:
    """Frames as they are made, and the sound that belongs to them.

    frames: iterator of [H,W,3] uint8 RGB.
    frame_count: how many will come.
    size: (width, height) px.
    speech: what is heard. sound_from: a film whose sound is heard instead, copied as it is where that is possible.
    times_s: [T] when each frame is shown, where that isn't every 1 / fps seconds.
    """

    frames: Iterator[ByteArray]
    frame_count: int
    fps: float
    size: tuple[int, int]
    speech: SpeechClip | None = None
    sound_from: Path | None = None
    times_s: FloatArray | None = None


@dataclass(frozen=True)
class Result:
    """What one run gave.

    video: path of the mp4.
    timings: seconds spent per stage.
    notes: what was heard, which fallback was used, which renderer made it.
    """

    video: Path
    motion: FaceMotion
    speech: SpeechClip
    emotion: EmotionCode
    options: SpeakOptions
    timings: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class VideoResult:
    """What editing, dubbing or driving with a film gave.

    video: path of the mp4. motion: what the face does in it. filmed: what the filmed face did, frame by frame.
    present: the emotion that was filmed. emotion: the wanted one; None where none was.
    timings: seconds spent per stage. notes: what a person may want to know.
    """

    video: Path
    motion: FaceMotion
    filmed: FaceMotion
    present: EmotionCode
    emotion: EmotionCode | None
    options: VideoOptions
    timings: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

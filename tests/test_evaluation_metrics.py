"""Each metric is perfect for a real clip against itself and gets worse under the damage that it is there for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from talker.evaluation import lip_metrics, picture_metrics
from talker.evaluation.film import Film
from talker.evaluation.metrics import METRICS, Measurement, Recorder, compare_films, computes, film_metrics
from talker.face.landmarks import OUTER_LIPS
from talker.types import ByteArray, FloatArray, TimedToken, Transcript
from talker.web.examples import SURPRISE

INNER_LIPS = [13, 14, 82, 312, 87, 317]
MOUTH = [*OUTER_LIPS, *INNER_LIPS]


class ColourRecogniser:
    """Stands in for the network of 100 MB: a face is the mean colour of its quarters."""

    def embed(self, image: ByteArray, landmarks: FloatArray) -> FloatArray:
        left, top, right, bottom = *landmarks[:, :2].min(0), *landmarks[:, :2].max(0)
        face = image[int(top) : int(bottom), int(left) : int(right)].astype(float) / 255
        return np.concatenate([part.mean(axis=(0, 1)) for part in np.array_split(face, 4)])


@pytest.fixture(scope="module")
def real() -> Film:
    """A film that ships with the page; a made-up transcript says p where its lips are nearest."""
    film = Film.of(SURPRISE)
    closed = film.time[int(np.argmin(lip_metrics.LipTrace.of_film(film).opening))]
    assert film.speech is not None
    phones = (TimedToken("AA", 0.1, closed - 0.02), TimedToken("P", closed - 0.02, closed + 0.02),
              TimedToken("AA", closed + 0.02, film.time[-1]))  # fmt: skip
    return film.with_speech(film.speech.with_transcript(Transcript((TimedToken("apa", 0.1, 1.0),), phones)))


@pytest.fixture(autouse=True)
def small_recogniser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_metrics, "recogniser", ColourRecogniser)


def each_frame(film: Film, change: Callable[[ByteArray, FloatArray], ByteArray]) -> Film:
    pairs = zip(film.frames, film.landmarks, strict=True)
    return dataclasses.replace(film, frames=[change(frame.copy(), places[:, :2]) for frame, places in pairs])


def shifted(film: Film) -> Film:
    """The picture comes a fifth of a second late."""
    order = np.maximum(np.arange(len(film)) - 5, 0)
    frames = [film.frames[index] for index in order]
    return Film(frames, film.landmarks[order], film.scores[order], film.fps, film.speech)


def frozen(film: Film) -> Film:
    """The mouth, half open, hardly moves."""
    landmarks, scores = film.landmarks.copy(), np.repeat(film.scores[:1], len(film), axis=0)
    centre = landmarks[:, MOUTH].mean(axis=1, keepdims=True)
    steady = (landmarks[:, MOUTH] - centre).mean(axis=0)
    landmarks[:, MOUTH] = centre + steady + 0.02 * (landmarks[:, MOUTH] - centre - steady)
    return Film([film.frames[0]] * len(film), landmarks, scores, film.fps, film.speech)


def other_person(film: Film) -> Film:
    return each_frame(film, lambda frame, _: np.ascontiguousarray(frame[:, :, ::-1] // 2))


def blurred_mouth(film: Film) -> Film:
    def blur(frame: ByteArray, places: FloatArray) -> ByteArray:
        part = picture_metrics.mouth_box(places, frame)
        frame[part] = cv2.GaussianBlur(frame[part], (0, 0), 3)
        return frame

    return each_frame(film, blur)


def jittered(film: Film) -> Film:
    noise = np.random.default_rng(0).normal(0, 1.5, film.landmarks.shape)
    return dataclasses.replace(film, landmarks=film.landmarks + noise)


def painted_teeth(film: Film) -> Film:
    def paint(frame: ByteArray, places: FloatArray) -> ByteArray:
        cv2.ellipse(frame, [int(v) for v in places[INNER_LIPS].mean(0)], (14, 4), 0, 0, 360, (255, 255, 255), -1)
        return frame

    return each_frame(film, paint)


def flickering(film: Film) -> Film:
    frames = [
        np.clip(frame * (1.05 if index % 2 else 1.0), 0, 255).astype(np.uint8)
        for index, frame in enumerate(film.frames)
    ]
    return dataclasses.replace(film, frames=frames)


def outlined(film: Film) -> Film:
    def cut(frame: ByteArray, places: FloatArray) -> ByteArray:
        outside = ~picture_metrics.face_area(places, frame)
        frame[outside] = (frame[outside] * 0.7).astype(np.uint8)
        return frame

    return each_frame(film, cut)


def parted_lips(film: Film) -> Film:
    """Lips that never meet."""
    landmarks = film.landmarks.copy()
    landmarks[:, [14, 87, 317], 1] += 8.0
    return dataclasses.replace(film, landmarks=landmarks)


def trembling_lips(film: Film) -> Film:
    """Lips open and shut in every other frame, whether something is said or not."""
    landmarks = film.landmarks.copy()
    landmarks[::2, [14, 87, 317], 1] += 6.0
    return dataclasses.replace(film, landmarks=landmarks)


DAMAGES: dict[Callable[[Film], Film], tuple[str, ...]] = {
    shifted: ("lips/opening_r", "lips/width_r", "lips/lag", "theval/lip_audio", "geometry/m_lmd",
              "geometry/expression"),
    frozen: ("lips/amplitude", "theval/lip_dynamics", "theval/mean", "emotion/agreement", "lips/opening_r"),
    other_person: ("picture/identity", "picture/face_psnr", "picture/perceptual"),
    blurred_mouth: ("picture/mouth_sharpness", "picture/mouth_psnr", "theval/mouth_quality", "picture/ssim",
                    "picture/sharpness", "theval/face_quality"),
    jittered: ("geometry/jitter", "geometry/landmarks", "geometry/f_lmd", "theval/head_dynamics",
               "theval/brow_dynamics"),
    painted_teeth: ("picture/mouth_psnr", "picture/perceptual", "picture/face_psnr", "theval/mouth_quality"),
    flickering: ("picture/flicker",),
    outlined: ("picture/seam",),
    parted_lips: ("lips/closures_kept", "geometry/m_lmd"),
    trembling_lips: ("theval/silent_lips", "geometry/jitter"),
}  # fmt: skip


def test_a_real_clip_against_itself_is_perfect_in_every_metric(real: Film) -> None:
    found = {one.metric: one.value for one in compare_films(real, real)}
    assert set(found) == set(film_metrics())
    for name, value in found.items():
        assert METRICS[name].miss(value) < (0.2 if "psnr" in name else 1e-6), f"{name} is {value}"


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_makes_its_metrics_worse(damage: Callable[[Film], Film], real: Film) -> None:
    for one in compare_films(damage(real), real, DAMAGES[damage]):
        assert METRICS[one.metric].miss(one.value) > 0.01 * max(1.0, abs(METRICS[one.metric].perfect)), one


def test_lips_that_never_open_close_where_they_should_not(real: Film) -> None:
    landmarks = real.landmarks.copy()
    landmarks[::3, [14, 87, 317]] = landmarks[::3, [13, 82, 312]]  # every third frame
    shut = dataclasses.replace(real, landmarks=landmarks)
    assert film_metrics()["lips/closures_added"](shut, real) > 0.1


def test_every_film_metric_has_a_damage() -> None:
    covered = {name for names in DAMAGES.values() for name in names} | {"lips/closures_added"}
    assert covered == set(film_metrics())


def test_measurements_are_means_with_their_error_and_leave_out_what_is_unknown() -> None:
    record = Recorder()
    record.add("lips/lag", [1.0, 3.0, float("nan")], "a")
    record.add("lips/lag", 2.0, "a")
    assert record.measurements == [Measurement("lips/lag", 2.0, "a", 3, pytest.approx(1 / np.sqrt(3)))]
    assert Measurement.mean("lips/lag", [float("nan")]).count == 0


def test_a_misspelt_metric_is_an_error() -> None:
    with pytest.raises(KeyError):
        Recorder().add("lips/lagg", 1.0)
    with pytest.raises(KeyError):
        computes("lips/lagg")


def test_bars_lie_on_the_perfect_side() -> None:
    assert METRICS["robustness/own"].reached(40.0) and not METRICS["robustness/own"].reached(33.0)
    assert METRICS["robustness/failures"].reached(0) and not METRICS["robustness/failures"].reached(1)
    assert METRICS["emotion/gain"].miss(2.0) < METRICS["emotion/gain"].miss(1.0)

"""What judges the renderer, tried on one photograph and on a film that the renderer made itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from talker.blendshapes import BLENDSHAPE_COUNT, BLENDSHAPE_INDEX, expand
from talker.data import film_motion
from talker.data.portraits import portrait_paths
from talker.errors import DataError, InputError
from talker.evaluation import bench, blendshape_fidelity, identity_under_pose, picture_metrics, reenactment, robustness
from talker.evaluation.command import EVALUATIONS, evaluate
from talker.evaluation.metrics import Recorder
from talker.evaluation.picture_metrics import face_area, laplacian, psnr
from talker.evaluation.pictures import Strip, save_strips
from talker.evaluation.portraits import spread
from talker.evaluation.recognition import SAME_PERSON, FaceRecogniser, distance
from talker.example_faces import ASTRONAUT
from talker.face.detector import FaceDetector
from talker.face.tracking import FaceTrack, track_frames
from talker.media.image import load_image
from talker.media.video import write_video
from talker.media.video_reader import open_video
from talker.options import SpeakOptions
from talker.portrait.analyse import analyse
from talker.render.crop import at_size
from talker.render.geometry_renderer import GeometryRenderer
from talker.render.own_expression import to_relative_expression
from talker.types import ByteArray, FaceMotion, FloatArray, Portrait, Video
from talker.weights import store

STILL = np.zeros(6, np.float32)


class ColourRecogniser:
    """Stands in for the network: a face is the mean colour of its quarters."""

    def embed(self, image: ByteArray, landmarks: FloatArray) -> FloatArray:
        left, top, right, bottom = *landmarks[:, :2].min(0), *landmarks[:, :2].max(0)
        face = image[int(top) : int(bottom), int(left) : int(right)].astype(float) / 255
        halves = [part for half in np.array_split(face, 2) for part in np.array_split(half, 2, axis=1)]
        return np.concatenate([part.mean(axis=(0, 1)) for part in halves])


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return at_size(analyse(skimage.data.astronaut()), "crop256")


@pytest.fixture(scope="module")
def renderer(portrait: Portrait) -> GeometryRenderer:
    return GeometryRenderer(portrait, SpeakOptions())


def test_sharpness_and_psnr_fall_with_blur(portrait: Portrait) -> None:
    blurred = (portrait.image[:, :-1] // 2 + portrait.image[:, 1:] // 2).astype(np.uint8)
    assert laplacian(blurred) < laplacian(portrait.image)
    assert psnr(blurred, portrait.image[:, 1:]) < psnr(portrait.image, portrait.image)


def test_as_asked_undoes_what_the_renderer_adds(portrait: Portrait, renderer: GeometryRenderer) -> None:
    asked = to_relative_expression(portrait.source_expression, portrait.source_expression)
    gaze = [row for name, row in BLENDSHAPE_INDEX.items() if name.startswith("eyeLook")]
    assert np.abs(asked[gaze]).max() < 1e-6
    area = face_area(portrait.landmarks, portrait.image)
    assert psnr(renderer.frame(asked, STILL)[area], portrait.image[area]) >= robustness.LEAST_PSNR


def test_a_film_that_the_renderer_made_is_reenacted(
    portrait: Portrait, renderer: GeometryRenderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jaw = np.linspace(0, 0.7, 16)  # still frames would be compared with compression noise
    motion = FaceMotion(jaw[:, None] * expand({"jawOpen": 1.0}), np.zeros((len(jaw), 6), np.float32))
    (tmp_path / "talking" / "mead").mkdir(parents=True)
    video = Video(renderer.render(motion), len(motion), motion.fps, renderer.size)
    write_video(video, tmp_path / "talking" / "mead" / "one.mp4")
    monkeypatch.setattr(film_motion, "track_video", _track_without_cache)
    monkeypatch.setattr(picture_metrics, "recogniser", ColourRecogniser)
    record = Recorder()
    reenactment.run(tmp_path, record, pictures=tmp_path / "pictures")
    assert record.mean("wins/clips", "picture/mouth_psnr") == record.mean("wins/clips", "geometry/landmarks") == 1
    assert record.mean("picture/mouth_psnr", "geometry") > record.mean("picture/mouth_psnr", "unmoved")
    assert load_image(record.pictures[0]).size > 0
    with pytest.raises(DataError, match="none of"):
        reenactment.run(tmp_path, Recorder(), tuning=True)


def _track_without_cache(path: Path) -> FaceTrack:
    video = open_video(path)
    return track_frames(video, video.frame_count, video.fps)


def test_a_photograph_survives_everything(portrait: Portrait) -> None:
    row = robustness.score_portrait("astronaut", portrait)
    assert row.failures == () and row.own >= robustness.LEAST_PSNR and row.long_way is None
    record = Recorder()
    robustness.summarise([row], record)
    assert record.mean("robustness/failures", "1 portraits") == 0 and record.notes == []


class BrokenRenderer:
    """Fails where a jaw opens and gives too small a frame when the head turns to the image's right."""

    size = (40, 30)

    def frame(self, expression: FloatArray, pose: FloatArray) -> ByteArray:
        if expression[BLENDSHAPE_INDEX["jawOpen"]]:
            raise IndexError("no jaw")
        return np.zeros((29 if pose[1] > 0 else 30, 40, 3), np.uint8)


def test_what_fails_is_named() -> None:
    failures = list(robustness.failures(BrokenRenderer()))
    assert failures[0] == "jawOpen: IndexError('no jaw')"
    assert len(failures) == 1 + sum(yaw > 0 for yaw, _, _ in robustness.POSES)


def test_head_poses_stay_within_the_range() -> None:
    degrees = np.degrees([robustness.head_pose(*pose)[:3] for pose in robustness.POSES])
    np.testing.assert_allclose(np.abs(degrees).max(axis=0), [10, 15, 10], rtol=1e-5)


def test_each_shape_explains_its_own_motion_best() -> None:
    motions = np.random.default_rng(0).normal(size=(BLENDSHAPE_COUNT, 30, 2))
    names = list(BLENDSHAPE_INDEX)
    for name in ("jawOpen", "tongueOut"):
        assert blendshape_fidelity.explaining(motions, 0.3 * motions[BLENDSHAPE_INDEX[name]], names) == name
    assert blendshape_fidelity.explaining(motions, np.zeros((30, 2)), names) == ""


def test_drawn_shapes_are_seen(portrait: Portrait, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("jawOpen", "browInnerUp", "eyeBlinkLeft", "cheekPuff")
    monkeypatch.setattr(blendshape_fidelity, "BLENDSHAPE_NAMES", names)
    monkeypatch.setattr(blendshape_fidelity, "OPTIONS", SpeakOptions(size="crop256"))
    tally = blendshape_fidelity.Tally()
    with FaceDetector() as detector:
        blendshape_fidelity.look(portrait, detector, tally, "astronaut")
    assert all(case.seen for case in [*tally.cases, *tally.mesh]) and tally.lost == []
    assert [len(tally.cases), len(tally.mesh)] == [6, 2]
    assert np.abs(tally.distances["lips apart"]).max() < 0.05
    record = Recorder()
    blendshape_fidelity.summarise(tally, record, "one")
    assert record.mean("shapes/seen", "one, all") == 1 and record.notes == []


def test_who_is_not_found_counts_as_another(portrait: Portrait) -> None:
    with FaceDetector() as detector:
        viewer = identity_under_pose.Viewer("astronaut", portrait, detector, ColourRecogniser())
        same = viewer.draw(
            "nothing", to_relative_expression(portrait.source_expression, portrait.source_expression), STILL
        )
    assert same.distance < 0.05
    lost = identity_under_pose.Drawn("nobody", "turned", np.nan, same.pictures)
    record = Recorder()
    for row in (same, lost):
        identity_under_pose.note(record, row)
    assert record.mean("identity/same", "turned") == 0 and record.notes == ["nobody turned: nan"]


@pytest.mark.skipif(not (store.cache_folder() / "face_recogniser").exists(), reason="its 100 MB are fetched to measure")
def test_the_recogniser_knows_a_mirrored_face(portrait: Portrait) -> None:
    recogniser = FaceRecogniser()
    mirrored = np.ascontiguousarray(portrait.image[:, ::-1])
    with FaceDetector() as detector:
        (face, *_) = detector.detect(mirrored)
    one = recogniser.embed(portrait.image, portrait.landmarks)
    assert distance(one, recogniser.embed(mirrored, face.landmarks)) < SAME_PERSON


def test_the_clock_knows_every_stage() -> None:
    costs = bench.frame_costs(ASTRONAUT, "crop256", 3)
    stages = {f"{stage} ms" for stage in (*bench.STAGES, bench.REST)}
    assert stages < set(costs) and min(costs.values()) > 0
    assert costs["processor ms"] == pytest.approx(sum(costs[stage] for stage in stages))
    assert 50 < costs["peak memory MB"] < 8000


def test_a_run_is_kept_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        bench, "median_costs", lambda portrait, size, seconds, repeats: {"whole s": float(seconds or 1)}
    )
    bench.bench(["crop256"], [5], keep=tmp_path / "before.json")
    monkeypatch.setattr(bench, "median_costs", lambda portrait, size, seconds, repeats: {"whole s": 2.0})
    bench.bench(["crop256"], [5], compare=tmp_path / "before.json")
    assert "0.40 x" in capsys.readouterr().out
    (tmp_path / "before.json").write_text("[1]")
    with pytest.raises(InputError, match="holds no measurements"):
        bench.bench(["crop256"], [], compare=tmp_path / "before.json")


def test_a_lively_motion_stays_in_range() -> None:
    motion = bench.lively_motion(30)
    assert motion.blendshapes.min() >= 0 and motion.blendshapes.max() <= 1 and np.abs(motion.pose).max() < 0.3


def test_portraits_are_found_and_spread(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="portraits"):
        portrait_paths(tmp_path)
    paths = [Path(f"{number}.jpg") for number in range(10)]
    assert [path.stem for path in spread(paths, 3)] == ["0", "3", "6"] and spread(paths, 20) == paths


def test_strips_of_any_size_make_one_picture(tmp_path: Path) -> None:
    strip = Strip("two", (np.zeros((10, 30, 3), np.uint8), np.zeros((50, 20, 3), np.uint8)))
    save_strips([strip] * 3, tmp_path / "new" / "strips.png")
    assert load_image(tmp_path / "new" / "strips.png").shape[2] == 3


def test_every_evaluation_loads_and_pictures_need_one_that_draws(tmp_path: Path) -> None:
    assert all(callable(job.load()) for job in EVALUATIONS.values())
    with pytest.raises(InputError, match="draws no pictures"):
        evaluate("voices", None, Recorder(), tmp_path)
    with pytest.raises(InputError, match="needs --data"):
        evaluate("robustness", None, Recorder())

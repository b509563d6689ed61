"""Talking films: who is followed, what an edit leaves alone, dubbing and driving, and the sound that stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data

from talker import SpeechClip, Talker
from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, expand
from talker.cli import main
from talker.emotion.labels import label_code
from talker.errors import FaceError, OptionsError
from talker.face.landmarks import LIPS
from talker.face.person import FaceChoice, find_person
from talker.face.tracking import track_frames
from talker.media.video import write_video
from talker.media.video_reader import frame_at, open_video
from talker.motion.editing import Performance, transferred, with_emotion
from talker.motion.retiming import source_frames
from talker.options import SpeakOptions, VideoOptions
from talker.portrait.analyse import analyse
from talker.portrait.video import track_person
from talker.render import video_renderer
from talker.render.video_renderer import SharedLook, VideoRenderer
from talker.types import ByteArray, Video

SMILE = BLENDSHAPE_INDEX["mouthSmileLeft"]
COUNT, FPS = 24, 25.0
PEOPLE = Path(__file__).parents[1] / "assets" / "people"


@pytest.fixture(scope="module")
def astronaut() -> ByteArray:
    return np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352])


@pytest.fixture(scope="module")
def film(astronaut: ByteArray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that glides, and a tone."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = [np.roll(astronaut, index // 2, axis=1) for index in range(COUNT)]
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(int(COUNT / FPS * 16000)) / 16000).astype(np.float32)
    write_video(Video(iter(frames), COUNT, FPS, (256, 256), SpeechClip(tone, 16000)), path)
    return path


@pytest.fixture(scope="module")
def talker() -> Talker:
    return Talker()


def packets(path: Path) -> list[bytes]:
    """The sound as it is stored."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def decoded(path: Path) -> list[ByteArray]:
    return list(open_video(path))


def performance(**shapes: float) -> Performance:
    """A face that holds an expression and talks."""
    rows = np.tile(expand(shapes), (100, 1)).astype(np.float32)
    rows[:, BLENDSHAPE_INDEX["jawOpen"]] = 0.2 + 0.2 * np.sin(np.arange(100))
    return Performance(rows, 25.0)


def test_strength_0_is_the_film_bit_for_bit(film: Path, talker: Talker) -> None:
    tracked = talker.track_video(film, VideoOptions())
    face, _, _ = talker.edited_face(tracked, "angry", VideoOptions(strength=0.0))
    for drawn, filmed in zip(VideoRenderer(tracked, SpeakOptions()).render(face), tracked.reader, strict=True):
        np.testing.assert_array_equal(drawn, filmed)


def test_an_edit_changes_the_face_and_nothing_else(film: Path, talker: Talker) -> None:
    tracked = talker.track_video(film, VideoOptions())
    face, _, wanted = talker.edited_face(tracked, "fear", VideoOptions())  # lifts brows furthest
    assert wanted is not None
    drawn = next(VideoRenderer(tracked, SpeakOptions()).render(face[10:11], np.array([10])))
    filmed = decoded(film)[10]
    left, top, right, bottom = tracked.portrait(10, filmed).face_box
    changed = np.abs(drawn.astype(int) - filmed).max(axis=2)
    assert changed[int(top) : int(bottom), int(left) : int(right)].max() > 60
    margin = 0.7 * (right - left)
    changed[int(max(0, top - margin)) : int(bottom + margin), int(max(0, left - margin)) : int(right + margin)] = 0
    assert changed.max() == 0
    brows = track_frames([drawn] * 3, 3, FPS).fit.expression[:, BLENDSHAPE_INDEX["browInnerUp"]].mean()
    assert brows > tracked.expressions[10, BLENDSHAPE_INDEX["browInnerUp"]] + 0.2


def test_a_raised_brow_leaves_mouth_and_lids_as_filmed(film: Path, talker: Talker) -> None:
    tracked = talker.track_video(film, VideoOptions())
    face = tracked.expressions[10:11].copy()
    face[0, BLENDSHAPE_INDEX["browInnerUp"]] += 0.3
    drawn = next(VideoRenderer(tracked, SpeakOptions()).render(face, np.array([10])))
    filmed, points = decoded(film)[10], tracked.track.landmarks[10, :, :2]
    changed = np.abs(drawn.astype(int) - filmed).max(axis=2)
    (left, top), (right, bottom) = points[list(LIPS)].min(0).astype(int), points[list(LIPS)].max(0).astype(int)
    assert changed[top:bottom, left:right].max() <= 6
    assert changed[: int(points[33, 1])].max() > 20


def test_the_present_emotion_is_taken_out_before_another_is_put_in() -> None:
    smiling, happy, sad = performance(mouthSmileLeft=0.6, mouthSmileRight=0.6), label_code("happy"), label_code("sad")
    taken = with_emotion(smiling, sad, 1.0, present=happy)
    assert taken[:, SMILE].max() < 0.2
    less = with_emotion(smiling, None, -1.0, present=happy)
    more = with_emotion(smiling, None, 0.5, present=happy)
    assert less[50, SMILE] < 0.1 < 0.6 < more[50, SMILE]
    untouched = with_emotion(smiling, sad, 0.0, present=happy)
    np.testing.assert_array_equal(untouched, smiling.blendshapes)


def test_what_the_film_does_not_show_is_not_taken_out() -> None:
    calm, angry = performance(), label_code("angry")
    less = with_emotion(calm, None, -1.0, present=angry)
    others = [row for name, row in BLENDSHAPE_INDEX.items() if name.startswith("brow")]
    assert np.abs(less[:, others]).max() < 0.05


def test_blinks_stay_shut_in_a_surprised_face() -> None:
    talk = performance()
    talk.blendshapes[40:44, [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]] = 0.95
    face = with_emotion(talk, label_code("surprised"), 1.0, present=label_code("neutral"))
    lid, wide = BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeWideLeft"]
    assert face[41, lid] > 0.85
    assert face[41, wide] < 0.1 < face[20, wide]


@pytest.mark.parametrize(
    ("longer", "expected"),
    [
        ("loop", [0, 1, 2, 3, 0, 1, 2, 3, 0]),
        ("hold", [0, 1, 2, 3, 3, 3, 3, 3, 3]),
        ("ping-pong", [0, 1, 2, 3, 2, 1, 2, 3, 2]),
    ],
)
def test_longer_speech_goes_on_as_asked(longer: str, expected: list[int]) -> None:
    assert source_frames(4, 9, longer, back=2).tolist() == expected
    assert source_frames(4, 3, longer, back=2).tolist() == [0, 1, 2]


def test_films_are_drawn_from_frames_that_start_again_or_run_back(film: Path, talker: Talker) -> None:
    tracked = talker.track_video(film, VideoOptions())
    frames = decoded(film)
    for numbers in ([21, 22, 23, 22, 21, 22], [22, 23, 0, 1], [5, 5, 5]):
        drawn = VideoRenderer(tracked, SpeakOptions()).render(tracked.expressions[numbers], np.array(numbers))
        for picture, number in zip(drawn, numbers, strict=True):
            np.testing.assert_array_equal(picture, frames[number])


def test_the_sound_of_an_edited_film_is_copied_as_it_is(film: Path, talker: Talker, tmp_path: Path) -> None:
    result = talker.edit(film, "happy", options=VideoOptions(strength=0.5), out=tmp_path / "out.mp4")
    assert packets(result.video) == packets(film)
    assert open_video(result.video).frame_count == COUNT
    assert len(result.motion) == len(result.filmed) == COUNT


def test_irregular_frames_keep_their_times(film: Path, tmp_path: Path) -> None:
    times = np.cumsum([0.0, *np.tile([0.02, 0.07], 11)])
    frames = decoded(film)[: len(times)]
    path = tmp_path / "irregular.mp4"
    write_video(Video(iter(frames), len(frames), 22.0, (256, 256), times_s=times, sound_from=film), path)
    reader = open_video(path)
    assert not reader.is_regular
    np.testing.assert_allclose(reader.times_s, times, atol=2e-4)
    assert packets(path)


def test_a_dubbed_mouth_follows_the_new_sound(film: Path, talker: Talker, tmp_path: Path) -> None:
    speech = talker.load_speech(text="Mama, papa, aha!")
    result = talker.dub(film, speech, options=VideoOptions(longer="ping-pong"), out=tmp_path / "dubbed.mp4")
    assert abs(len(result.motion) / result.motion.fps - speech.duration_s) <= 1 / FPS
    asked = talker.components.speech_motion(speech, SpeakOptions(fps=FPS)).blendshapes
    jaw = BLENDSHAPE_INDEX["jawOpen"]
    count = min(len(asked), len(result.motion))
    assert np.corrcoef(asked[:count, jaw], result.motion.blendshapes[:count, jaw])[0, 1] > 0.95
    brow = BLENDSHAPE_INDEX["browInnerUp"]
    numbers = source_frames(COUNT, len(result.motion), "ping-pong", 50)
    np.testing.assert_allclose(result.motion.blendshapes[:, brow], result.filmed.blendshapes[numbers, brow], atol=0.02)


def test_a_portrait_does_what_the_film_does(film: Path, talker: Talker, tmp_path: Path) -> None:
    portrait = PEOPLE / "sfhq_154.jpg"
    settings = SpeakOptions(size="crop256", head=0.5)
    result = talker.drive(portrait, film, options=settings, out=tmp_path / "driven.mp4")
    assert packets(result.video) == packets(film)
    moved = result.motion.pose[:, 3]
    assert np.corrcoef(moved, np.arange(COUNT))[0, 1] > 0.95  # glides as the filmed face does
    assert open_video(result.video).frame_count == COUNT


def test_the_chosen_of_two_people_is_followed(astronaut: ByteArray) -> None:
    small = astronaut[::2, ::2]
    frames = []
    for index in range(30):
        frame = np.full((256, 700, 3), 70, np.uint8)
        frame[:, 400 - 2 * index : 656 - 2 * index] = astronaut
        frame[60:188, 10 + 2 * index : 138 + 2 * index] = small
        frames.append(frame)
    largest = find_person(frames, FPS)
    assert largest.people == 2
    assert (largest.rows[:, 1] > 400).all()
    for choice in (FaceChoice(index=1), FaceChoice(point=(1.0, 120.0, 120.0))):
        other = find_person(frames, FPS, choice)
        assert (other.rows[:, 1] < 250).all()
        assert len(other.rows) == 3
    with pytest.raises(FaceError, match="Face 4 was asked for, but at most 2 faces"):
        find_person(frames, FPS, FaceChoice(index=3))


def test_cuts_and_lost_faces_are_known_and_left_alone(astronaut: ByteArray, tmp_path: Path) -> None:
    wall = np.full_like(astronaut, 120)
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    path = tmp_path / "cuts.mp4"
    frames = [*[astronaut] * 14, *[wall] * 12, *[mirrored] * 14]
    write_video(Video(iter(frames), len(frames), FPS, (256, 256)), path)
    tracked = track_person(path)
    assert tracked.track.shots == (0, 14, 26)
    usable = tracked.usable()
    assert usable[:14].min() > 0.9
    assert usable[14:26].max() == 0
    assert usable[26:].min() > 0.9


def test_a_turned_film_is_worked_on_upright(astronaut: ByteArray, talker: Talker, tmp_path: Path) -> None:
    path = tmp_path / "lying.mp4"
    lying = np.ascontiguousarray(np.rot90(astronaut[:240]))
    write_video(Video(iter([lying] * 6), 6, FPS, (lying.shape[1], lying.shape[0])), path)
    tracked = talker.track_video(path, VideoOptions())
    assert tracked.reader.quarter_turns == 3
    result = talker.edit(path, "happy", out=tmp_path / "out.mp4")
    assert open_video(result.video).size == (lying.shape[1], lying.shape[0])


def test_a_frame_is_found_by_its_time(film: Path) -> None:
    image, length = frame_at(film, 0.5)
    assert length == pytest.approx(COUNT / FPS, abs=0.1)
    errors = [np.abs(image.astype(int) - frame).mean() for frame in decoded(film)]
    assert int(np.argmin(errors)) in (12, 13)


@pytest.mark.parametrize("wrong", [{"strength": 2.5}, {"strength": -1.5}, {"longer": "twice"}, {"face_index": -1}])
def test_wrong_settings_are_named(wrong: dict[str, float | str]) -> None:
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        VideoOptions(**wrong)  # type: ignore[arg-type]


def test_the_command_line_edits(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sad.mp4"
    assert main(["edit", str(film), "--emotion", "sad", "--strength", "0.6", "--out", str(out)]) == 0
    assert "Feeling: label: sad" in capsys.readouterr().out
    assert open_video(out).frame_count == COUNT
    assert main(["edit", str(film), "--own", "--strength", "3", "--out", str(out)]) == 2
    assert main(["dub", str(film), "--text", "Hi!", "--out", str(film)]) == 2
    assert "would be lost" in capsys.readouterr().err


def test_help_of_the_film_verbs_opens_without_heavy_packages() -> None:
    script = "import sys; from talker.cli import main\ntry: main(['edit', '--help'])\nexcept SystemExit: pass\n"
    script += "assert not {'av', 'cv2', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_folds_of_a_smile_go_with_it(astronaut: ByteArray, monkeypatch: pytest.MonkeyPatch) -> None:
    portrait = analyse(astronaut)
    look, rest = SharedLook.of([portrait], [], SpeakOptions()), portrait.source_expression
    calm = rest * np.array([not name.startswith(("mouth", "cheek")) for name in BLENDSHAPE_NAMES])
    raised = rest + 0.4 * expand({"browInnerUp": 1.0}).astype(np.float32)
    drawn, unmoved = look.draw(portrait, calm), look.draw(portrait, raised)
    monkeypatch.setattr(video_renderer, "LEAST_LET_GO", 2.0)
    folded = look.draw(portrait, calm)
    np.testing.assert_array_equal(look.draw(portrait, raised), unmoved)
    changed = np.abs(drawn.astype(int) - folded).max(axis=2)
    assert changed[int(portrait.landmarks[5, 1]) :].max() > 15  # below the nose's ridge
    assert changed[: int(portrait.landmarks[10, 1])].max() == 0  # above the forehead


def test_lowered_brows_are_not_raised_by_the_film() -> None:
    raised = BLENDSHAPE_INDEX["browOuterUpLeft"]
    for label, lower in (("angry", True), ("sad", False), ("happy", False)):
        face = with_emotion(performance(), label_code(label), 1.0, present=label_code("neutral"))
        asked = label_code(label).blendshape_offset[0, raised]
        assert (face[50, raised] < asked - 0.1) == lower


def test_an_edit_leaves_the_gaze_as_filmed() -> None:
    talk = performance(eyeLookUpLeft=0.3)
    face = with_emotion(talk, label_code("sad"), 1.0, present=label_code("neutral"))
    gaze = [row for name, row in BLENDSHAPE_INDEX.items() if name.startswith("eyeLook")]
    np.testing.assert_allclose(face[:, gaze], talk.blendshapes[:, gaze], atol=1e-5)


def test_lips_that_meet_in_a_film_meet_on_another_face() -> None:
    """A talker whose lips are mostly parted: what counts as rest is when they meet."""
    talk = performance()
    carried = transferred(talk, relative=True)
    jaw = BLENDSHAPE_INDEX["jawOpen"]
    assert np.corrcoef(carried[:, jaw], talk.blendshapes[:, jaw])[0, 1] > 0.999
    assert abs(carried[:, jaw].min()) < 0.05
    assert carried[:, jaw].max() > 0.3


def test_the_path_of_a_calm_clip_is_not_written_into_films() -> None:
    assert "secret" not in repr(VideoOptions(calm="secret/calm.mp4"))

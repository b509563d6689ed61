"""The entry points: `Talker` with small stand-ins for the heavy components, and the command line over it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stand_ins import RATE, FakeComponents

from talker import FaceMotion, SpeakOptions, SpeechClip, Talker, TalkerError, pipeline
from talker.cli import main
from talker.emotion.resolve import EmotionRequest
from talker.errors import CancelledError, InputError
from talker.media import provenance, video_reader
from talker.media.audio import load_speech


@pytest.fixture
def components() -> FakeComponents:
    return FakeComponents()


@pytest.fixture
def talker(components: FakeComponents) -> Talker:
    return Talker(components.as_components())


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    Image.new("RGB", (80, 96), "brown").save(path)
    return path


def test_speak_writes_the_video_and_says_how(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    result = talker.speak(
        portrait, text="Hello", emotion="happy", out=tmp_path / "out.mp4", progress=lambda *step: done.append(step)
    )
    reader = video_reader.open_video(result.video)
    assert (reader.size, reader.fps, reader.frame_count) == ((80, 96), 25.0, 25)
    assert done[-1] == (25, 25)
    assert result.emotion.source == "label: happy"
    assert set(result.timings) == {"portrait", "speech", "emotion", "motion", "preparation", "rendering"}
    assert any("Hello" in note for note in result.notes)
    assert any("2 faces" in note for note in result.notes)


def test_a_portrait_is_analysed_and_prepared_once(
    talker: Talker, components: FakeComponents, portrait: Path, tmp_path: Path
) -> None:
    for name in ("one.mp4", "two.mp4"):
        talker.speak(portrait, text="Hello", out=tmp_path / name)
    talker.speak(portrait, text="Hello", out=tmp_path / "three.mp4", options=SpeakOptions(size="crop256"))
    assert components.calls.count("analyse") == 1
    assert components.calls.count("renderer") == 2


def test_a_picture_that_is_known_is_not_decoded_again(
    talker: Talker, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known by what its file holds, wherever it lies: the page asks for the same face with every preview."""
    first = talker.analyze_portrait(portrait)
    (tmp_path / "copy.png").write_bytes(portrait.read_bytes())
    monkeypatch.setattr(pipeline, "load_image", lambda picture: pytest.fail(f"{picture} is decoded again"))
    assert talker.analyze_portrait(tmp_path / "copy.png") is first


def test_another_picture_under_the_same_name_is_another_portrait(talker: Talker, portrait: Path) -> None:
    first = talker.analyze_portrait(portrait)
    Image.new("RGB", (90, 96), "green").save(portrait)
    assert talker.analyze_portrait(portrait).image.shape != first.image.shape
    flat = np.zeros((80, 80, 3), np.uint8)
    assert talker.analyze_portrait(flat) is talker.analyze_portrait(flat.copy())
    palette = Image.new("P", (80, 80))
    assert talker.analyze_portrait(palette) is talker.analyze_portrait(palette.copy())


def test_speech_without_a_transcript_is_listened_to(
    talker: Talker, components: FakeComponents, portrait: Path, tmp_path: Path
) -> None:
    silent_words = SpeechClip(np.full(RATE, 0.1, np.float32), RATE)
    result = talker.speak(portrait, silent_words, out=tmp_path / "out.mp4")
    assert "transcribe" in components.calls
    assert any("not trusted" in note for note in result.notes)


def test_the_options_scale_what_an_emotion_has_of_its_own(talker: Talker) -> None:
    speech = talker.load_speech(text="Hello")
    weak = talker.encode_emotion("sad").with_strength(0.5)
    for code, strength, shown in ((weak, 1.0, 0.5), (weak, 0.5, 0.25), (weak.with_strength(1.5), 1.5, 1.5)):
        motion = talker.animate(speech, code, SpeakOptions(strength=strength))
        assert motion.blendshapes == pytest.approx(0.5 * shown)  # the stand-in opens the mouth by half the strength


@pytest.mark.parametrize(("speech", "text"), [(None, None), ("speech.wav", "Hello")])
def test_exactly_one_of_speech_and_text(talker: Talker, speech: str | None, text: str | None) -> None:
    with pytest.raises(InputError, match="either speech or text"):
        talker.load_speech(speech, text)


def test_cancelling_leaves_no_video(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    def cancel(done: int, total: int) -> None:
        if done == 3:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        talker.speak(portrait, text="Hello", out=tmp_path / "results" / "out.mp4", progress=cancel)
    assert list((tmp_path / "results").iterdir()) == []


def command(portrait: Path, folder: Path, *more: str) -> list[str]:
    return ["speak", "--portrait", str(portrait), "--text", "Hello", "--out", str(folder / "out.mp4"), *more]


def test_command_line_writes_all_files_and_repeats_itself(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    for run in ("one", "two"):
        extra = [f"--motion={tmp_path / run / 'm.npz'}", f"--csv={tmp_path / run / 'm.csv'}", "--seed=7"]
        assert main(command(portrait, tmp_path / run, "--emotion", "sad", "--strength", "0.8", *extra), talker) == 0
    for name in ("m.npz", "m.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    motion = FaceMotion.load(tmp_path / "one" / "m.npz")
    assert motion.blendshapes == pytest.approx(0.4)


def test_a_preview_is_a_short_animation(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    assert main(command(portrait, tmp_path, f"--preview={tmp_path / 'preview.gif'}"), talker) == 0
    with Image.open(tmp_path / "preview.gif") as preview:
        assert preview.size == (200, 240)
        assert preview.n_frames == 12


@pytest.mark.parametrize("suffix", ["png", "mp4"])
def test_a_sheet_shows_all_eight_feelings(talker: Talker, portrait: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"sheet.{suffix}"
    assert main(["sheet", "--portrait", str(portrait), "--text", "Hello", "--out", str(out)], talker) == 0
    if suffix == "png":
        with Image.open(out) as sheet:
            assert sheet.size == (6 * round(256 * 80 / 96), 8 * (256 + 24))
        return
    reader = video_reader.open_video(out)
    assert reader.size == (4 * 266, 2 * 320)
    assert reader.frame_count == 25
    assert load_speech(out).duration_s == pytest.approx(1.0, abs=0.05)
    assert provenance.is_generated(out)


def test_flags_win_over_the_settings_file(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    SpeakOptions(strength=1.0, fps=10).save(tmp_path / "settings.json")
    more = [f"--options={tmp_path / 'settings.json'}", "--strength=0.2", f"--motion={tmp_path / 'm.npz'}"]
    assert main(command(portrait, tmp_path, *more), talker) == 0
    motion = FaceMotion.load(tmp_path / "m.npz")
    assert motion.fps == 10
    assert motion.blendshapes == pytest.approx(0.1)


@pytest.mark.parametrize(
    "more",
    [
        ["--portrait=absent.png"],
        ["--emotion=grumpy"],
        ["--strength=2"],
        ["--strength=strong"],
        ["--seed=-1"],
        ["--size=huge"],
        ["--renderer=magic"],
        ["--options=absent.json"],
        ["--speech=also.wav"],
        ["--out=film.avi"],
        ["--motion=portrait.png/m.npz"],
        ["--nonsense"],
    ],
    ids=lambda more: more[0],
)
def test_command_line_errors_are_one_line(
    talker: Talker,
    portrait: Path,
    tmp_path: Path,
    more: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = main(command(portrait, tmp_path, *more), talker)
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("talker: ")
    assert captured.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["portrait.png"]


def test_slips_of_our_own_are_not_hidden(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    talker.components.__dict__["say"] = lambda *arguments: 1 / 0
    with pytest.raises(ZeroDivisionError):
        main(command(portrait, tmp_path), talker)


def test_the_family_of_errors_is_exported() -> None:
    with pytest.raises(TalkerError):
        Talker().analyze_portrait("absent.png")


def test_a_preview_is_a_still_of_the_feeling_and_prepares_once(
    talker: Talker, components: FakeComponents, portrait: Path
) -> None:
    face = talker.analyze_portrait(portrait)
    strong, weak = (talker.preview(face, "happy", SpeakOptions(strength=strength)) for strength in (1.5, 0.5))
    assert strong.shape == face.image.shape
    assert strong[40, 40, 0] > weak[40, 40, 0]
    assert components.calls.count("renderer") == 1


def test_requests_are_read_from_their_source(talker: Talker, components: FakeComponents) -> None:
    assert talker.encode_emotion(EmotionRequest("text", "happy")).source == "label: happy"
    assert "read text" in components.calls


def test_tags_in_the_text_are_felt_and_not_spoken(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    result = talker.speak(portrait, text="[sad] Hello", emotion="happy", out=tmp_path / "out.mp4")
    assert result.speech.transcript is not None
    assert result.speech.transcript.text == "Hello"
    assert "sad" in result.emotion.source


def test_several_threads_prepare_once_and_get_their_own(
    talker: Talker, components: FakeComponents, portrait: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 72), "green").save(tmp_path / "other.png")
    pictures = [portrait, tmp_path / "other.png"] * 8
    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(lambda path: talker.analyze_portrait(path).image.shape[:2], pictures))
    assert sizes == [(96, 80), (72, 64)] * 8
    assert components.calls.count("analyse") == 2


def test_a_comparison_has_a_row_per_portrait_emotion_and_strength(
    talker: Talker, portrait: Path, tmp_path: Path
) -> None:
    out = tmp_path / "comparison.png"
    words = ["compare", "--portrait", str(portrait), "--also", str(portrait), "--text", "Hello", "--out", str(out)]
    assert main([*words, "--emotions", "happy", "sad", "--strengths", "0.5", "1", "1.5"], talker) == 0
    with Image.open(out) as sheet:
        assert sheet.height == 2 * 2 * 3 * (256 + 24)
    assert main([*words, "--emotion", "happy", "--emotion", "sad", "--strengths", "1"], talker) == 0
    with Image.open(out) as sheet:
        assert sheet.height == 2 * 2 * (256 + 24)


def test_landmarks_are_written_and_drawn(talker: Talker, portrait: Path, tmp_path: Path) -> None:
    extra = [f"--landmarks={tmp_path / 'l.npz'}", f"--landmark-video={tmp_path / 'l.mp4'}"]
    assert main(command(portrait, tmp_path, *extra), talker) == 0
    with np.load(tmp_path / "l.npz") as saved:
        frames = len(saved["landmarks_478"])
    assert video_reader.open_video(tmp_path / "l.mp4").frame_count == frames > 0

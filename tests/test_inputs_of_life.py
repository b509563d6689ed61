"""Files on which Talker once crashed, hung, ran out of memory or misunderstood people; `tests/data/failing` holds them.

Each stands for its whole kind. All were made from generated pictures and synthetic speech.
"""

import io
import json
import resource
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from talker import Talker
from talker.batch import read_manifest
from talker.emotion.labels import label_code
from talker.emotion.resolve import EmotionRequest, resolve
from talker.emotion.timeline import load_timeline
from talker.errors import (
    AudioError,
    CoveredMouthError,
    EmotionError,
    ImageError,
    InputError,
    MotionError,
    OptionsError,
    VideoError,
)
from talker.face import tracking
from talker.limits import (
    MOTION_BYTES,
    SOUND_CHANNELS,
    WORKING_PIXELS,
)
from talker.media import audio, image, video, video_reader
from talker.media.channels import mixing_weights
from talker.options import SpeakOptions
from talker.types import FaceMotion, FloatArray, SpeechClip, Video

FAILING = Path(__file__).resolve().parent / "data" / "failing"
RATE = 16000
NAMELESS = ("NONE",) * 9


def voice(seconds: float = 1.0) -> FloatArray:
    """Noise [N] in bursts, at -20 dBFS."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * RATE))
    return (0.1 * noise * (np.sin(np.arange(len(noise)) / 1000) > 0)).astype(np.float32)


def decibels(samples: FloatArray) -> float:
    return float(20 * np.log10(samples.std()))


@pytest.mark.parametrize("channels", [2, 7, 8, 9, 16, SOUND_CHANNELS])
def test_any_number_of_channels_is_read_at_the_speakers_level(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "conference.wav"
    spread = np.zeros((RATE, channels), np.float32)
    spread[:, channels - 1] = voice()
    soundfile.write(path, spread, RATE, subtype="FLOAT")
    assert np.allclose(audio.load_speech(path).samples, voice(), atol=1e-6)


def test_a_sound_of_nine_channels_is_read_at_all() -> None:
    assert audio.load_speech(FAILING / "segfault_9_channels.wav").duration_s == pytest.approx(0.125)


def test_more_channels_than_anybody_has_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "many.wav", np.zeros((RATE, SOUND_CHANNELS + 1)), RATE)
    with pytest.raises(AudioError, match=r"many\.wav has 65 channels"):
        audio.load_speech(tmp_path / "many.wav")


def test_channels_that_cancel_one_another_leave_the_louder_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.stack((voice(), -0.9 * voice()), axis=1), RATE, subtype="FLOAT")
    assert np.allclose(audio.load_speech(tmp_path / "stereo.wav").samples, voice(), atol=1e-6)


def test_a_silent_channel_is_ignored() -> None:
    clip = audio.load_speech(FAILING / "stereo_right_only.wav")
    both, _ = soundfile.read(FAILING / "stereo_right_only.wav")
    assert np.abs(both[:, 0]).max() == 0
    assert np.allclose(clip.samples, both[:, 1], atol=1e-4), "as loud as the channel that speaks"


def test_two_speakers_on_two_channels_are_both_heard() -> None:
    weights = mixing_weights(np.diag([0.04, 0.01]), NAMELESS[:2])
    assert weights[0] == weights[1] > 0.5
    assert weights @ np.diag([0.04, 0.01]) @ weights == pytest.approx(0.04), "as loud as the louder one"


def test_the_centre_of_a_surround_mix_comes_first_and_effects_in_the_bass_are_left_out() -> None:
    names = ("FL", "FR", "FC", "LFE", "SL", "SR")
    weights = dict(zip(names, mixing_weights(np.diag([1.0, 1.0, 1.0, 9.0, 0.0, 0.0]), names), strict=True))
    assert weights["FC"] > weights["FL"] == weights["FR"] > 0
    assert weights["LFE"] == weights["SL"] == 0


def test_speech_in_the_centre_keeps_its_level() -> None:
    clip = audio.load_speech(FAILING / "surround51_speech_in_centre.mkv")
    assert decibels(clip.samples) == pytest.approx(-27.8, abs=0.5)


def test_the_first_track_that_speaks_is_taken() -> None:
    clip = audio.load_speech(FAILING / "two_tracks_first_silent.mkv")
    assert clip.duration_s == pytest.approx(1.96, abs=0.05)
    assert decibels(clip.samples) == pytest.approx(-27.9, abs=0.5)


@pytest.mark.parametrize("name", ["fuzz_audio_1892_int_a.m4a", "eps_loop.jpg", "face.heic"])
def test_what_is_no_sound_is_refused(name: str) -> None:
    with pytest.raises(AudioError, match=name):
        audio.load_speech(FAILING / name)


@pytest.mark.parametrize("name", ["eps_loop.jpg", "fuzz_image_1389_flip_a.avif", "sparse3years.mkv"])
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(ImageError, match=name):
        image.load_image(FAILING / name)


def test_postscript_never_reaches_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("Ghostscript was started")

    Image.preinit()
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", run)
    with pytest.raises(ImageError, match="not a picture"):
        image.load_image((FAILING / "eps_loop.jpg").read_bytes())


def test_years_between_two_frames_take_no_memory() -> None:
    with pytest.raises(VideoError, match="longer than 10 minutes"):
        video_reader.open_video(FAILING / "sparse3years.mkv", fps=25)


def test_too_many_frames_are_counted_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.mp4"
    video.write_video(Video(iter([np.zeros((64, 64, 3), np.uint8)] * 20), 20, 25.0, (64, 64)), path)
    monkeypatch.setattr(video_reader, "VIDEO_FRAMES", 10)
    with pytest.raises(VideoError, match="more than 10 frames"):
        video_reader.open_video(path)


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXTINF:1,\nother.wav\n",
        "ffconcat version 1.0\nfile other.wav\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    ],
    ids=["hls", "concat", "sdp"],
)
def test_playlists_open_no_other_file(tmp_path: Path, content: str) -> None:
    soundfile.write(tmp_path / "other.wav", voice(), RATE)
    for name in ("list.wav", "list.m3u8", "list.ffconcat", "list.sdp"):
        (tmp_path / name).write_text(content)
        with pytest.raises(AudioError, match="not a sound"):
            audio.load_speech(tmp_path / name)


def test_names_mean_nothing_to_the_decoder(tmp_path: Path) -> None:
    for name in ("a%03d.wav", "concat:b.wav|c.wav", "-y.wav", "中文 — 📷.wav"):
        soundfile.write(tmp_path / "plain.wav", voice(), RATE)
        (tmp_path / "plain.wav").rename(tmp_path / name)
        assert audio.load_speech(tmp_path / name).duration_s == 1


def test_photographs_of_phones_are_read() -> None:
    """The first is a HEIC, as iPhones write them; the same face was a JPEG."""
    phone, plain = (image.load_image(FAILING / name).astype(int) for name in ("face.heic", "ordinary_face.jpg"))
    assert np.abs(phone - plain).mean() < 4


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (8192, 6144)), ("PNG", (6000, 5000))])
def test_huge_photographs_are_read_smaller(tmp_path: Path, kind: str, size: tuple[int, int]) -> None:
    path = tmp_path / "huge"
    Image.new("RGB", size, "teal").save(path, kind)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = image.load_image(path)
    assert read.shape == (size[1] // 2, size[0] // 2, 3)
    assert read.shape[0] * read.shape[1] <= WORKING_PIXELS
    assert read[100, 100].tolist() == pytest.approx([0, 128, 128], abs=3)
    assert kind == "PNG" or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kB"


def test_damage_inside_a_photograph_is_told() -> None:
    assert "damaged_inside.jpg is damaged" in image.damage_note(FAILING / "damaged_inside.jpg")
    assert image.damage_note(FAILING / "ordinary_face.jpg") == image.damage_note(FAILING / "face.heic") == ""
    with pytest.raises(CoveredMouthError, match="is damaged"):  # its shifted parts lie over the mouth
        Talker().analyze_portrait(FAILING / "damaged_inside.jpg")


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """The limit on file sizes stands in for the disk: FFmpeg meets the same failing writes, from the header on."""
    frames = np.random.default_rng(0).integers(0, 256, (60, 128, 128, 3), np.uint8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (0, 40, 20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            with pytest.raises(VideoError, match="can't be written"):
                clip = SpeechClip(voice(2.4), RATE)
                video.write_video(Video(iter(frames), 60, 25.0, (128, 128), clip), tmp_path / "out.mp4")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["deflate_flip.npz", "shape_1e9.npz"])
def test_broken_motions_are_refused_before_memory_is_asked_for(name: str) -> None:
    with pytest.raises(MotionError, match=name):
        FaceMotion.load(FAILING / name)


@pytest.mark.parametrize("claimed", [(10**9, 52), (-1, 52), (2**62, 2**62)])
def test_arrays_are_no_larger_than_their_file(tmp_path: Path, claimed: tuple[int, int]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": claimed})
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("blendshapes.npy", header.getvalue() + bytes(64))
    with pytest.raises(MotionError, match=r"m\.npz"):
        FaceMotion.load(tmp_path / "m.npz")


def test_zip_bombs_are_no_motions(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("blendshapes.npy", bytes(MOTION_BYTES + 1))
    with pytest.raises(MotionError, match="unpacks to more"):
        FaceMotion.load(tmp_path / "m.npz")


def test_a_kept_track_that_is_broken_is_made_anew(tmp_path: Path) -> None:
    """Bytes are flipped in the middle, as `corrupt_track.npz` had it, and the file is cut."""
    np.savez_compressed(tmp_path / "track.npz", landmarks=np.random.default_rng(0).standard_normal((99, 478, 3)))
    content = bytearray((tmp_path / "track.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    for broken in (bytes(content), bytes(content[:-500]), b""):
        (tmp_path / "track.npz").write_bytes(broken)
        assert tracking.from_cache(tmp_path / "track.npz") is None


def test_settings_that_are_nested_too_deep_are_refused(tmp_path: Path) -> None:
    for content in ("[" * 50_000 + "]" * 50_000, '{"a":' * 20_000, "NaN", '{"strength": Infinity}', "9" * 5000):
        (tmp_path / "deep.json").write_text(content)
        with pytest.raises(OptionsError, match=r"deep\.json"):
            SpeakOptions.load(tmp_path / "deep.json")
        with pytest.raises(EmotionError, match=r"deep\.json"):
            load_timeline(tmp_path / "deep.json", 2.0, label_code)
        with pytest.raises(InputError, match=r"deep\.json"):
            read_manifest(tmp_path / "deep.json")


def test_timelines_may_begin_with_a_byte_order_mark() -> None:
    assert load_timeline(FAILING / "timeline_with_bom.json", 2.0, label_code).source.startswith("timeline: ")


@pytest.mark.parametrize("start", ["NaN", "1e999", "-1", '"soon"', "null"])
def test_timelines_start_at_numbers(tmp_path: Path, start: str) -> None:
    (tmp_path / "t.json").write_text(f'[{{"start_s": {start}, "emotion": "happy"}}]')
    with pytest.raises(EmotionError):
        load_timeline(tmp_path / "t.json", 2.0, label_code)
    with pytest.raises(EmotionError):
        load_timeline(FAILING / "timeline_nan.json", 2.0, label_code)


def test_rows_beyond_the_end_are_told(tmp_path: Path) -> None:
    rows = [{"start_s": second, "emotion": emotion} for second, emotion in ((0, "happy"), (9, "sad"), (10, "fear"))]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    code = load_timeline(tmp_path / "t.json", 2.0, label_code)
    assert "2 more would start after the end, at 2.0 s" in code.source
    assert "sad" not in code.source


def test_a_picture_may_stand_where_a_video_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talker.emotion.picture.picture_code", lambda *_, **__: label_code("sad"))
    code = resolve(EmotionRequest("video", str(FAILING / "ordinary_face.jpg")))
    assert code.source == "label: sad"


def test_moving_pictures_are_no_pictures(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert not image.is_picture(tmp_path / "moving.gif")
    assert image.is_picture(FAILING / "face.heic")
    assert not image.is_picture(FAILING / "two_tracks_first_silent.mkv")
    assert video_reader.open_video(tmp_path / "moving.gif").frame_count == 2

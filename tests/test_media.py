"""Files in, files out: what goes in must come out, whatever container it travelled in."""

import csv
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image, ImageCms

from talker.blendshapes import expand
from talker.errors import CancelledError, VideoError
from talker.media import audio, image, livelink, provenance, video, video_reader
from talker.types import ByteArray, FaceMotion, FloatArray, SpeechClip, Video


def tone(seconds: float = 1.0, rate: int = 16000, hertz: float = 220.0) -> FloatArray:
    """A sine [N] at half of full scale."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def loudest_hertz(samples: FloatArray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


def colours(width: int, height: int, count: int) -> Iterator[ByteArray]:
    """Frames with a fixed colour ramp and a left quarter that brightens with time."""
    for index in range(count):
        frame = np.full((height, width, 3), (200, 40, 90), np.uint8)
        frame[:, : width // 4] = round(255 * index / max(1, count - 1))
        yield frame


def encode_sound(path: Path, codec: str, rate: int, samples: FloatArray) -> None:
    """Write stereo sound with any of ffmpeg's encoders; Vorbis, which PyAV cannot write, with libsndfile."""
    if codec == "vorbis":
        soundfile.write(path, np.repeat(samples[:, None], 2, axis=1), rate)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.repeat(samples[None], 2, axis=0), format="fltp", layout="stereo")
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = 0
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout="stereo", rate=rate, frame_size=stream.frame_size
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 44100),
        ("mp3", "libmp3lame", 22050),
        ("m4a", "aac", 44100),
        ("flac", "flac", 16000),
        ("ogg", "vorbis", 44100),
        ("opus", "libopus", 48000),
        ("webm", "libopus", 48000),
    ],
)
def test_every_sound_format_gives_the_same_tone(tmp_path: Path, suffix: str, codec: str, rate: int) -> None:
    path = tmp_path / f"tone.{suffix}"
    encode_sound(path, codec, rate, tone(1.0, rate))
    clip = audio.load_speech(path)
    assert clip.sample_rate == rate
    assert clip.samples.dtype == np.float32
    assert clip.duration_s == pytest.approx(1.0, abs=0.06)
    assert loudest_hertz(clip.samples, rate) == pytest.approx(220, abs=2)
    assert np.abs(clip.samples).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("rate", "kept"), [(8000, 8000), (48000, 48000), (96000, 48000)])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channels_become_mono_below_48_khz(tmp_path: Path, rate: int, kept: int, channels: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.repeat(tone(0.5, rate)[:, None], channels, axis=1), rate)
    clip = audio.load_speech(path)
    assert clip.sample_rate == kept
    assert clip.duration_s == pytest.approx(0.5, abs=0.001)
    assert loudest_hertz(clip.samples, kept) == pytest.approx(220, abs=3)


def test_loud_float_sound_is_scaled_into_range(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", 6 * tone(), 16000, subtype="FLOAT")
    assert np.abs(audio.load_speech(tmp_path / "loud.wav").samples).max() == pytest.approx(1.0)


def test_resampling_there_and_back_keeps_the_sound() -> None:
    original = tone(1.0, 24000)
    there = audio.resample(original, 24000, 16000)
    assert len(there) == 16000
    back = audio.resample(there, 16000, 24000)
    assert np.abs(back - original)[500:-500].max() < 1e-3


def test_saved_speech_loads_again(tmp_path: Path) -> None:
    clip = SpeechClip(tone(), 16000)
    audio.save_speech(clip, tmp_path / "tone.flac")
    assert np.abs(audio.load_speech(tmp_path / "tone.flac").samples - clip.samples).max() < 1e-4


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK", "RGBA", "LA", "I;16", "I", "F", "YCbCr", "HSV", "LAB"])
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    grey = Image.fromarray(np.full((80, 90), 128, np.uint8))
    if mode in ("I;16", "I"):
        picture = Image.fromarray(np.full((80, 90), 128 * 257, np.uint16 if mode == "I;16" else np.int32))
    elif mode == "LAB":
        picture = ImageCms.profileToProfile(
            grey.convert("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        picture = grey.convert("RGB").convert(mode) if mode != "F" else grey.convert("F")
    loaded = image.load_image(picture)
    assert loaded.shape == (80, 90, 3)
    assert loaded.dtype == np.uint8
    if mode not in ("1", "P", "F"):
        assert np.abs(loaded.astype(int) - 128).max() <= 3


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    upright = np.zeros((100, 160, 3), np.uint8)
    upright[:50] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held turned by 90°
    Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(image.load_image(tmp_path / "turned.png"), upright)


def test_transparency_shows_neutral_grey() -> None:
    picture = np.zeros((70, 70, 4), np.uint8)
    picture[:35] = (255, 0, 0, 255)
    loaded = image.load_image(picture)
    assert tuple(loaded[0, 0]) == (255, 0, 0)
    assert tuple(loaded[-1, -1]) == image.BACKGROUND


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert tuple(image.load_image(tmp_path / "moving.gif")[40, 40]) == (255, 0, 0)


@pytest.mark.parametrize("size", [(64, 64), (65, 67), (128, 65)])
def test_video_has_the_documented_form(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "out.mp4"
    width, height = size
    count = 33
    done: list[tuple[int, int]] = []
    speech = SpeechClip(tone(2.0, 24000), 24000)
    video.write_video(
        Video(colours(width, height, count), count, 25.0, size, speech), path, lambda *step: done.append(step)
    )
    with av.open(str(path)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sound.codec_context.name == "aac"
        assert (picture.width, picture.height) == (width + width % 2, height + height % 2)
        assert picture.average_rate == 25
        lengths = [float(stream.duration * stream.time_base) for stream in (picture, sound)]
    assert lengths[0] == pytest.approx(count / 25)
    assert lengths[1] == pytest.approx(count / 25, abs=0.04)
    assert done == [(index + 1, count) for index in range(count)]
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "faststart puts the index first"
    assert provenance.is_generated(path)
    frames = list(video_reader.open_video(path))
    assert len(frames) == count
    assert np.abs(frames[-1][height // 2, -1].astype(int) - (200, 40, 90)).max() <= 6, "padding repeats the edge"


def test_sound_comes_back_from_a_video_in_time(tmp_path: Path) -> None:
    samples = np.zeros(48000, np.float32)
    samples[24000:24480] = tone(0.02, 24000, 1000)
    video.write_video(
        Video(colours(64, 64, 50), 50, 25.0, (64, 64), SpeechClip(samples, 24000)), tmp_path / "click.mp4"
    )
    clip = audio.load_speech(tmp_path / "click.mp4")
    heard = np.flatnonzero(np.abs(clip.samples) > 0.2)
    assert heard[0] / clip.sample_rate == pytest.approx(1.0, abs=0.025)
    assert not provenance.is_generated(tmp_path / "missing.mp4")


@pytest.mark.parametrize("error", [CancelledError("enough"), ValueError("a slip in the renderer")])
def test_an_error_while_rendering_leaves_no_file(tmp_path: Path, error: Exception) -> None:
    def broken() -> Iterator[ByteArray]:
        yield from colours(64, 64, 5)
        raise error

    with pytest.raises(type(error)):
        video.write_video(Video(broken(), 20, 25.0, (64, 64)), tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_cancelling_from_the_progress_callback_keeps_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"older")

    def cancel(done: int, total: int) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        video.write_video(Video(colours(64, 64, 5), 5, 25.0, (64, 64)), path, cancel)
    assert path.read_bytes() == b"older"


def test_reader_repeats_and_drops_frames_to_a_constant_rate(tmp_path: Path) -> None:
    path = tmp_path / "ramp.mp4"
    video.write_video(Video(colours(64, 64, 50), 50, 25.0, (64, 64)), path)
    reader = video_reader.open_video(path)
    assert (reader.fps, reader.size, reader.frame_count) == (25.0, (64, 64), 50)
    assert reader.times_s[-1] == pytest.approx(49 / 25)
    for fps in (10.0, 25.0, 30.0):
        resampled = video_reader.open_video(path, fps=fps)
        frames = list(resampled)
        assert len(frames) == resampled.frame_count == round(2.0 * fps)
        ramp = np.array([frame[32, 4, 0] for frame in frames], float) / 255 * 49 / 25  # when each was shown, s
        assert np.abs(ramp - np.arange(len(frames)) / fps).max() < 1 / 25 + 0.5 / fps


def test_reader_turns_a_phone_video_upright(tmp_path: Path) -> None:
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    video.write_video(Video(colours(96, 64, 3), 3, 25.0, (96, 64)), plain)
    content = bytearray(plain.read_bytes())
    identity = b"".join(value.to_bytes(4, "big") for value in (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30))
    quarter = b"".join((value % 2**32).to_bytes(4, "big") for value in (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30))
    start = content.index(identity, content.index(b"tkhd"))
    content[start : start + len(identity)] = quarter
    turned.write_bytes(content)
    reader = video_reader.open_video(turned)
    assert reader.size == (64, 96)
    ahead, upright = next(iter(video_reader.open_video(plain))), next(iter(reader))
    assert np.array_equal(np.rot90(ahead, -1), upright), "a matrix of 90° means: turn clockwise to show"


def test_reading_a_silent_video_works_and_a_sound_is_no_video(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(), 16000)
    with pytest.raises(VideoError, match="no picture"):
        video_reader.open_video(tmp_path / "tone.wav")


def motion_with(**values: float) -> FaceMotion:
    return FaceMotion(np.tile(expand(values), (30, 1)), np.zeros((30, 6), np.float32), 25.0)


def read_rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_live_link_file_has_the_documented_columns(tmp_path: Path) -> None:
    livelink.save_livelink(
        motion_with(jawOpen=0.5, mouthLeft=0.25, eyeBlinkLeft=1.5, browInnerUp=-0.2), tmp_path / "m.csv"
    )
    documented = (
        "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,"
        "EyeSquintLeft,EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,"
        "EyeSquintRight,EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,"
        "MouthRight,MouthLeft,MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,"
        "MouthDimpleRight,MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,"
        "MouthShrugUpper,MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,"
        "MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,"
        "CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,HeadRoll,"
        "LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
    )
    lines = (tmp_path / "m.csv").read_text().splitlines()
    assert lines[0] == documented
    assert len(lines) == 31
    row = read_rows(tmp_path / "m.csv")[26]
    assert (row["Timecode"], row["BlendShapeCount"]) == ("00:00:01:01.000", "61")
    assert (float(row["JawOpen"]), float(row["MouthLeft"]), float(row["MouthRight"])) == (0.5, 0.25, 0)
    assert (float(row["EyeBlinkLeft"]), float(row["BrowInnerUp"])) == (1, 0), "clipped to 0..1"


def test_live_link_angles_have_the_sign_of_the_motion(tmp_path: Path) -> None:
    motion = motion_with(eyeLookOutLeft=0.5, eyeLookInRight=0.5, eyeLookUp=0.2)
    motion.pose[:, 1] = 0.3
    livelink.save_livelink(motion, tmp_path / "m.csv")
    row = {name: float(value) for name, value in read_rows(tmp_path / "m.csv")[0].items() if name != "Timecode"}
    assert row["HeadYaw"] == pytest.approx(0.3, abs=1e-5)
    assert row["HeadPitch"] == row["HeadRoll"] == 0
    assert row["LeftEyeYaw"] == row["RightEyeYaw"] > 0
    assert row["LeftEyePitch"] == row["RightEyePitch"] < 0


def test_timecodes_stay_right_at_fractional_rates() -> None:
    assert livelink.timecode(0, 25) == "00:00:00:00.000"
    assert livelink.timecode(25 * 3661, 25) == "01:01:01:00.000"
    assert livelink.timecode(30, 29.97) == "00:00:01:00.030"


def test_the_visible_label_lies_in_the_lower_left_corner_and_nowhere_else() -> None:
    for size in ((640, 360), (160, 120)):
        plain = np.full((size[1], size[0], 3), 128, np.uint8)
        (marked,) = provenance.labelled(iter([plain]), size)
        rows, columns = np.nonzero((marked != plain).any(axis=2))
        assert marked.shape == plain.shape
        assert rows.min() > size[1] / 2
        assert (marked > 180).any() and (marked < 100).any(), "light letters on a dark ground"
        assert (plain == 128).all()
        assert columns.max() < 0.75 * size[0]

"""Live: sound in, frames out, the same motion as the film's, and nothing that grows or waits."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from stand_ins import FakeComponents

from talker import SpeakOptions, SpeechClip, Talker
from talker.blendshapes import BLENDSHAPE_INDEX
from talker.cli import main
from talker.emotion.labels import label_code
from talker.errors import AudioError, CancelledError, EmotionError
from talker.live.face import LiveFace
from talker.live.hearing import LOOKAHEAD_S, STEP_S, Track
from talker.media.audio import at_rate, load_speech, save_speech
from talker.media.provenance import is_generated
from talker.media.video_reader import open_video
from talker.motion.articulation import speech_motion
from talker.motion.composition import Composer, SpokenMouth, compose, joined
from talker.motion.emotion_course import EmotionRows
from talker.motion.lips import LipGeometry
from talker.speech.analysis import SpeechAnalysis
from talker.speech.encoder import SpeechEncoder
from talker.speech.voice import say
from talker.types import ByteArray, FaceMotion, FloatArray

RATE, CHUNK = 16000, 640  # 40 ms
SMILE = BLENDSHAPE_INDEX["mouthSmileLeft"]


@pytest.fixture(scope="module")
def sound() -> FloatArray:
    """A sentence, a pause and what is left of the sentence's look-ahead."""
    spoken = at_rate(say("Good morning! I have been waiting for this, maybe for a long time."), RATE).samples
    return np.concatenate([spoken, np.zeros(RATE, np.float32)])


@pytest.fixture(scope="module")
def film(sound: FloatArray) -> FaceMotion:
    speech = SpeechAnalysis(SpeechClip(sound, RATE))
    return compose(speech_motion(speech), label_code("happy"), speech, SpeakOptions())


def face(label: str = "happy", rate: int = RATE, **options: float) -> LiveFace:
    return LiveFace(SpeakOptions(**options), rate, label_code(label))


def chunks(sound: FloatArray, size: int = CHUNK) -> Iterator[FloatArray]:
    return (sound[start : start + size] for start in range(0, len(sound), size))


def heard(live: LiveFace, sound: FloatArray, size: int = CHUNK) -> FaceMotion:
    return joined([motion for chunk in chunks(sound, size) for motion in live.hear(chunk)])


def test_lips_and_life_are_those_of_the_film(sound: FloatArray, film: FaceMotion) -> None:
    live = heard(face(), sound)
    assert (len(live) - 1) / 25 <= len(sound) / RATE - LOOKAHEAD_S < len(live) / 25 + STEP_S
    open_live, open_film = (LipGeometry.load().opening_of(motion.blendshapes[: len(live)]) for motion in (live, film))
    assert np.corrcoef(open_live, open_film)[0, 1] > 0.95
    jumps = [np.abs(np.diff(opening, 2)).mean() for opening in (open_live, open_film)]
    assert jumps[0] < 1.25 * jumps[1]
    np.testing.assert_allclose(live.pose, film.pose[: len(live)], atol=0.01)
    lids = BLENDSHAPE_INDEX["eyeBlinkLeft"]
    np.testing.assert_allclose(live.blendshapes[:-12, lids], film.blendshapes[: len(live) - 12, lids], atol=0.1)


def test_blocks_of_any_length_give_the_same_motion(sound: FloatArray, film: FaceMotion) -> None:
    speech, options = SpeechAnalysis(SpeechClip(sound, RATE)), SpeakOptions()
    rows = EmotionRows.of(label_code("happy"), len(film), 25.0)
    mouth, voice = speech_motion(speech).blendshapes, speech.speaking(len(film), 25.0)
    spoken = SpokenMouth.of(mouth, voice, rows.style, options, 25.0)
    loudness = np.interp(np.arange(len(film)) * 4, np.arange(len(speech.prosody)), speech.prosody.loudness)
    composer, parts, stresses = Composer(options, 25.0, (len(film) - 1) / 25), [], speech.stresses
    for start in range(len(film)):
        part = slice(start, start + 1)
        new = [stress for stress in stresses if stress.moment_s < start / 25 + 0.15]  # what is known then, live
        stresses = stresses[len(new) :]
        parts.append(composer.advance(spoken.during(part), loudness[part], rows.during(part), new))
    again = joined(parts)
    np.testing.assert_allclose(again.blendshapes, film.blendshapes, atol=1e-5)
    np.testing.assert_allclose(again.pose, film.pose, atol=1e-5)


@pytest.mark.parametrize(("rate", "size", "fps"), [(48000, 480, 25.0), (44100, 8192, 30.0), (8000, 97, 24.0)])
def test_any_rate_and_any_chunks(sound: FloatArray, rate: int, size: int, fps: float) -> None:
    given = at_rate(SpeechClip(sound, RATE), rate).samples
    live = heard(face(rate=rate, fps=fps), given, size)
    speech = SpeechAnalysis(SpeechClip(sound, RATE))
    opening = [
        LipGeometry.load().opening_of(motion.blendshapes[: len(live)])
        for motion in (live, speech_motion(speech, fps=fps))
    ]
    assert abs(len(sound) / RATE - LOOKAHEAD_S - len(live) / fps) < 0.1
    assert np.corrcoef(*opening)[0, 1] > (0.85 if rate == 8000 else 0.93)


def test_another_emotion_shows_within_a_third_of_a_second(sound: FloatArray) -> None:
    live = face("neutral", blinks=0.0)
    before = heard(live, sound[: 2 * RATE])
    live.feel(label_code("happy"))
    after = heard(live, sound[2 * RATE : 3 * RATE])
    full = heard(face("happy"), sound[: 3 * RATE]).blendshapes[len(before) :, SMILE]
    assert before.blendshapes[-1, SMILE] < 0.1
    smile = after.blendshapes[:, SMILE]
    assert (smile[8:] > 0.9 * full[8 : len(smile)]).all()
    assert np.abs(np.diff(smile)).max() < 0.25  # and not at once
    assert after.emotion_probabilities is not None and after.emotion_probabilities[-1].argmax() == 1


def test_a_face_listens_while_nobody_speaks(sound: FloatArray) -> None:
    """It blinks, looks and nods; a trace of the emotion stays; the lips stay shut, in a room's noise, too."""
    noise = np.random.default_rng(0).normal(0, 1e-3, 25 * RATE).astype(np.float32)
    live = heard(face(), np.concatenate([sound, noise]), 8 * CHUNK)
    listening = slice(round((len(sound) / RATE + 3) * 25), None)
    lids, gaze = (live.blendshapes[listening, BLENDSHAPE_INDEX[name]] for name in ("eyeBlinkLeft", "eyeLookInLeft"))
    assert 3 <= np.sum((lids[1:] > 0.5) & (lids[:-1] <= 0.5)) <= 12
    assert gaze.std() > 0.01
    nods = live.pose[listening, 0]
    assert np.ptp(nods) > 0.01
    smile = live.blendshapes[listening, SMILE]
    spoken = live.blendshapes[25:75, SMILE].max()
    assert 0.2 * spoken < smile.min() and smile.max() < 0.8 * spoken
    neutral = heard(face("neutral"), noise[: 4 * RATE], 8 * CHUNK)
    assert LipGeometry.load().opening_of(neutral.blendshapes).max() < 0.005


@pytest.mark.slow
def test_nothing_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rhythmic buzz, which is taken for speech: its third half minute holds no more memory than the second."""
    monkeypatch.setattr(  # the encoder remembers nothing and takes the most time
        SpeechEncoder, "encode_recent", lambda self, clip: 3 * [np.zeros((len(clip.samples) // 320, 384), np.float32)]
    )
    seconds = np.arange(30 * RATE) / RATE
    buzz = (0.1 * np.sign(np.sin(2 * np.pi * 120 * seconds)) * (np.sin(2 * np.pi * 2 * seconds) > 0)).astype(np.float32)
    live = face(fps=10.0)  # which takes less time, and grows as fast

    def held() -> int:
        for chunk in chunks(buzz, RATE // 10):
            for _ in live.hear(chunk):
                pass
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    _, first, second = held(), held(), held()  # what is filled once is filled in the first half minute
    tracemalloc.stop()
    assert second - first < 50_000


def test_a_track_forgets_what_is_old() -> None:
    track = Track((), 5)
    track.put(0, np.arange(4.0))
    track.put(3, np.array([30.0, 40.0, 50.0, 60.0]))
    assert (track.first, track.end) == (2, 7)
    assert track.between(1, 8).tolist() == [2, 2, 30, 40, 50, 60, 60]
    assert track.at(np.array([2.5, 3.5])).tolist() == [16, 35]


class Source:
    """Chunks that a test hands out, and whether they are still taken."""

    def __init__(self, sound: FloatArray) -> None:
        self.taken, self._sound = 0, sound

    def __iter__(self) -> Iterator[FloatArray]:
        for chunk in chunks(self._sound):
            self.taken += 1
            yield chunk


def picture() -> ByteArray:
    return np.full((96, 64, 3), 90, np.uint8)


def test_frames_are_drawn_marked_and_timed(sound: FloatArray) -> None:
    talker = Talker(FakeComponents().as_components())
    frames = list(talker.stream(picture(), chunks(sound[: 2 * RATE]), emotion="happy"))
    assert (2 - LOOKAHEAD_S - STEP_S) * 25 < len(frames) <= (2 - LOOKAHEAD_S) * 25 + 1
    assert [frame.time_s for frame in frames] == [pytest.approx(n / 25) for n in range(len(frames))]
    labelled = list(talker.stream(picture(), chunks(sound[:RATE]), options=SpeakOptions(label=True)))
    assert not np.array_equal(labelled[0].picture[-20:, :40], frames[0].picture[-20:, :40])


def test_a_stream_that_nobody_watches_stops_listening(sound: FloatArray) -> None:
    source = Source(np.tile(sound, 4))
    frames = Talker(FakeComponents().as_components()).stream(picture(), source)
    next(frames)
    frames.close()
    taken = source.taken
    time.sleep(0.2)
    assert source.taken <= taken + 1 < len(np.tile(sound, 4)) / CHUNK


def test_what_is_wrong_is_said() -> None:
    talker = Talker(FakeComponents().as_components())
    with pytest.raises(AudioError, match="one channel"):
        list(talker.stream(picture(), [np.zeros((2, 100), np.float32)]))
    with pytest.raises(AudioError, match="100 Hz"):
        talker.live(picture(), sample_rate=100)
    live = talker.live(picture())
    with pytest.raises(EmotionError):
        live.feel("no such thing")


def test_each_frame_has_its_sound(sound: FloatArray) -> None:
    talker = Talker(FakeComponents().as_components())
    frames = list(talker.stream(picture(), chunks(sound, 1000)))
    together = np.concatenate([frame.sound for frame in frames])
    np.testing.assert_array_equal(together, sound[: len(together)])
    assert {len(frame.sound) for frame in frames} == {RATE // 25}


def test_late_frames_are_left_out_and_their_sound_is_not(sound: FloatArray) -> None:
    talker = Talker(FakeComponents().as_components())
    frames = list(talker.stream(picture(), chunks(sound, RATE), late=True))  # a second at once, of which it is late
    assert len(frames) < len(sound) / RATE * 10
    together = np.concatenate([frame.sound for frame in frames])
    np.testing.assert_array_equal(together, sound[: len(together)])
    assert len(together) == pytest.approx((frames[-1].time_s + 1 / 25) * RATE, abs=2)


def test_the_command_writes_a_film_of_a_recording(tmp_path: Path) -> None:
    save_speech(say("Hello!"), tmp_path / "hello.wav")
    Image.new("RGB", (64, 96), "grey").save(tmp_path / "portrait.png")
    out = tmp_path / "live.mp4"
    arguments = ["live", "--portrait", str(tmp_path / "portrait.png"), "--speech", str(tmp_path / "hello.wav")]
    assert main([*arguments, "--out", str(out)], Talker(FakeComponents().as_components())) == 0
    film, spoken = open_video(out), load_speech(out)
    assert film.frame_count / film.fps >= load_speech(tmp_path / "hello.wav").duration_s - 0.04
    assert spoken.duration_s == pytest.approx(film.frame_count / film.fps, abs=0.1)
    assert is_generated(out)


def test_a_film_that_grows_can_be_read_before_it_is_whole(tmp_path: Path) -> None:
    out, seen = tmp_path / "film.mp4", []

    def progress(done: int, total: int) -> None:
        if done == total:
            with av.open(str(out)) as container, suppress(av.error.InvalidDataError, av.error.EOFError):
                seen.extend(frame.pts for frame in container.decode(video=0))

    speech = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    talker = Talker(FakeComponents().as_components())
    talker.speak(picture(), SpeechClip(speech, RATE), out=out, progress=progress, fragmented=True)
    assert len(seen) > 100  # of 250 frames, when the last was drawn
    assert open_video(out).frame_count == 250 and is_generated(out)
    with pytest.raises(CancelledError):
        talker.speak(picture(), SpeechClip(speech, RATE), out=out, progress=_cancel, fragmented=True)
    assert not out.exists()


def _cancel(done: int, total: int) -> None:
    if done > 5:
        raise CancelledError

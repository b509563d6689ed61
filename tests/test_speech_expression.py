"""How an emotion changes a synthetic voice: each part alone, in proportion to its strength, along the text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from stand_ins import FakeComponents

from talker.emotion.resolve import resolve
from talker.emotion.timeline import split_tags
from talker.emotion.voice_delivery import VOICE_TARGETS, voice_expression
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.speech import prosody
from talker.speech.analysis import SpeechAnalysis
from talker.speech.voice import say
from talker.speech.voice_expression import (
    LOUDEST,
    PARTS,
    ExpressionCurve,
    VoiceExpression,
    coloured,
    intoned,
    levelled,
    limited,
    paced,
    stressed,
)
from talker.types import EMOTION_LABELS, SpeechClip

RATE = 24_000
TEXT = "We will see each other again tomorrow evening."


def change(count: int = 1, **parts: float) -> dict[str, np.ndarray]:
    return {part: np.full(count, parts.get(part, 0.0)) for part in PARTS}


def test_pace_and_pauses_change_how_long_letters_last() -> None:
    frames = np.array([4.0, 1, 2, 3, 2, 10, 2, 1, 2, 3, 4])
    pauses = frames >= 10
    np.testing.assert_array_equal(paced(frames, pauses, change(11)), frames)
    faster = paced(frames, pauses, change(11, pace_octaves=0.3))
    assert (faster >= 1).all()
    assert faster[~pauses].sum() == pytest.approx(frames[~pauses].sum() / 2**0.3, abs=1.1)  # slight changes add up
    assert paced(frames, pauses, change(11, pause_octaves=1.0))[5] == pytest.approx(20, abs=1)


def test_pitch_and_melody_move_where_it_is_voiced_only() -> None:
    times = np.arange(80) / 80
    pitch = np.where(times < 0.2, 8.0, 150 * 2 ** (0.3 * np.sin(9 * times)))
    voiced = pitch > 40
    np.testing.assert_array_equal(intoned(pitch, voiced, times, change(80)), pitch.astype(np.float32))
    higher = intoned(pitch, voiced, times, change(80, pitch_semitones=12.0))
    np.testing.assert_allclose(higher[voiced], 2 * pitch[voiced], rtol=1e-5)
    np.testing.assert_array_equal(higher[~voiced], np.float32(8.0))
    wider = np.log2(intoned(pitch, voiced, times, change(80, melody_octaves=1.0))[voiced])
    assert np.ptp(wider) == pytest.approx(2 * np.ptp(np.log2(pitch[voiced])), rel=1e-3)


def test_stress_widens_the_energy_around_its_middle_and_roughness_shakes_the_pitch() -> None:
    times = np.arange(80) / 80
    energy = np.sin(9 * times).astype(np.float32)
    voiced = times > 0.2
    np.testing.assert_array_equal(stressed(energy, voiced, change(80)), energy)
    wider = stressed(energy, voiced, change(80, stress_octaves=1.0))
    np.testing.assert_array_equal(wider[~voiced], energy[~voiced])
    assert np.ptp(wider[voiced]) == pytest.approx(2 * np.ptp(energy[voiced]), rel=1e-4)
    assert np.median(wider[voiced]) == pytest.approx(np.median(energy[voiced]), abs=1e-4)
    pitch = np.full(80, 150.0)
    rough = intoned(pitch, pitch > 0, times, change(80, roughness=0.02))
    np.testing.assert_allclose(np.unique(rough.round(2)), [147.0, 153.0])
    assert rough.mean() == pytest.approx(150.0)


def test_colour_leaves_the_level_and_loudness_the_colour() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, RATE).astype(np.float32)
    bright = coloured(noise, RATE, change(presence_db=8.0, air_db=6.0))
    assert bright.std() == pytest.approx(noise.std(), rel=1e-3)
    spectrum = np.abs(np.fft.rfft(bright)) / np.abs(np.fft.rfft(noise))
    bands = [20 * np.log10(np.median(spectrum[low:high])) for low, high in ((100, 250), (1200, 2500), (8000, 11000))]
    assert bands[1] - bands[0] == pytest.approx(7.5, abs=1.5) and bands[2] - bands[0] == pytest.approx(6, abs=1)
    pressed = np.abs(np.fft.rfft(coloured(noise, RATE, change(low_db=-12.0)))) / np.abs(np.fft.rfft(noise))
    assert 20 * np.log10(np.median(pressed[30:90]) / np.median(pressed[1200:])) == pytest.approx(-10.5, abs=1.0)
    np.testing.assert_allclose(coloured(noise, RATE, change(loudness_db=6.0206)), 2 * noise, rtol=1e-4)


def test_levels_are_equal_and_peaks_are_kept_below_full_scale() -> None:
    wave = np.sin(np.arange(RATE) * 0.05).astype(np.float32)
    np.testing.assert_allclose(levelled(0.9 * wave), levelled(0.2 * wave), rtol=1e-3)
    assert np.abs(limited(5 * wave)).max() <= LOUDEST
    np.testing.assert_array_equal(limited(0.6 * wave), 0.6 * wave)
    assert (levelled(np.zeros(10, np.float32)) == 0).all()


def test_the_emotion_moves_the_voice_in_proportion_to_its_strength() -> None:
    assert set(VOICE_TARGETS) == set(EMOTION_LABELS)
    full = voice_expression(resolve("happy")).values
    np.testing.assert_allclose(full[0], dataclasses.astuple(VOICE_TARGETS["happy"]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(voice_expression(resolve("happy").scaled(0.5)).values, 0.5 * full, rtol=1e-5)
    for nothing in (resolve("neutral"), resolve("angry").scaled(0.0)):
        assert not voice_expression(nothing).values.any()


@pytest.mark.parametrize("voice", ["american"])
def test_a_voice_sounds_higher_louder_and_faster_as_asked(voice: str) -> None:
    plain = say(TEXT, voice=voice)
    asked = VoiceExpression(pitch_semitones=5.0, pace_octaves=0.25, loudness_db=4.0)
    emotional = say(TEXT, voice=voice, express=lambda planned: ExpressionCurve.constant(asked))
    pitches = [np.median(measured.pitch_hz[measured.pitch_hz > 0]) for measured in map(measure, (plain, emotional))]
    assert 12 * np.log2(pitches[1] / pitches[0]) == pytest.approx(5.0, abs=0.7)
    assert emotional.duration_s < 0.93 * plain.duration_s
    assert 20 * np.log10(emotional.samples.std() / plain.samples.std()) == pytest.approx(4.0, abs=1.0)
    steps = np.abs(np.diff(emotional.samples)).max()
    assert steps < 2.5 * 10 ** (4 / 20) * np.abs(np.diff(plain.samples)).max()  # no clicks


def measure(clip: SpeechClip) -> prosody.Prosody:
    return prosody.measure(SpeechAnalysis(clip).at_16khz, rate_hz=100.0)


def test_tags_change_the_voice_along_the_text() -> None:
    words, tags = split_tags("[happy] We won the game today. [sad] But now it is over for us.")
    curves: list[ExpressionCurve] = []

    def express(planned: SpeechClip) -> ExpressionCurve:
        curves.append(voice_expression(resolve("neutral", SpeechAnalysis(planned), tags=tags)))
        return curves[-1]

    clip = say(words, express=express)
    assert len(curves) == 2  # the second knows the times that the first gave
    pitch = curves[-1].at(np.array([0.5, clip.duration_s - 0.5]))["pitch_semitones"]
    assert pitch[0] > 2 and pitch[1] < 0


def test_plain_voices_and_recordings_stay_as_they_are(tmp_path: Path) -> None:
    components = FakeComponents()
    asked: list[object] = []
    components.say = lambda text, voice, speed, feel: (  # type: ignore[method-assign]
        asked.append(feel), FakeComponents().say(text, voice, speed, feel)
    )[1]  # fmt: skip
    talker = Talker(components.as_components())
    for options in (SpeakOptions(), SpeakOptions(plain_voice=True)):
        talker.load_speech(text="Hello.", emotion="happy", options=options)
    talker.load_speech(text="Hello.")
    assert [feel is None for feel in asked] == [False, True, True]
    clip = SpeechClip(np.full(8000, 0.1, np.float32), 8000)
    assert talker.load_speech(clip, emotion="happy").clip.samples is clip.samples

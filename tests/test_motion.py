"""Speech and emotion to motion: what must hold for any voice, any emotion and any seed."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from talker.blendshapes import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES
from talker.curves import at_frames
from talker.emotion.labels import label_code
from talker.motion import mouth_regressor, visemes
from talker.motion.articulation import bite_lip, shut_before_speech, shut_lips, speech_motion
from talker.motion.composition import cap_sneer, compose, dilate_in_time, soft_limit
from talker.motion.emotion_style import EMOTION_STYLES
from talker.motion.lips import LipGeometry
from talker.motion.mouth_regressor import ArticulationConfig, MouthRegressor, in_context
from talker.options import SpeakOptions
from talker.speech import voice
from talker.speech.analysis import SpeechAnalysis
from talker.speech.pronunciation import ARPABET
from talker.types import EMOTION_LABELS, EmotionCode, FaceMotion, SpeechClip, TimedToken

SENTENCE = "My people believe you would love five pies. Maybe Bob will come, too."
JAW = BLENDSHAPE_INDEX["jawOpen"]
MOUTH = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth", "tongue"))]


@pytest.fixture(scope="module")
def clip() -> SpeechAnalysis:
    return SpeechAnalysis(voice.say(SENTENCE))


@pytest.fixture(scope="module")
def speech(clip: SpeechAnalysis) -> FaceMotion:
    return speech_motion(clip)


def _opening(motion: FaceMotion) -> np.ndarray:
    return LipGeometry.load().opening_of(motion.blendshapes)


def _silence(seconds: float) -> SpeechAnalysis:
    return SpeechAnalysis(SpeechClip(np.zeros(int(24000 * seconds), np.float32), 24000))


def _lowest_near(opening: np.ndarray, fps: float, clip: SpeechAnalysis, names: tuple[str, ...]) -> list[float]:
    """The smallest opening around each of the named phones."""
    found = []
    for phone in clip.transcript.phones:  # type: ignore[union-attr]
        if phone.text in names:
            first, last = int((phone.start_s - 0.04) * fps), int((phone.end_s + 0.04) * fps) + 2
            found.append(float(opening[max(0, first) : last].min()))
    return found


def test_silence_closes_the_mouth() -> None:
    motion = speech_motion(_silence(2.0))
    assert len(motion) == 50
    assert np.abs(motion.blendshapes).max() < 1e-6
    hiss = SpeechAnalysis(SpeechClip(np.random.default_rng(0).normal(0, 1e-4, 48000).astype(np.float32), 24000))
    assert _opening(speech_motion(hiss)).max() < 0.02


def test_pauses_close_the_mouth(clip: SpeechAnalysis) -> None:
    samples, gap = clip.clip.samples, np.zeros(24000, np.float32)
    long = SpeechAnalysis(SpeechClip(np.concatenate([samples, gap, samples]), clip.clip.sample_rate))
    opening = _opening(speech_motion(long))
    middle = int((clip.duration_s + 0.4) * 25)
    assert opening[middle : middle + 5].max() < 0.005
    assert opening.max() > 0.05


def test_lips_do_not_part_before_a_first_m(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    assert clip.transcript is not None
    said = next(phone for phone in clip.transcript.phones if phone.text != "SIL")
    assert said.text == "M"
    first = int(said.start_s * 25) + 1
    assert _opening(speech)[:first].max() < 0.01
    alone = speech_motion(clip.with_transcript(None))
    assert _opening(alone)[:first].max() < 0.02
    gate = np.array([0, 0, 0, 0, 0, 0.2, 1, 1, 0, 0, 0, 1, 0], np.float32)
    voice = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], np.float32)
    held = shut_before_speech(gate, voice, 25.0)
    assert (held[:8] == 1).all() and np.array_equal(held[8:], gate[8:])
    vowel_first = np.where(np.arange(13) == 11, gate, 0)
    assert np.array_equal(shut_before_speech(vowel_first, voice, 25.0), vowel_first)


def test_only_the_mouth_moves_and_stays_in_range(speech: FaceMotion) -> None:
    rest = [i for i in range(52) if i not in MOUTH]
    assert not speech.blendshapes[:, rest].any() and not speech.pose.any()
    assert speech.blendshapes.min() >= 0 and speech.blendshapes.max() <= 1
    left, right = (
        [BLENDSHAPE_INDEX[name + side] for name in ("mouthStretch", "mouthUpperUp")] for side in ("Left", "Right")
    )
    np.testing.assert_allclose(speech.blendshapes[:, left], speech.blendshapes[:, right], atol=0.03)


def test_sound_alone_articulates(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    alone = speech_motion(clip.with_transcript(None))
    assert len(alone) == len(speech)
    assert np.corrcoef(_opening(alone), _opening(speech))[0, 1] > 0.75
    closed = [low < 0.012 for low in _lowest_near(_opening(alone), 25.0, clip, visemes.BILABIALS)]
    assert np.mean(closed) > 0.7


@pytest.mark.parametrize("fps", [10.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0])
def test_lips_meet_on_p_b_m_at_any_frame_rate(clip: SpeechAnalysis, fps: float) -> None:
    motion = speech_motion(clip, fps=fps)
    assert len(motion) == math.ceil(clip.duration_s * fps - 1e-6)
    assert max(_lowest_near(_opening(motion), fps, clip, visemes.BILABIALS)) < 0.004


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_lips_meet_whatever_is_felt(clip: SpeechAnalysis, speech: FaceMotion, label: str) -> None:
    for strength in (1.0, 1.5):
        composed = compose(speech, label_code(label, strength), clip, SpeakOptions())
        assert max(_lowest_near(_opening(composed), 25.0, clip, visemes.BILABIALS)) < 0.006
        assert max(_lowest_near(_opening(composed), 25.0, clip, visemes.LABIODENTALS)) < 0.035


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_open_vowels_stay_open(clip: SpeechAnalysis, speech: FaceMotion, label: str) -> None:
    composed = compose(speech, label_code(label, 1.0), clip, SpeakOptions())
    wide = _opening(speech) > 0.06
    assert wide.any()
    assert (_opening(composed)[wide] > 0.7 * _opening(speech)[wide]).all()


@pytest.mark.parametrize("label", EMOTION_LABELS)
def test_strength_zero_is_the_neutral_talker_bit_for_bit(clip: SpeechAnalysis, speech: FaceMotion, label: str) -> None:
    neutral = compose(speech, label_code("neutral"), clip, SpeakOptions())
    for code in (label_code(label, 0.0), label_code(label).with_strength(0.0)):
        emotional = compose(speech, code, clip, SpeakOptions())
        assert np.array_equal(emotional.blendshapes, neutral.blendshapes)
        assert np.array_equal(emotional.pose, neutral.pose)


def test_strength_scales_the_feeling(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    smile = BLENDSHAPE_INDEX["mouthSmileLeft"]
    shown = [
        compose(speech, label_code("happy", strength), clip, SpeakOptions()).blendshapes[:, smile].mean()
        for strength in (0.0, 0.3, 0.6, 1.0)
    ]
    assert all(low + 0.05 < high for low, high in itertools.pairwise(shown))


def test_feelings_keep_the_mouths_timing(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    neutral = _opening(compose(speech, label_code("neutral"), clip, SpeakOptions()))
    for label in EMOTION_LABELS:
        emotional = _opening(compose(speech, label_code(label), clip, SpeakOptions()))
        matches = [np.corrcoef(neutral[3:-3], np.roll(emotional, shift)[3:-3])[0, 1] for shift in range(-3, 4)]
        assert int(np.argmax(matches)) == 3


@pytest.mark.parametrize("label", EMOTION_LABELS[1:])
def test_what_a_feeling_adds_does_not_come_and_go_with_each_closure(
    clip: SpeechAnalysis, speech: FaceMotion, label: str
) -> None:
    jaw_kept = {name: dataclasses.replace(style, bared=0.0) for name, style in EMOTION_STYLES.items()}
    emotional, neutral = (
        compose(speech, label_code(label, strength), clip, SpeakOptions(), jaw_kept).blendshapes[:, MOUTH].astype(float)
        for strength in (1.0, 0.0)
    )
    assert np.abs(np.diff(emotional - neutral, 2, axis=0)).mean() < 0.0055  # 0.02 when it did, in anger and disgust


def test_what_lasts_is_never_less_than_asked_and_bridges_gaps() -> None:
    asked = np.zeros(60)
    asked[[10, 15, 40]] = 1.0
    held = dilate_in_time(asked, 3)
    assert (held >= asked - 1e-12).all() and held[10:16].min() > 0.9  # two closures 0.2 s apart are one
    assert held[26:30].max() < 1e-9 and np.abs(np.diff(held)).max() < 0.45  # eased
    np.testing.assert_allclose(dilate_in_time(asked, 0.2), asked)


def test_same_seed_same_motion_and_other_seed_another(clip: SpeechAnalysis) -> None:
    once, again = (compose(speech_motion(clip), label_code("happy"), clip, SpeakOptions(seed=7)) for _ in range(2))
    assert np.array_equal(once.blendshapes, again.blendshapes) and np.array_equal(once.pose, again.pose)
    other = compose(speech_motion(clip), label_code("happy"), clip, SpeakOptions(seed=8))
    assert not np.array_equal(once.pose, other.pose)
    assert np.array_equal(once.blendshapes[:, JAW], other.blendshapes[:, JAW])


def test_amounts_switch_life_off(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    dead = SpeakOptions(head=0.0, blinks=0.0, gaze=0.0, brows=0.0)
    still = compose(speech, label_code("neutral"), clip, dead)
    assert not still.pose.any()
    np.testing.assert_allclose(still.blendshapes, speech.blendshapes, atol=0.01)  # the soft limit
    mute = compose(speech, label_code("neutral"), clip, dataclasses.replace(dead, mouth=0.0))
    assert not mute.blendshapes.any()
    fixed = compose(speech, label_code("angry"), clip, SpeakOptions(still=True))
    assert not fixed.pose.any() and fixed.blendshapes[:, BLENDSHAPE_INDEX["eyeBlinkLeft"]].max() > 0.8


def test_articulation_sharpens_single_sounds_and_keeps_closures(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    calm = {"head": 0.0, "blinks": 0.0, "gaze": 0.0, "brows": 0.0}
    said = {
        amount: _opening(compose(speech, label_code("neutral"), clip, SpeakOptions(articulation=amount, **calm)))
        for amount in (0.0, 1.0, 2.0)
    }
    quick = [np.abs(np.diff(opening)).mean() for opening in said.values()]
    assert quick[0] < 0.8 * quick[1] < 0.8 * 0.8 * quick[2]
    composed = compose(speech, label_code("neutral"), clip, SpeakOptions(articulation=2.0))
    assert max(_lowest_near(_opening(composed), 25.0, clip, visemes.BILABIALS)) < 0.006
    assert np.corrcoef(said[1.0], said[2.0])[0, 1] > 0.9


def test_pace_speeds_up_the_face_and_not_the_lips(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    slow, fast = (compose(speech, label_code("neutral"), clip, SpeakOptions(pace=pace)) for pace in (0.5, 2.0))
    assert np.array_equal(_opening(slow), _opening(fast))
    turned = [np.abs(np.diff(motion.pose[:, 1])).mean() for motion in (slow, fast)]
    assert turned[1] > 1.3 * turned[0]


def test_switching_one_part_off_leaves_the_others(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    full = compose(speech, label_code("neutral"), clip, SpeakOptions())
    unblinking = compose(speech, label_code("neutral"), clip, SpeakOptions(blinks=0.0))
    assert np.array_equal(full.pose, unblinking.pose)


def test_life_has_human_timing() -> None:
    minute = _silence(120.0)
    motion = compose(speech_motion(minute), label_code("neutral"), minute, SpeakOptions())
    lids = motion.blendshapes[:, BLENDSHAPE_INDEX["eyeBlinkLeft"]]
    starts = np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5)) / motion.fps
    assert 12 <= len(starts) <= 60
    assert np.diff(starts).min() > 1.2 and np.diff(starts).max() < 11
    assert 0.001 < np.abs(motion.pose[:, :3]).max() < 0.25  # rad: alive, and calm
    assert np.abs(np.diff(motion.pose[:, :3], axis=0)).max() < 0.02
    assert _opening(motion).max() < 0.005


def test_same_seed_blinks_at_the_same_time_at_any_frame_rate() -> None:
    silence = _silence(20.0)
    lids = {}
    for fps in (25.0, 50.0):
        motion = compose(speech_motion(silence, fps=fps), label_code("neutral"), silence, SpeakOptions(fps=fps))
        lids[fps] = motion.blendshapes[:, BLENDSHAPE_INDEX["eyeBlinkRight"]]
    np.testing.assert_allclose(lids[50.0][::2], lids[25.0], atol=1e-5)


def test_feelings_change_the_manner(clip: SpeechAnalysis) -> None:
    long = _silence(60.0)
    speech = speech_motion(long)
    motions = {label: compose(speech, label_code(label), long, SpeakOptions()) for label in EMOTION_LABELS}
    assert motions["sad"].pose[:, 0].mean() > motions["neutral"].pose[:, 0].mean() + 0.05  # head lowered
    assert motions["angry"].pose[:, 5].mean() > 0.02  # forward
    assert motions["angry"].pose[:, 1].std() < motions["happy"].pose[:, 1].std()
    gaze = [BLENDSHAPE_INDEX[name] for name in ("eyeLookOutLeft", "eyeLookInLeft")]
    assert motions["fear"].blendshapes[:, gaze].std() > motions["neutral"].blendshapes[:, gaze].std()


def test_a_feeling_that_changes_over_time(clip: SpeechAnalysis, speech: FaceMotion) -> None:
    sad, happy = label_code("sad"), label_code("happy")

    def sequence(name: str) -> np.ndarray:
        one, other = getattr(sad, name), getattr(happy, name)
        return np.concatenate([np.repeat(one, 40, axis=0), np.repeat(other, len(speech) - 40, axis=0)])

    code = EmotionCode(*(sequence(name) for name in ("embedding", "blendshape_offset", "strength", "probabilities")))
    motion = compose(speech, code, clip, SpeakOptions())
    smile, frown = (BLENDSHAPE_INDEX[f"mouth{name}Left"] for name in ("Smile", "Frown"))
    assert motion.blendshapes[20, frown] > 0.3 > motion.blendshapes[20, smile]
    assert motion.blendshapes[80, smile] > 0.3 > motion.blendshapes[80, frown]


def test_long_speech_is_predicted_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    config = ArticulationConfig.tiny()
    weights = rng.normal(size=(3 * 8, 3)).astype(np.float32)
    linear = MouthRegressor(config, np.zeros(20), np.eye(20, 8), weights, np.zeros(3, np.float32))
    projected = rng.normal(size=(50, 8)).astype(np.float32)
    whole = linear.predict(projected)
    np.testing.assert_allclose(whole[0][:, JAW], (in_context(projected, 1) @ weights)[:, 0], atol=1e-5)
    monkeypatch.setattr(mouth_regressor, "BLOCK", 7)
    for one, other in zip(linear.predict(projected), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_neighbours_coarticulate() -> None:
    def said(*names: str) -> np.ndarray:
        tokens = tuple(TimedToken(name, 0.1 * i, 0.1 * i + 0.1) for i, name in enumerate(names))
        return visemes.coarticulate(tokens, 50, 50.0)

    pucker = BLENDSHAPE_INDEX["mouthPucker"]
    assert said("T", "UW")[4, pucker] > 3 * said("T", "IY")[4, pucker]  # rounding begins in the t
    assert LipGeometry.load().opening_of(said("AA", "AA"))[5] > 0.07
    assert said("IY", "IY")[5] @ LipGeometry.load().width > said("UW", "UW")[5] @ LipGeometry.load().width + 0.03
    assert said("TH", "TH")[5, BLENDSHAPE_INDEX["tongueOut"]] > 0.1


def test_every_english_phone_has_a_viseme() -> None:
    english = {*visemes.VISEMES, *visemes.DIPHTHONGS}
    assert set(ARPABET.values()) <= english
    for viseme in visemes.VISEMES.values():
        assert all(0 <= value <= 1 for value in viseme.values.values())


def test_shut_and_bitten_lips() -> None:
    wide = np.zeros((3, 52), np.float32)
    wide[:, JAW] = 0.4
    wide[:, BLENDSHAPE_INDEX["mouthLowerDownLeft"]] = wide[:, BLENDSHAPE_INDEX["mouthLowerDownRight"]] = 0.3
    opening = LipGeometry.load().opening_of(shut_lips(wide, np.array([0.0, 0.5, 1.0])))
    assert opening[0] > opening[1] > opening[2] == 0
    bitten = bite_lip(wide, np.array([0.0, 0.5, 1.0]))[:, BLENDSHAPE_INDEX["mouthRollLower"]]
    assert bitten[0] == 0 < bitten[1] < bitten[2]


def test_sums_saturate_smoothly() -> None:
    values = np.linspace(-3, 3, 601)
    limited = soft_limit(values)
    assert (np.diff(limited) >= 0).all() and limited.min() >= -0.5 and limited.max() <= 1.5
    inside = (values >= 0) & (values <= 0.8)
    assert np.array_equal(limited[inside], values[inside])
    assert np.abs(np.diff(limited, 2)).max() < 0.002
    sneer = np.zeros((1, 52))
    pair = [BLENDSHAPE_INDEX["noseSneerLeft"], BLENDSHAPE_INDEX["mouthUpperUpLeft"]]
    sneer[0, pair] = 1.2, 1.0
    assert cap_sneer(sneer)[0, pair].sum() <= 1.4


def test_interpolation_to_frames_keeps_ends_and_lines() -> None:
    line = np.arange(50.0)[:, None]
    np.testing.assert_allclose(at_frames(line, 25, 25.0, 50.0)[:, 0], np.arange(25) * 2)
    assert at_frames(line[:1], 10, 25.0, 50.0).shape == (10, 1)


@pytest.mark.parametrize("samples", [1, 10, 200, 2400])
def test_the_shortest_sounds_give_motion(samples: int) -> None:
    short = SpeechAnalysis(SpeechClip(np.full(samples, 0.1, np.float32), 24000))
    motion = compose(speech_motion(short), label_code("happy"), short, SpeakOptions())
    assert len(motion) == max(1, math.ceil(samples / 24000 * 25 - 1e-3))

"""Speech becomes mouth motion: a learned head on the recogniser's inner layer, visemes of aligned phones, closures.

The head hears the sound alone, so any voice and any language moves the lips. Where a trusted transcript says which
phones sound, their visemes are blended in (the two err differently, and rounding is better known to the phones). A gate
for p, b, m, learnt from sound as well, closes the lips for good; f and v bite the lower lip.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from threadpoolctl import threadpool_limits

from talker.blendshapes import BLENDSHAPE_INDEX, expand
from talker.motion import visemes
from talker.motion.mouth_regressor import (
    ArticulationConfig,
    LinearMouthRegressor,
    MouthRegressor,
    SpeechCondition,
    read_config,
)
from talker.speech import prosody
from talker.speech.encoder import FRAME_RATE, shared_encoder
from talker.types import FaceMotion, FloatArray, SpeechClip, TimedToken, Transcript
from talker.weights import store

MouthPrediction = tuple[FloatArray, FloatArray]  # blendshapes [T,52] and the probability of p, b, m [T] at 50 Hz
SILENT_LOUDNESS = 0.12  # of `Prosody.loudness`; below it nothing is said
EASY_S, TIGHT_S = 0.16, 0.05  # lips part this much before a sound and rest this much after; gaps bridged otherwise
FIRST_SOUND_S = 0.06  # within this, a closure is the beginning of what is said
REST_EASE_S = 0.05
LOUDNESS_RATE = 100.0  # Hz, at which it is measured whether something is said
GATE_EASE_S = 0.012
OPENING = expand(dict.fromkeys((*visemes.OPENING_CHANNELS, "mouthFunnel", "mouthShrugUpper"), 1.0)) > 0
ROUNDING = expand(dict.fromkeys(visemes.ROUNDING_CHANNELS, 1.0)) > 0
CLOSED = expand({"mouthPress": 0.3, "mouthRollLower": 0.14, "mouthRollUpper": 0.1})  # lips together
BITE = expand({"mouthRollLower": 0.42, "mouthUpperUp": 0.2})  # lower lip under the upper teeth
NARROWED = ((("W", "UW"), 0.6), (("OW", "R", "ER", "UH"), 0.35))  # rounded lips leave only a small opening
JAW, CLOSE = BLENDSHAPE_INDEX["jawOpen"], BLENDSHAPE_INDEX["mouthClose"]


@threadpool_limits.wrap(limits=1, user_api="blas")  # products this small lose time to a second thread
def speech_motion(
    clip: SpeechClip, *, fps: float = 25.0, head: MouthRegressor | None = None, condition: SpeechCondition | None = None
) -> FaceMotion:
    """The mouth's motion for a clip: jaw, lips and tongue; everything else at rest, the head still.

    The clip's transcript, when it has trusted phones, shapes the lips as well; without one the sound alone does.
    head: the mouth regressor, by default the shipped one. condition: emotion and speaking style, for a regressor that
    uses them.
    Frame t is at t / fps s; silence closes the mouth.
    """
    frames = max(1, round(clip.duration_s * fps))
    voice = speaking(prosody.measure(clip, rate_hz=LOUDNESS_RATE), frames, fps)
    return articulate(predict_mouth(clip, head, condition), voice, fps, clip.transcript, head.config if head else None)


def prepare() -> None:
    """Read the weights now, so that the first clip doesn't wait for them."""
    shipped_mouth_regressor()
    shared_encoder()


def predict_mouth(
    clip: SpeechClip, head: MouthRegressor | None = None, condition: SpeechCondition | None = None
) -> MouthPrediction:
    """What a head, by default the shipped one, hears in a clip."""
    head = head or shipped_mouth_regressor()
    condition = dataclasses.replace(condition or SpeechCondition(), phones=trusted_phones(clip.transcript))
    return head.predict(shared_encoder().encode(clip, head.project), condition)


def trusted_phones(transcript: Transcript | None) -> tuple[TimedToken, ...]:
    """The phones that may move the lips: none when the transcript is doubtful."""
    return transcript.phones if transcript and transcript.trusted else ()


def articulate(
    heard: MouthPrediction,
    voice: FloatArray,
    fps: float,
    transcript: Transcript | None = None,
    config: ArticulationConfig | None = None,
) -> FaceMotion:
    """`speech_motion` from what the head heard.

    voice: [frames] 1 while something is said, as `speaking` gives it. config: how it is used, if not as shipped.
    """
    config, frames = config or shipped_mouth_regressor().config, len(voice)
    smooth = gaussian_filter1d(heard[0], 0.5 * FRAME_RATE / fps, axis=0, mode="nearest")
    predicted = at_frames(smooth, frames, fps, lead_s=config.lead_s)
    closing = gaussian_filter1d(heard[1], GATE_EASE_S * FRAME_RATE, mode="nearest")[:, None]
    gain = np.where(ROUNDING, config.rounding_gain, config.opening_gain).astype(np.float32)
    gate = at_frames(closing, frames, fps, lead_s=config.lead_s)[:, 0] - config.gate_open
    gate = gate / (config.gate_shut - config.gate_open)
    mouth, gate = predicted * gain, np.clip(gate, 0.0, 1.0)
    bite: FloatArray = np.zeros(frames, np.float32)
    phones = trusted_phones(transcript)
    if phones:
        shaped = visemes.coarticulate(phones, frames, fps)
        share = np.where(ROUNDING, config.phone_share_rounding, config.phone_share_opening)
        share = np.where(OPENING | ROUNDING, share, 0.75)
        mouth = mouth * (1.0 - share) + shaped * config.phone_gain * share
        gate = np.maximum(gate, visemes.closure(phones, visemes.BILABIALS, frames, fps))
        bite = visemes.closure(phones, visemes.LABIODENTALS, frames, fps)
        for names, amount in NARROWED:
            narrow = amount * visemes.closure(phones, names, frames, fps)
            mouth = np.where(OPENING, mouth * (1.0 - narrow[:, None]), mouth)
    mouth = np.maximum(mouth, 0.0) * voice[:, None]
    mouth = shut_lips(bite_lip(mouth, bite), shut_before_speech(gate, voice, fps) * voice)
    blendshapes = np.clip(mouth, 0.0, 1.0).astype(np.float32)
    return FaceMotion(blendshapes, np.zeros((frames, 6), np.float32), fps)


def shut_before_speech(gate: FloatArray, voice: FloatArray, fps: float) -> FloatArray:
    """The gate [T], already closed in the silence before speech that begins with p, b or m.

    Lips part a little before a sound; before these they would part and meet again. voice: as `speaking` gives it.
    """
    held = gate.copy()
    for begin in np.flatnonzero(np.diff(voice > 0.5, prepend=False) & (voice > 0.5)):
        sound = begin + (EASY_S + FIRST_SOUND_S) * fps  # the voice's curve rises this much before the sound
        shut = begin + np.flatnonzero(gate[begin : int(sound) + 1] > 0.5)
        if len(shut):
            held[max(0, begin - round(EASY_S * fps)) : shut[0]] = 1.0
    return held


def shut_lips(mouth: FloatArray, gate: FloatArray) -> FloatArray:
    """Mouth blendshapes [T,52] with the lips brought together by `gate` [T] (0 as they are, 1 they meet).

    The jaw rises part of the way; what it stays open is closed by the lips, as ARKit defines mouthClose: equal to
    jawOpen it puts the lips together.
    """
    amount = gate[:, None]
    shut = np.where(OPENING, mouth * (1.0 - amount), mouth)
    shut[:, JAW] = mouth[:, JAW] * (1.0 - 0.55 * gate)
    shut = np.maximum(shut, CLOSED * amount)
    shut[:, CLOSE] = mouth[:, CLOSE] * (1.0 - gate) + shut[:, JAW] * gate
    return shut


def bite_lip(mouth: FloatArray, bite: FloatArray) -> FloatArray:
    """Mouth blendshapes [T,52] with the lower lip under the upper teeth by `bite` [T], 0..1."""
    amount = bite[:, None]
    bitten = np.where(OPENING, mouth * (1.0 - 0.75 * amount), mouth)
    return np.maximum(bitten, BITE * amount)


def speaking(heard: prosody.Prosody, frames: int, fps: float, *, tight: bool = False) -> FloatArray:
    """[frames] 1 while something is said, eased to 0 in silence.

    tight: without the time in which lips part before the sound and come to rest after it.
    """
    loud = (heard.loudness > SILENT_LOUDNESS).astype(np.float32)
    reach = round((TIGHT_S if tight else EASY_S) * heard.rate_hz) * 2 + 1
    eased = gaussian_filter1d(maximum_filter1d(loud, reach), REST_EASE_S * heard.rate_hz, mode="nearest")
    return at_frames(eased[:, None], frames, fps, heard.rate_hz)[:, 0]


def at_frames(
    values: FloatArray, frames: int, fps: float, rate_hz: float = FRAME_RATE, *, lead_s: float = 0.0
) -> FloatArray:
    """Values [T,C] at `rate_hz`, linearly interpolated at [frames] moments t / fps + lead_s; the ends are held."""
    position = np.clip((np.arange(frames) / fps + lead_s) * rate_hz, 0, len(values) - 1)
    before = np.minimum(position.astype(int), max(0, len(values) - 2))
    after = np.minimum(before + 1, len(values) - 1)
    share = (position - before)[:, None].astype(np.float32)
    return values[before] * (1 - share) + values[after] * share


def load_mouth_regressor(folder: Path) -> MouthRegressor:
    """The head in a checkpoint folder; only a network needs torch."""
    if read_config(folder)[1]:
        from talker.motion.network import NetworkMouthRegressor

        return NetworkMouthRegressor.load(folder)
    return LinearMouthRegressor.load(folder)


@functools.cache
def shipped_mouth_regressor(checkpoint: str = "motion") -> MouthRegressor:
    """A head of this project: the linear one, or the `motion-network`."""
    return load_mouth_regressor(store.checkpoint(checkpoint))

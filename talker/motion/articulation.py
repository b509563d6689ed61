"""Speech becomes mouth motion: a learned head on the recogniser's inner layer, visemes of aligned phones, closures.

The head hears the sound alone, so any voice and any language moves the lips. Where a trusted transcript says which
phones sound, their visemes are blended in (the two err differently, and rounding is better known to the phones). A gate
for p, b, m, learnt from sound as well, closes the lips for good; f and v bite the lower lip.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d
from threadpoolctl import threadpool_limits

from talker.blendshapes import BLENDSHAPE_INDEX, expand
from talker.curves import at_frames
from talker.loaded import loaded_once
from talker.motion import visemes
from talker.motion.mouth_regressor import ArticulationConfig, MouthRegressor
from talker.options import LIP_MODELS, SpeakOptions
from talker.speech.analysis import EASY_S, SpeechAnalysis
from talker.speech.encoder import FRAME_RATE, shared_encoder
from talker.types import FaceMotion, FloatArray, TimedToken, Transcript
from talker.weights import store

MouthPrediction = tuple[FloatArray, FloatArray]  # blendshapes [T,52] and the probability of p, b, m [T] at 50 Hz
FIRST_SOUND_S = 0.06  # within this, a closure is the beginning of what is said
GATE_EASE_S = 0.012
OPENING = expand(dict.fromkeys((*visemes.OPENING_CHANNELS, "mouthFunnel", "mouthShrugUpper"), 1.0)) > 0
ROUNDING = expand(dict.fromkeys(visemes.ROUNDING_CHANNELS, 1.0)) > 0
CLOSED = expand({"mouthPress": 0.3, "mouthRollLower": 0.14, "mouthRollUpper": 0.1})  # lips together
BITE = expand({"mouthRollLower": 0.42, "mouthUpperUp": 0.2})  # lower lip under the upper teeth
NARROWED = ((("W", "UW"), 0.6), (("OW", "R", "ER", "UH"), 0.35))  # rounded lips leave only a small opening
JAW, CLOSE = BLENDSHAPE_INDEX["jawOpen"], BLENDSHAPE_INDEX["mouthClose"]


@threadpool_limits.wrap(limits=1, user_api="blas")  # products this small lose time to a second thread
def speech_motion(speech: SpeechAnalysis, *, fps: float = 25.0, regressor: MouthRegressor | None = None) -> FaceMotion:
    """The mouth's motion for a clip: jaw, lips and tongue; everything else at rest, the head still.

    The clip's transcript, when it has trusted phones, shapes the lips as well; without one the sound alone does.
    regressor: by default the shipped one. Frame t is at t / fps s; silence closes the mouth.
    """
    regressor = regressor or shipped_mouth_regressor()
    voice = speech.speaking(max(1, math.ceil(speech.duration_s * fps - 1e-3)), fps)  # no sound is cut
    return articulate(predict_mouth(speech, regressor), voice, fps, speech.transcript, regressor.config)


def prepare() -> None:
    """Read the weights now, so that the first clip doesn't wait for them."""
    shipped_mouth_regressor()
    shared_encoder()


def predict_mouth(speech: SpeechAnalysis, regressor: MouthRegressor | None = None) -> MouthPrediction:
    """What a regressor, by default the shipped one, predicts from the sound alone."""
    regressor = regressor or shipped_mouth_regressor()
    return regressor.predict(regressor.project(speech.layers))


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

    voice: [frames] 1 while something is said, as `SpeechAnalysis.speaking` gives it. config: how the prediction is
    used, if not as shipped.
    """
    config, frames = config or shipped_mouth_regressor().config, len(voice)
    smooth = gaussian_filter1d(heard[0], 0.5 * FRAME_RATE / fps, axis=0, mode="nearest")
    predicted = at_frames(smooth, frames, fps, FRAME_RATE, lead_s=config.lead_s)
    closing = gaussian_filter1d(heard[1], GATE_EASE_S * FRAME_RATE, mode="nearest")[:, None]
    gain = np.where(ROUNDING, config.rounding_gain, config.opening_gain).astype(np.float32)
    gate = at_frames(closing, frames, fps, FRAME_RATE, lead_s=config.lead_s)[:, 0] - config.gate_open
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

    Lips part a little before a sound; before these they would part and meet again. voice: as for
    `articulate`.
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


def chosen_mouth_regressor(options: SpeakOptions) -> MouthRegressor:
    """The shipped one that the options ask for."""
    return shipped_mouth_regressor(LIP_MODELS[options.converter] + ("-permissive" if options.permissive else ""))


@loaded_once
def shipped_mouth_regressor(checkpoint: str = "motion") -> MouthRegressor:
    """A mouth regressor of this project, by its checkpoint's name."""
    return MouthRegressor.load(store.checkpoint(checkpoint))

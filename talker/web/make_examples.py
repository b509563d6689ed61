"""Derive `assets/examples` from the examples' rows: `python -m talker.web.make_examples`. All of it is home-made."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import librosa
import numpy as np
import soundfile
from PIL import Image

from talker import SpeakOptions, Talker
from talker.example_faces import ADMIRAL
from talker.media.audio import load_speech
from talker.speech.analysis import SpeechAnalysis
from talker.types import FloatArray
from talker.web.emotion_panel import asked
from talker.web.examples import CALM, EXAMPLES, FOLDER, LOUD, SAD, SURPRISE, Example

THUMBNAIL = 176  # px, twice what the page shows
ABOVE, BESIDE = 0.45, 0.3  # of the face's size around it
# file: words, semitones higher, times faster, times louder; the offline voice itself has no emotions
VOICES = {
    SAD: ("He is gone. I miss him so much.", -3.0, 0.8, 0.4),
    LOUD: ("I can't believe it! That is enough, I said stop!", 2.0, 1.2, 3.0),
    CALM: ("I can't believe it. That is enough, I said stop.", 0.0, 1.0, 1.0),
}


def acted(samples: FloatArray, rate_hz: int, semitones: float, tempo: float, gain: float) -> FloatArray:
    """A voice [N] higher or lower, faster or slower, louder or softer."""
    shifted = librosa.effects.pitch_shift(samples, sr=rate_hz, n_steps=semitones)
    stretched = librosa.effects.time_stretch(shifted, rate=tempo)
    return np.tanh(3 * gain * stretched) / 1.2 if gain > 1 else gain * stretched


def make() -> None:
    """Write the recordings, the video and the thumbnails."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    talker = Talker()
    for path, (words, *change) in VOICES.items():
        clip = talker.load_speech(text=words).clip
        soundfile.write(path, acted(clip.samples, clip.sample_rate, *change), clip.sample_rate)
    talker.speak(
        ADMIRAL, text="Oh! Look at that!", emotion="surprised", options=SpeakOptions(size="crop256", seed=2),
        out=SURPRISE,
    )  # fmt: skip
    for example in EXAMPLES:
        make_thumbnail(talker, example)


def make_thumbnail(talker: Talker, example: Example) -> None:
    """Write the small picture of an example's person with its emotion."""
    inputs = example.inputs
    portrait = talker.analyze_portrait(example.picture)
    with tempfile.TemporaryDirectory() as folder:
        speech = SpeechAnalysis(load_speech(inputs.speech)) if inputs.speech else None
        code = talker.encode_emotion(asked(Path(folder), inputs), speech)
    still = talker.preview(portrait, code, inputs.options())
    face = talker.analyze_portrait(still).face_box
    side = max(face[2] - face[0], face[3] - face[1]) * (1 + 2 * BESIDE)
    centre = ((face[0] + face[2]) / 2, (face[1] + face[3]) / 2 - (ABOVE - BESIDE) * side / 4)
    cut = cv2.getRectSubPix(still, (round(side), round(side)), centre)
    small = Image.fromarray(cut).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small.save(example.thumbnail, quality=88)


if __name__ == "__main__":
    make()

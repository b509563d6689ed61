"""The invisible mark: how often it is found after what happens to films and pictures, and what it costs.

Films of build portraits (portraits 001-150 of the data) are drawn, marked, written as Talker writes them, and then
treated; pictures without a mark (portraits and faces) say how often one is found where none is.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageSequence

from talker.errors import TalkerError
from talker.evaluation.metrics import Recorder
from talker.evaluation.picture_metrics import psnr
from talker.evaluation.portraits import spread
from talker.media.image import load_image
from talker.media.provenance import MODELS
from talker.media.watermark import STILL, Marker, Payload
from talker.media.watermark_reader import MOST_FRAMES, find_mark
from talker.options import SpeakOptions
from talker.pipeline import Talker
from talker.types import EMOTION_LABELS, ByteArray

CLIPS, UNMARKED = 200, 2000
FRAMES, FPS = 76, 25
LAST_BUILD_PORTRAIT = 150
WORDS = (
    "Good morning! I have been waiting for this moment.", "The sea is quiet tonight, and so am I, my friend.",
    "Did you see that? It flew right past the window!", "I found the bug. It was an actual moth, really.",
)  # fmt: skip
OWN_CRF, BAD_CRF = 17, 28  # Talker's own quality, and a site's that saves space
SCALE, CROPPED = 0.75, 0.1  # of each side
GIF_FPS = 12
Frames = Sequence[ByteArray]
Treatment = Callable[[Frames, np.random.Generator], Frames]


def run(data: Path | None, record: Recorder) -> None:
    """Record how often marks are found in 200 films of 3 s, in as many stills, and in 2,000 unmarked pictures."""
    assert data is not None
    for number, frames in enumerate(drawn_films(data)):
        measure(frames, number, record)
    pictures = sorted((data / "portraits").glob("*.jpg")) + sorted((data / "faces").glob("*.webp"))
    for path in spread(pictures, UNMARKED):
        record.add("mark/false_alarms", find_mark([load_image(path)]) is not None)


def drawn_films(data: Path, count: int = CLIPS) -> Iterator[list[ByteArray]]:
    """Frames [512,512,3] of films of build portraits with different words and emotions."""
    talker = Talker()
    paths = sorted((data / "portraits").glob("*.jpg"))
    paths = [path for path in paths if int(path.stem.split("_")[1]) <= LAST_BUILD_PORTRAIT]
    speeches = [talker.load_speech(text=words) for words in WORDS]
    for number in range(count):
        options = SpeakOptions(size="crop512", seed=number)
        speech = speeches[number % len(speeches)]
        try:
            portrait = talker.analyze_portrait(paths[number % len(paths)])
            code = talker.encode_emotion(EMOTION_LABELS[number % len(EMOTION_LABELS)], speech)
            motion = talker.animate(speech, code, options, portrait)
            yield list(islice(talker.create_renderer(portrait, options).render(motion), FRAMES))
        except TalkerError:
            continue  # a portrait in which no face is found


def measure(frames: Frames, number: int, record: Recorder) -> None:
    """Mark a film, treat it in every way, and record whether and what is found; the same of a still."""
    payload = Payload(2, 1 + number % (len(MODELS) - 1), 29_800_000 + number, number.to_bytes(3, "big"))
    height, width = frames[0].shape[:2]
    marker, still = Marker((width, height), payload), Marker((width, height), payload, STILL)
    marker.add(frames[0])
    start = time.process_time()
    marked = [marker.add(frame) for frame in frames]
    record.add("mark/time", 1000 * (time.process_time() - start) / len(frames))
    picture = still.add(frames[0])
    least = min(psnr(*pair) for pair in zip(marked, frames, strict=True))
    record.add("mark/psnr", least, "clip's least frame")
    record.add("mark/psnr", psnr(picture, frames[0]), "still")
    written = encoded(marked, OWN_CRF)
    for name, treat in TREATMENTS.items():
        for metric, given in (("clip", written), ("still", [picture])):
            treated = treat(given, np.random.default_rng(number))
            found = find_mark(
                [treated[i] for i in np.unique(np.linspace(0, len(treated) - 1, MOST_FRAMES).astype(int))]
            )
            record.add(f"mark/{metric}_found", found is not None, name)
            record.add(f"mark/{metric}_read", found is not None and found.payload == payload, name)


def encoded(frames: Frames, crf: int) -> Frames:
    """The frames after H.264 of that quality."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": str(crf)})
        stream.height, stream.width = (side - side % 2 for side in frames[0].shape[:2])
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            even = np.ascontiguousarray(frame[: stream.height, : stream.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as written:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False) for frame in written.decode(video=0)]


def scaled(frames: Frames, rng: np.random.Generator) -> Frames:
    """At three quarters of their size."""
    return [cv2.resize(frame, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA) for frame in frames]


def cropped(frames: Frames, rng: np.random.Generator) -> Frames:
    """Without a tenth of their height and width, from somewhere."""
    height, width = (round(side * (1 - CROPPED)) for side in frames[0].shape[:2])
    row, column = rng.integers(np.subtract(frames[0].shape[:2], (height, width)) + 1)
    return [frame[row : row + height, column : column + width] for frame in frames]


def as_gif(frames: Frames, rng: np.random.Generator) -> Frames:
    """As a GIF of 12 frames a second, with its 256 colours."""
    kept = [Image.fromarray(frames[i]) for i in np.arange(0, len(frames), FPS / GIF_FPS).astype(int)]
    file = io.BytesIO()
    kept[0].save(file, "GIF", save_all=True, append_images=kept[1:], duration=round(1000 / GIF_FPS))
    return [np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(file))]


TREATMENTS: dict[str, Treatment] = {
    "nothing": lambda frames, rng: frames,
    "H.264 crf 28": lambda frames, rng: encoded(frames, BAD_CRF),
    "75 %": lambda frames, rng: encoded(scaled(frames, rng), OWN_CRF),
    "cropped 10 %": lambda frames, rng: encoded(cropped(frames, rng), OWN_CRF),
    "both": lambda frames, rng: encoded(cropped(scaled(frames, rng), rng), OWN_CRF),
    "both and crf 28": lambda frames, rng: encoded(cropped(scaled(frames, rng), rng), BAD_CRF),
    "GIF 12 fps": as_gif,
}

"""The command line's `talker live`: a face that talks while somebody speaks."""

from __future__ import annotations

import argparse
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from talker.arguments import add_option_flags, add_source_flags, files_read, read_options
from talker.files import prepare_outputs

if TYPE_CHECKING:
    from talker.pipeline import Talker


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose face, what it feels, and where sound and picture come from and go."""
    parser.add_argument("--portrait", required=True, metavar="P", help="picture of the person")
    parser.add_argument("--speech", metavar="S", help="a recording, at its own pace (default: the microphone)")
    add_option_flags(parser)
    add_source_flags(parser.add_mutually_exclusive_group(), "store")
    parser.add_argument("--out", required=True, metavar="MP4", help="a video that grows; players may open it meanwhile")


def live(arguments: argparse.Namespace, talker: Talker) -> None:
    """Let a face talk while somebody speaks, until the sound ends or Ctrl-C."""
    from talker.live.hearing import LOOKAHEAD_S
    from talker.live.sources import MICROPHONE_RATE, microphone, paced
    from talker.media.audio import load_speech
    from talker.media.fragments import write_fragments

    prepare_outputs([arguments.out], files_read(arguments))
    clip = load_speech(arguments.speech) if arguments.speech else None
    rate, options = clip.sample_rate if clip else MICROPHONE_RATE, read_options(arguments)
    face = talker.live(arguments.portrait, emotion=arguments.emotion or "neutral", options=options, sample_rate=rate)
    rest = np.zeros(round((LOOKAHEAD_S + 0.1) * rate), np.float32)  # so that the last words are shown
    sound = chain(paced(clip), [rest]) if clip else microphone()
    frames = ((frame.picture, frame.sound) for frame in face.of(sound))
    count = write_fragments(frames, face.size, options.fps, rate, arguments.out)
    print(f"{arguments.out}: {count} frames, {count / options.fps:.2f} s")

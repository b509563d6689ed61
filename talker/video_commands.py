"""The command line's verbs that take a film: edit its emotion, dub it, let it drive a portrait."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from talker.arguments import add_option_flags, add_source_flags, read_options
from talker.commands import counter, fetch_voice
from talker.options import EDIT_STRENGTHS, LONGER_SPEECH, MANNERS, VideoOptions
from talker.types import VideoResult

if TYPE_CHECKING:
    from talker.pipeline import Talker

STRENGTH_HELP = f"of the feeling, {EDIT_STRENGTHS[0]:g} (away from it) to {EDIT_STRENGTHS[1]:g}; 0 leaves the video's"


def add_edit_arguments(parser: argparse.ArgumentParser) -> None:
    """The film, the wanted emotion and how strongly it is wanted."""
    _add_video(parser)
    emotions = parser.add_mutually_exclusive_group(required=True)
    emotions.add_argument(
        "--tags", metavar="T", help="what is said, with tags where the feeling changes: '[happy] We won! [sad] But …'"
    )
    emotions.add_argument(
        "--own", action="store_true", help="more (strength above 0) or less (below 0) of what the video shows itself"
    )
    add_source_flags(emotions, "store")
    _add_settings(parser)


def edit(arguments: argparse.Namespace, talker: Talker) -> None:
    """Write the film with another emotion."""
    result = talker.edit(
        arguments.video, arguments.emotion, tagged_text=arguments.tags, options=_options(arguments), out=arguments.out,
        progress=counter("frame"),
    )  # fmt: skip
    _report(result)


def add_dub_arguments(parser: argparse.ArgumentParser) -> None:
    """The film and what is said in it from now on."""
    _add_video(parser)
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument("--speech", metavar="S", help="sound file, or a video with sound")
    words.add_argument("--text", metavar="T", help="words that an offline voice speaks")
    parser.add_argument("--voice", default="american", metavar="NAME", help="voice for --text, as in `talker speak`")
    add_source_flags(parser.add_mutually_exclusive_group(), "store")
    _add_settings(parser)
    parser.add_argument("--mouth", type=float, default=1.0, metavar="N", help="how far the lips move, 0 to 2")
    parser.add_argument(
        "--articulation", type=float, default=1.0, metavar="N", help="how clearly sounds are shaped, 0 to 2"
    )
    parser.add_argument(
        "--longer", choices=LONGER_SPEECH, default="loop", help="what goes on when the speech is longer (default loop)"
    )


def dub(arguments: argparse.Namespace, talker: Talker) -> None:
    """Write the film with other words."""
    if arguments.text is not None:
        fetch_voice(arguments.voice)
    result = talker.dub(
        arguments.video, arguments.speech, text=arguments.text, voice=arguments.voice, emotion=arguments.emotion,
        options=_options(arguments), out=arguments.out, progress=counter("frame"),
    )  # fmt: skip
    _report(result)


def add_drive_arguments(parser: argparse.ArgumentParser) -> None:
    """The portrait, and the film whose performance it gives."""
    parser.add_argument("--portrait", required=True, metavar="P", help="picture of the person who is shown")
    parser.add_argument("--video", required=True, metavar="V", help="video of the person who acts")
    parser.add_argument("--speech", metavar="S", help="sound to be heard instead of the video's")
    parser.add_argument(
        "--manner", choices=MANNERS, default=MANNERS[0],
        help="what the acting person does beyond rest, or expression and head exactly as filmed (default relative)",
    )  # fmt: skip
    _add_person(parser, "driver-")
    add_option_flags(parser)
    parser.add_argument("--out", required=True, metavar="MP4", help="the video to write")


def drive(arguments: argparse.Namespace, talker: Talker) -> None:
    """Write the portrait's performance."""
    driver = VideoOptions(face_index=arguments.driver_face_index, point=_point(arguments.driver_point))
    result = talker.drive(
        arguments.portrait, arguments.video, speech=arguments.speech, manner=arguments.manner, driver=driver,
        options=read_options(arguments), out=arguments.out, progress=counter("frame"),
    )  # fmt: skip
    _report(result)


def _add_video(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", metavar="VIDEO", help="the talking video")
    parser.add_argument("--out", required=True, metavar="MP4", help="the video to write")
    _add_person(parser, "")


def _add_person(parser: argparse.ArgumentParser, prefix: str) -> None:
    parser.add_argument(f"--{prefix}face-index", type=int, default=0, metavar="N", help="which face; 0 is the largest")
    parser.add_argument(
        f"--{prefix}point",
        nargs=3,
        type=float,
        metavar=("SECONDS", "X", "Y"),
        help="or the face nearest to a point (px)",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strength", type=float, default=1.0, metavar="N", help=STRENGTH_HELP)
    parser.add_argument(
        "--calm",
        metavar="VIDEO",
        help="another video of the person, without emotion: what is filmed is read against it",
    )
    parser.add_argument("--wrinkles", type=float, default=0.5, metavar="N", help="how deep folds are drawn, 0 to 1")
    parser.add_argument("--permissive", action="store_true", help="only weights that allow commercial use")
    parser.add_argument("--label", action="store_true", help="write AI-generated into a corner of the picture")


def _options(arguments: argparse.Namespace) -> VideoOptions:
    dubbing = {name: getattr(arguments, name) for name in ("mouth", "articulation", "longer") if name in arguments}
    return VideoOptions(
        strength=arguments.strength, face_index=arguments.face_index, point=_point(arguments.point),
        calm=arguments.calm, wrinkles=arguments.wrinkles, permissive=arguments.permissive, label=arguments.label,
        **dubbing,
    )  # fmt: skip


def _point(given: list[float] | None) -> tuple[float, float, float] | None:
    return None if given is None else (given[0], given[1], given[2])


def _report(result: VideoResult) -> None:
    for note in result.notes:
        print(note)
    print("Seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.timings.items()))
    print(f"{Path(result.video)}: {len(result.motion)} frames, {len(result.motion) / result.motion.fps:.2f} s")

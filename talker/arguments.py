"""What several verbs of the command line have in common: inputs, settings, and sources of an emotion."""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Sequence

from talker.emotion.resolve import SOURCES, EmotionRequest
from talker.options import LIP_MODELS, MAX_STRENGTH, RENDERERS, SIZES, SpeakOptions

# flags that set an option of the same name: (name, type, choices, help)
OPTION_FLAGS: tuple[tuple[str, type, Sequence[str] | None, str], ...] = (
    ("strength", float, None, f"how strong the feeling is, 0 to {MAX_STRENGTH} (default 1)"),
    ("voice_speed", float, None, "how fast a voice speaks --text, 0.5 to 2 (default 1)"),
    ("seed", int, None, "chance of head motion and blinks; the same number gives the same motion (default 0)"),
    ("mouth", float, None, "how far the lips move, 0 to 2 (default 1)"),
    ("articulation", float, None, "how clearly single sounds are shaped, 0 to 2 (default 1)"),
    ("pace", float, None, "how fast head, eyes and lids move, 0 to 2 (default 1)"),
    ("head", float, None, "how much the head moves, 0 to 2 (default 1)"),
    ("blinks", float, None, "how often the eyes blink, 0 to 2 (default 1)"),
    ("gaze", float, None, "how much the eyes wander, 0 to 2 (default 1)"),
    ("brows", float, None, "how much the brows stress words, 0 to 2 (default 1)"),
    ("wrinkles", float, None, "how deep folds are drawn, 0 to 1 (default 0.5)"),
    ("fps", float, None, "frames per second, 10 to 60 (default 25)"),
    ("size", str, SIZES, "the whole picture, or a square of head and shoulders (default native)"),
    ("renderer", str, RENDERERS, "what draws the face (default auto)"),
    ("converter", str, tuple(LIP_MODELS), "what turns speech into lips (default linear)"),
    ("face_index", int, None, "which face when there are several; 0 is the largest (default 0)"),
)
SWITCHES = (
    ("permissive", "only weights that allow commercial use"),
    ("allow_covered", "go on when something covers the mouth, which stays shut then"),
    ("plain_voice", "speak --text without the emotion"),
    ("still", "keep the head where it is"),
    ("label", "write AI-generated into a corner of the picture"),
)


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """What every verb that makes a portrait talk needs: the picture, the words and the settings."""
    parser.add_argument("--portrait", required=True, metavar="P", help="picture of the person")
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument("--speech", metavar="S", help="sound file, or a video with sound")
    words.add_argument("--text", metavar="T", help="words that an offline voice speaks")
    parser.add_argument(
        "--voice", default="american", metavar="NAME",
        help="voice for --text: a name that `talker voices` lists, or two mixed, such as heart=.7,george=.3",
    )  # fmt: skip
    add_option_flags(parser)


def add_option_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting of a portrait's film, and the file that holds them."""
    for name, kind, choices, text in OPTION_FLAGS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, choices=choices, help=text)
    for name, text in SWITCHES:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_const", const=True, help=text)
    parser.add_argument("--options", metavar="JSON", help="settings file; the flags above win over it")


def read_options(arguments: argparse.Namespace) -> SpeakOptions:
    """The settings file, if there is one, with the flags that were given on top."""
    options = SpeakOptions.load(arguments.options) if arguments.options else SpeakOptions()
    names = [name for name, _ in SWITCHES] + [name for name, *_ in OPTION_FLAGS]
    flags = {name: getattr(arguments, name) for name in names}
    return dataclasses.replace(options, **{name: value for name, value in flags.items() if value is not None})


def add_source_flags(parser: argparse._ActionsContainer, action: str) -> None:
    """A flag for each source of an emotion; `action` says whether the last one counts (store) or all do (append)."""
    for source in SOURCES.values():
        if source.metavar:
            asked = functools.partial(EmotionRequest, source.name)
            parser.add_argument(
                source.flag, dest="emotion", action=action, type=asked, metavar=source.metavar, help=source.help
            )
        else:
            constant = EmotionRequest(source.name)
            parser.add_argument(source.flag, dest="emotion", action=f"{action}_const", const=constant, help=source.help)


def files_read(arguments: argparse.Namespace) -> list[str | None]:
    """Every file that a command reads, so that none of them is written over."""
    asked = getattr(arguments, "emotion", None) or []
    requested = [request.value for request in (asked if isinstance(asked, list) else [asked])]
    return [arguments.portrait, arguments.speech, arguments.options, *getattr(arguments, "also", []), *requested]

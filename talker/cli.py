"""The command line: `python -m talker speak …`. A thin skin over `Talker`; verbs and sources of emotion are rows.

Errors of the TalkerError family are one line on stderr with exit code 2, and leave no output file.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from talker import commands
from talker.batch import COLUMNS, REPORT, read_manifest, run_batch
from talker.emotion.resolve import DEFAULT, SOURCES, EmotionRequest
from talker.errors import CancelledError, InputError, TalkerError
from talker.evaluation import command as evaluation
from talker.files import prepare_outputs
from talker.options import LIP_MODELS, MAX_STRENGTH, RENDERERS, SIZES, SpeakOptions
from talker.signals import signals_interrupt
from talker.speech.voices import VOICES, find_voice
from talker.types import EMOTION_LABELS, Result, Video

if TYPE_CHECKING:  # imported when a verb runs, so that --help is there at once
    from talker.pipeline import Talker

ERROR_CODE = 2
PARTLY_CODE = 1  # some videos of a batch were made, some were not
INTERRUPTED_CODE = 130  # what shells report after Ctrl-C
PREVIEW_SUFFIXES = (".gif", ".webp")


@dataclass(frozen=True)
class Verb:
    """A row of the things Talker does: its arguments, and the function that does it; its exit code, where not 0."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[..., int | None]  # with the parsed arguments and, where it `speaks`, a Talker
    speaks: bool = True


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


def main(arguments: Sequence[str] | None = None, talker: Talker | None = None) -> int:
    """Run a command line and return its exit code."""
    os.environ.setdefault("GLOG_minloglevel", "3")  # keep the face detector's own remarks off stderr
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever it can't encode, the film is there all the same
            stream.reconfigure(errors="replace")
    parsed = _parser().parse_args(arguments)
    try:
        with signals_interrupt():
            if not parsed.speaks:
                return parsed.run(parsed) or 0
            if talker is None:
                from talker.pipeline import Talker

                talker = Talker()
            return parsed.run(parsed, talker) or 0
    except CancelledError:
        return INTERRUPTED_CODE
    except TalkerError as error:
        _complain(" ".join(str(error).split()))
        return ERROR_CODE
    except KeyboardInterrupt:
        _complain("stopped; nothing was written.")
        return INTERRUPTED_CODE


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (try {self.prog} --help)")
        raise SystemExit(ERROR_CODE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="talker", description="Make a portrait talk, with a feeling.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for verb in VERBS:
        sub = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        verb.add_arguments(sub)
        sub.set_defaults(run=verb.run, speaks=verb.speaks)
    return parser


def _add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """What every verb that makes a portrait talk needs: the picture, the words and the settings."""
    parser.add_argument("--portrait", required=True, metavar="P", help="picture of the person")
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument("--speech", metavar="S", help="sound file, or a video with sound")
    words.add_argument("--text", metavar="T", help="words that an offline voice speaks")
    parser.add_argument(
        "--voice", default="american", metavar="NAME",
        help="voice for --text: a name that `talker voices` lists, or two mixed, such as heart=.7,george=.3",
    )  # fmt: skip
    for name, kind, choices, text in OPTION_FLAGS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, choices=choices, help=text)
    for name, text in SWITCHES:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_const", const=True, help=text)
    parser.add_argument("--options", metavar="JSON", help="settings file; the flags above win over it")


def _read_options(arguments: argparse.Namespace) -> SpeakOptions:
    """The settings file, if there is one, with the flags that were given on top."""
    options = SpeakOptions.load(arguments.options) if arguments.options else SpeakOptions()
    names = [name for name, _ in SWITCHES] + [name for name, *_ in OPTION_FLAGS]
    flags = {name: getattr(arguments, name) for name in names}
    return dataclasses.replace(options, **{name: value for name, value in flags.items() if value is not None})


def _add_speak_arguments(parser: argparse.ArgumentParser) -> None:
    _add_input_arguments(parser)
    _add_source_flags(parser.add_mutually_exclusive_group(), "store")
    parser.add_argument("--out", required=True, metavar="MP4", help="the video to write")
    parser.add_argument("--motion", metavar="NPZ", help="also write the motion, as Talker reads it")
    parser.add_argument("--csv", metavar="CSV", help="also write the motion, as Live Link Face records it")
    parser.add_argument("--landmarks", metavar="FILE", help="also write moving landmarks: 478 and 68 (.npz), 68 (.csv)")
    parser.add_argument("--landmark-video", metavar="MP4", help="also draw the moving landmarks")
    parser.add_argument("--preview", metavar="GIF", help="also write the first seconds as a GIF or WebP without sound")


def _add_source_flags(parser: argparse._ActionsContainer, action: str) -> None:
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


def _speak(arguments: argparse.Namespace, talker: Talker) -> None:
    extras = (arguments.motion, arguments.csv, arguments.landmarks, arguments.landmark_video, arguments.preview)
    prepare_outputs([arguments.out, *extras], _files_read(arguments))
    from talker.face.landmark_motion import check_landmark_path
    from talker.media.livelink import save_livelink
    from talker.media.video import check_video_path

    if arguments.landmarks:
        check_landmark_path(arguments.landmarks)
    if arguments.landmark_video:
        check_video_path(arguments.landmark_video)
    if arguments.preview and Path(arguments.preview).suffix.lower() not in PREVIEW_SUFFIXES:
        raise InputError(f"{arguments.preview} can't be written: the name of a preview must end in .gif or .webp.")
    if arguments.text is not None:
        _fetch_voice(arguments.voice)
    result = talker.speak(
        arguments.portrait,
        arguments.speech,
        text=arguments.text,
        voice=arguments.voice,
        emotion=arguments.emotion or DEFAULT,
        options=_read_options(arguments),
        out=arguments.out,
        progress=commands.counter("frame"),
    )
    if arguments.motion:
        result.motion.save(arguments.motion)
    if arguments.csv:
        save_livelink(result.motion, arguments.csv)
    if arguments.landmarks or arguments.landmark_video:
        _write_landmarks(arguments, talker, result)
    if arguments.preview:
        from talker.media.film import write_preview  # MoviePy takes a second to import

        write_preview(result.video, arguments.preview)
    _report(result)


def _files_read(arguments: argparse.Namespace) -> list[str | None]:
    """Every file that a command reads, so that none of them is written over."""
    asked = getattr(arguments, "emotion", None) or []
    requested = [request.value for request in (asked if isinstance(asked, list) else [asked])]
    return [arguments.portrait, arguments.speech, arguments.options, *getattr(arguments, "also", []), *requested]


def _write_landmarks(arguments: argparse.Namespace, talker: Talker, result: Result) -> None:
    """Landmark output: files and a drawing of the portrait's moving landmarks."""
    from talker.face.landmark_motion import landmark_motion
    from talker.media.video import write_video

    moving = landmark_motion(talker.portrait_for(arguments.portrait, result.options), result.motion)
    if arguments.landmarks:
        moving.save(arguments.landmarks)
    if arguments.landmark_video:
        drawn = Video(moving.draw(), len(moving), moving.fps, moving.drawn_size, result.speech)
        write_video(drawn, arguments.landmark_video)


def _add_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    _add_input_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help="a picture (.png, .jpg) or a film (.mp4)")


def _sheet(arguments: argparse.Namespace, talker: Talker) -> None:
    strength = _read_options(arguments).strength
    _write_sheet(arguments, talker, [arguments.portrait], {label: label for label in EMOTION_LABELS}, [strength])


def _add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    _add_sheet_arguments(parser)
    parser.add_argument("--also", nargs="+", default=[], metavar="P", help="further portraits, saying the same")
    parser.add_argument(
        "--emotions", nargs="+", default=[], metavar="WORDS",
        help="labels or descriptions; all labels when no feeling is named here or by the flags below",
    )  # fmt: skip
    _add_source_flags(parser.add_argument_group("feelings from elsewhere, each as often as you like"), "append")
    parser.add_argument(
        "--strengths", nargs="+", type=float, default=[0.5, 1.0], metavar="N", help="each emotion at each of these"
    )
    parser.add_argument(
        "--renderers", nargs="+", choices=RENDERERS, default=[], help="each of all that by each of these"
    )


def _compare(arguments: argparse.Namespace, talker: Talker) -> None:
    portraits = [arguments.portrait, *arguments.also]
    emotions: dict[str, str | EmotionRequest] = {words: words for words in arguments.emotions}
    emotions |= {request.title: request for request in arguments.emotion or []}
    emotions = emotions or {label: label for label in EMOTION_LABELS}
    _write_sheet(arguments, talker, portraits, emotions, arguments.strengths, arguments.renderers)


def _write_sheet(
    arguments: argparse.Namespace,
    talker: Talker,
    pictures: Sequence[str],
    emotions: Mapping[str, str | EmotionRequest],
    strengths: Sequence[float],
    renderers: Sequence[str] = (),
) -> None:
    from talker.evaluation.contact_sheet import cells, write_sheet

    prepare_outputs([arguments.out], _files_read(arguments))
    options = _read_options(arguments)
    portraits = [talker.portrait_for(picture, options) for picture in pictures]
    speech = talker.load_speech(arguments.speech, arguments.text, arguments.voice)
    progress = commands.counter("row")
    write_sheet(talker, cells(portraits, emotions, strengths, options, renderers), speech, arguments.out, progress)
    print(arguments.out)


def _add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--manifest", required=True, metavar="FILE", help=f"csv or json with {', '.join(COLUMNS[:7])} …"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the videos and their report")


def _batch(arguments: argparse.Namespace, talker: Talker) -> int:
    jobs = read_manifest(arguments.manifest)
    made = run_batch(talker, jobs, arguments.out, commands.counter("video"), also_read=[arguments.manifest])
    if not made:
        raise InputError(f"None of the {len(jobs)} videos could be made; {arguments.out / REPORT} says why.")
    print(f"{made} of {len(jobs)} videos made; {arguments.out / REPORT} lists them.")
    return 0 if made == len(jobs) else PARTLY_CODE


def _voices(arguments: argparse.Namespace) -> None:
    for voice in VOICES.values():
        print(f"{voice.name:12} {voice.title}")


def _fetch_voice(voice: str) -> None:
    """Download what a voice needs, with a counter."""
    from talker.weights import registry, store

    for name in find_voice(voice).weights:
        store.fetch(name, commands.counter(f"{registry.ASSETS[name].title}, byte"))


def _report(result: Result) -> None:
    for note in result.notes:
        print(note)
    print("Seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.timings.items()))
    print(f"{Path(result.video)}: {len(result.motion)} frames, {result.speech.duration_s:.2f} s")


def _complain(message: str) -> None:
    print(f"talker: {message}", file=sys.stderr)


VERBS = (
    Verb("speak", "Write a video of a portrait speaking with a feeling.", _add_speak_arguments, _speak),
    Verb("sheet", "Show one portrait speaking with all eight feelings side by side.", _add_sheet_arguments, _sheet),
    Verb(
        "compare", "Show portraits, emotions, strengths and renderers side by side.", _add_compare_arguments, _compare
    ),
    Verb("voices", "List the voices that speak --text.", lambda parser: None, _voices, speaks=False),
    Verb("batch", "Write the videos that a manifest lists.", _add_batch_arguments, _batch),
    Verb("web", "Open the web page.", commands.add_web_arguments, commands.web, speaks=False),
    Verb(
        "fetch", "Download weights beforehand, for use without a network.", commands.add_fetch_arguments,
        commands.fetch, speaks=False,
    ),
    Verb(
        "evaluate", "Measure a part of Talker and print the table.", evaluation.add_arguments,
        commands.evaluate, speaks=False,
    ),
    Verb(
        "train", "Derive or train the weights in checkpoints/.", commands.add_train_arguments, commands.train,
        speaks=False,
    ),
)  # fmt: skip

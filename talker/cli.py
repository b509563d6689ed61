"""The command line: `python -m talker speak …`. A thin skin over `Talker`; verbs and sources of emotion are rows.

Errors of the TalkerError family are one line on stderr with exit code 2, and leave no output file.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from talker import commands, video_commands
from talker.arguments import add_input_arguments, add_source_flags, files_read, read_options
from talker.batch import COLUMNS, REPORT, read_manifest, run_batch
from talker.crew import on_ray, processes
from talker.emotion.resolve import DEFAULT, EmotionRequest
from talker.errors import CancelledError, InputError, TalkerError
from talker.evaluation import command as evaluation
from talker.files import prepare_outputs
from talker.journal import job, write_log
from talker.limits import BATCH_ROWS
from talker.live_commands import add_live_arguments, live
from talker.options import RENDERERS
from talker.signals import signals_interrupt
from talker.speech.voices import VOICES
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


def main(arguments: Sequence[str] | None = None, talker: Talker | None = None) -> int:
    """Run a command line and return its exit code."""
    os.environ.setdefault("GLOG_minloglevel", "3")  # keep the face detector's own remarks off stderr
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever it can't encode, the film is there all the same
            stream.reconfigure(errors="replace")
    parsed = _parser().parse_args(arguments)
    write_log(parsed.verbose)
    try:
        with signals_interrupt(), job(parsed.verb):
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
    parser.add_argument("--verbose", action="store_true", help="log each stage to stderr; before the verb")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for verb in VERBS:
        sub = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        verb.add_arguments(sub)
        sub.set_defaults(run=verb.run, speaks=verb.speaks)
    return parser


def _add_speak_arguments(parser: argparse.ArgumentParser) -> None:
    add_input_arguments(parser)
    add_source_flags(parser.add_mutually_exclusive_group(), "store")
    parser.add_argument("--out", required=True, metavar="MP4", help="the video to write")
    parser.add_argument("--fragmented", action="store_true", help="let the video grow, so that players start at once")
    parser.add_argument("--motion", metavar="NPZ", help="also write the motion, as Talker reads it")
    parser.add_argument("--csv", metavar="CSV", help="also write the motion, as Live Link Face records it")
    parser.add_argument("--landmarks", metavar="FILE", help="also write moving landmarks: 478 and 68 (.npz), 68 (.csv)")
    parser.add_argument("--landmark-video", metavar="MP4", help="also draw the moving landmarks")
    parser.add_argument("--preview", metavar="GIF", help="also write the first seconds as a GIF or WebP without sound")


def _speak(arguments: argparse.Namespace, talker: Talker) -> None:
    extras = (arguments.motion, arguments.csv, arguments.landmarks, arguments.landmark_video, arguments.preview)
    prepare_outputs([arguments.out, *extras], files_read(arguments))
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
        commands.fetch_voice(arguments.voice)
    result = talker.speak(
        arguments.portrait,
        arguments.speech,
        text=arguments.text,
        voice=arguments.voice,
        emotion=arguments.emotion or DEFAULT,
        options=read_options(arguments),
        out=arguments.out,
        progress=commands.counter("frame"),
        fragmented=arguments.fragmented,
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


def _write_landmarks(arguments: argparse.Namespace, talker: Talker, result: Result) -> None:
    """Landmark output: files and a drawing of the portrait's moving landmarks."""
    from talker.face.landmark_motion import landmark_motion
    from talker.media.provenance import Provenance
    from talker.media.video import write_video

    moving = landmark_motion(talker.portrait_for(arguments.portrait, result.options), result.motion)
    if arguments.landmarks:
        moving.save(arguments.landmarks)
    if arguments.landmark_video:
        drawn = Video(moving.draw(), len(moving), moving.fps, moving.drawn_size, result.speech)
        write_video(drawn, arguments.landmark_video, provenance=Provenance("landmarks"))


def _add_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    add_input_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help="a picture (.png, .jpg) or a film (.mp4)")


def _sheet(arguments: argparse.Namespace, talker: Talker) -> None:
    strength = read_options(arguments).strength
    _write_sheet(arguments, talker, [arguments.portrait], {label: label for label in EMOTION_LABELS}, [strength])


def _add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    _add_sheet_arguments(parser)
    parser.add_argument("--also", nargs="+", default=[], metavar="P", help="further portraits, saying the same")
    parser.add_argument(
        "--emotions", nargs="+", default=[], metavar="WORDS",
        help="labels or descriptions; all labels when no feeling is named here or by the flags below",
    )  # fmt: skip
    add_source_flags(parser.add_argument_group("feelings from elsewhere, each as often as you like"), "append")
    parser.add_argument(
        "--strengths", nargs="+", type=float, default=[0.5, 1.0], metavar="N", help="each emotion at each of these"
    )
    parser.add_argument(
        "--renderers", nargs="+", choices=RENDERERS, default=[], help="each of all that by each of these"
    )
    parser.add_argument(
        "--methods", nargs="+", default=[], metavar="NAME",
        help="the papers' methods in place of emotions: neutral, eamm, amigo, hifi, cem, cmet; they take their words, "
        "film and voice from the flags above",
    )  # fmt: skip
    parser.add_argument("--calm-voice", metavar="FILE", help="for cmet: the voice without the emotion")


def _compare(arguments: argparse.Namespace, talker: Talker) -> None:
    portraits = [arguments.portrait, *arguments.also]
    emotions: dict[str, str | EmotionRequest] = {words: words for words in arguments.emotions}
    emotions |= {request.title: request for request in arguments.emotion or []}
    emotions = emotions or {label: label for label in EMOTION_LABELS}
    if arguments.methods:
        _write_methods(arguments, talker, portraits)
        return
    _write_sheet(arguments, talker, portraits, emotions, arguments.strengths, arguments.renderers)


def _write_methods(arguments: argparse.Namespace, talker: Talker, pictures: Sequence[str]) -> None:
    from talker.evaluation.contact_sheet import method_cells, write_sheet
    from talker.evaluation.methods import Given

    names = {"text": "words", "video": "film", "voice": "voice"}
    asked = [request for request in arguments.emotion or [] if request.source in names]
    values: dict[str, Any] = {names[request.source]: Path(request.value) for request in asked}
    if arguments.calm_voice:
        values["calm"] = Path(arguments.calm_voice)
    prepare_outputs([arguments.out], files_read(arguments))
    options = read_options(arguments)
    portraits = [talker.analyze_portrait(picture, options.face_index) for picture in pictures]
    rows = method_cells(portraits, arguments.methods, options, dataclasses.replace(Given(), **values))
    speech = talker.load_speech(arguments.speech, arguments.text, arguments.voice)
    write_sheet(talker, rows, speech, arguments.out, commands.counter("row"))
    print(arguments.out)


def _write_sheet(
    arguments: argparse.Namespace,
    talker: Talker,
    pictures: Sequence[str],
    emotions: Mapping[str, str | EmotionRequest],
    strengths: Sequence[float],
    renderers: Sequence[str] = (),
) -> None:
    from talker.evaluation.contact_sheet import cells, write_sheet

    prepare_outputs([arguments.out], files_read(arguments))
    options = read_options(arguments)
    portraits = [talker.portrait_for(picture, options) for picture in pictures]
    speech = talker.load_speech(arguments.speech, arguments.text, arguments.voice)
    progress = commands.counter("row")
    write_sheet(talker, cells(portraits, emotions, strengths, options, renderers), speech, arguments.out, progress)
    print(arguments.out)


def _add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("jobs", nargs="?", metavar="JOBS", help=f"csv, json or jsonl with {', '.join(COLUMNS[:7])} …")
    given.add_argument("--manifest", metavar="FILE", help="the same")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the videos and their report")
    crew = parser.add_mutually_exclusive_group()
    crew.add_argument("--processes", type=int, metavar="N", help="how many videos are made at once on this machine")
    crew.add_argument("--ray", metavar="ADDRESS", help="a Ray cluster: auto, an address, or local for one made here")


def _batch(arguments: argparse.Namespace, talker: Talker) -> int:
    listed = arguments.jobs or arguments.manifest
    jobs = read_manifest(listed, BATCH_ROWS)
    crew = on_ray(arguments.ray) if arguments.ray else None
    if arguments.processes is not None:
        crew = processes(arguments.processes)
    made = run_batch(talker, jobs, arguments.out, commands.counter("video"), also_read=[listed], crew=crew)
    if not made:
        raise InputError(f"None of the {len(jobs)} videos could be made; {arguments.out / REPORT} says why.")
    print(f"{made} of {len(jobs)} videos made; {arguments.out / REPORT} lists them.")
    return 0 if made == len(jobs) else PARTLY_CODE


def _voices(arguments: argparse.Namespace) -> None:
    for voice in VOICES.values():
        print(f"{voice.name:12} {voice.title}")


def _report(result: Result) -> None:
    for note in result.notes:
        print(note)
    print("Seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.timings.items()))
    print(f"{Path(result.video)}: {len(result.motion)} frames, {result.speech.duration_s:.2f} s")


def _complain(message: str) -> None:
    print(f"talker: {message}", file=sys.stderr)


VERBS = (
    Verb("speak", "Write a video of a portrait speaking with a feeling.", _add_speak_arguments, _speak),
    Verb(
        "edit", "Change the feeling of a talking video.", video_commands.add_edit_arguments, video_commands.edit
    ),
    Verb("dub", "Let the person in a video say something else.", video_commands.add_dub_arguments, video_commands.dub),
    Verb(
        "drive", "Let the performance in a video drive a portrait.", video_commands.add_drive_arguments,
        video_commands.drive,
    ),
    Verb("sheet", "Show one portrait speaking with all eight feelings side by side.", _add_sheet_arguments, _sheet),
    Verb(
        "compare", "Show portraits, emotions, strengths and renderers side by side.", _add_compare_arguments, _compare
    ),
    Verb(
        "gallery", "Make the pictures of the docs, of people who may be shown.", commands.add_gallery_arguments,
        commands.gallery, speaks=False,
    ),
    Verb("voices", "List the voices that speak --text.", lambda parser: None, _voices, speaks=False),
    Verb("batch", "Write the videos that a manifest lists.", _add_batch_arguments, _batch),
    Verb("live", "Let a face talk while somebody speaks.", add_live_arguments, live),
    Verb("web", "Open the web page.", commands.add_web_arguments, commands.web, speaks=False),
    Verb(
        "fetch", "Download weights beforehand, for use without a network.", commands.add_fetch_arguments,
        commands.fetch, speaks=False,
    ),
    Verb(
        "verify", "Say whether pictures and films were made by Talker.", commands.add_verify_arguments,
        commands.verify, speaks=False,
    ),
    Verb(
        "evaluate", "Measure a part of Talker and print the table.", evaluation.add_arguments,
        commands.evaluate, speaks=False,
    ),
    Verb(
        "prepare", "Draw what the generator learns from.", commands.add_prepare_arguments, commands.prepare,
        speaks=False,
    ),
    Verb(
        "blind-test", "Ask people which of two films is better, and score the votes.",
        commands.add_blind_test_arguments, commands.blind_test, speaks=False,
    ),
    Verb(
        "bench", "Measure what films and frames cost on this machine.", commands.add_bench_arguments,
        commands.bench, speaks=False,
    ),
    Verb(
        "export", "Write networks as ONNX files.", commands.add_export_arguments, commands.export, speaks=False,
    ),
    Verb(
        "train", "Derive or train the weights in checkpoints/.", commands.add_train_arguments, commands.train,
        speaks=False,
    ),
)  # fmt: skip

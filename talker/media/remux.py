"""The sound of one film under the pictures of another, copied as it is where the container allows.

Nothing is decoded but sound that an mp4 can't hold. It runs where decoders run, because the source may be anything.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av

from talker.errors import VideoError
from talker.media.animation import is_animation
from talker.media.decoding import DECODER_ERRORS, is_readable, open_container
from talker.media.isolation import decoded_once

COPIED = ("aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus", "flac")  # sound that an mp4 holds
IN_STEP_S = Fraction(1, 2)  # sound that begins this much earlier or later than the picture is meant so
BITS_PER_SECOND = 160_000
ENCODED_RATE = 48_000  # Hz
Timed = tuple[Fraction, int, Any]  # seconds, number of the stream, what to write


def with_sound_of(source: str | Path, pictures: Path, out: Path, seconds: float) -> str:
    """Write the `pictures` of an mp4 with the first sound track of `source` to `out`, in step; how that went.

    seconds: of sound that is taken. Returns "copied", "encoded", or "silent" where `source` has no sound that can be
    read. Raises VideoError when `out` can't be written.
    """
    (how,) = decoded_once(join, str(source), str(pictures), str(out), seconds, error=VideoError)
    return str(how)


def joined_pictures(parts: Sequence[Path], out: Path) -> None:
    """Write the pictures of several mp4s that were encoded alike, one after the other, to `out`; nothing is decoded.

    Raises VideoError when that is not possible.
    """
    try:
        with av.open(f"file:{out}", "w") as joined:
            into, start = None, Fraction(0)
            for part in parts:
                with av.open(f"file:{part}") as film:
                    track = film.streams.video[0]
                    if into is None:
                        joined.metadata.update(film.metadata)
                        into = joined.add_stream_from_template(track)
                    for _, _, packet in _shifted(film, track, into, start):
                        joined.mux(packet)
                    start += track.frames / Fraction(track.average_rate or 1)
    except DECODER_ERRORS as error:
        raise VideoError(f"The parts of {out.name} can't be joined ({error}).") from error


def join(source: str, pictures: str, out: str, seconds: float) -> Iterator[tuple[str]]:
    """What `with_sound_of` hands to a decoder."""
    try:
        with (
            ExitStack() as opened,
            av.open(f"file:{pictures}") as drawn,
            av.open(f"file:{out}", "w", options={"movflags": "+faststart"}) as joined,
        ):
            joined.metadata.update(drawn.metadata)
            picture = joined.add_stream_from_template(drawn.streams.video[0])
            track = None
            if not is_animation(Path(source)):
                film = opened.enter_context(open_container(Path(source)))
                track = next((stream for stream in film.streams.audio if is_readable(stream)), None)
            heard: Iterator[Timed] = iter(())
            how, ahead = "silent", Fraction(0)
            if track is not None:
                ahead = _ahead(film, track)
                copied = track.codec_context.name in COPIED
                how, read = ("copied", _copied) if copied else ("encoded", _encoded)
                heard = read(film, track, joined, max(Fraction(0), -ahead), Fraction(seconds))
            seen = _shifted(drawn, drawn.streams.video[0], picture, max(Fraction(0), ahead))
            for _, _, packet in heapq.merge(seen, heard, key=lambda timed: timed[:2]):
                joined.mux(packet)
        yield (how,)
    except DECODER_ERRORS as error:
        raise VideoError(
            f"The sound of {Path(source).name} can't be written under the new pictures ({error})."
        ) from error


def _ahead(film: av.container.InputContainer, track: av.AudioStream) -> Fraction:
    """Seconds by which the sound begins before the picture."""
    if not film.streams.video:
        return Fraction(0)
    picture, sound = (
        (stream.start_time or 0) * (stream.time_base or Fraction(0)) for stream in (film.streams.video[0], track)
    )
    ahead = picture - sound
    return ahead if abs(ahead) <= IN_STEP_S else Fraction(0)


def _shifted(
    container: av.container.InputContainer, stream: av.VideoStream, into: av.VideoStream, later: Fraction
) -> Iterator[Timed]:
    """The packets of the drawn pictures, `later` s later."""
    for packet in container.demux(stream):
        if packet.dts is None or packet.pts is None:
            continue
        packet.stream = into
        shift = round(later / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        yield packet.dts * packet.time_base, 0, packet


def _copied(
    film: av.container.InputContainer, track: av.AudioStream, joined: av.container.OutputContainer, later: Fraction,
    seconds: Fraction,
) -> Iterator[Timed]:  # fmt: skip
    """The packets of the film's sound as they are, from `later` s on."""
    into = joined.add_stream_from_template(track)
    first: int | None = None
    for packet in film.demux(track):
        if packet.dts is None or packet.pts is None:
            continue
        first = packet.pts if first is None else first
        start = (packet.pts - first) * packet.time_base
        if start >= seconds:
            break
        shift = round(later / packet.time_base) - first
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        packet.stream = into
        yield packet.dts * packet.time_base, 1, packet


def _encoded(
    film: av.container.InputContainer, track: av.AudioStream, joined: av.container.OutputContainer, later: Fraction,
    seconds: Fraction,
) -> Iterator[Timed]:  # fmt: skip
    """The film's sound as AAC, from `later` s on."""
    layout = "stereo" if track.channels > 1 else "mono"
    into = joined.add_stream("aac", rate=ENCODED_RATE, layout=layout, bit_rate=BITS_PER_SECOND)
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=ENCODED_RATE)
    written = round(later * ENCODED_RATE)
    end = written + round(seconds * ENCODED_RATE)
    for frame in chain(film.decode(track), [None]):
        for piece in resampler.resample(frame):
            if written < end:
                piece.pts, piece.time_base = written, Fraction(1, ENCODED_RATE)
                written += piece.samples
                yield from _timed(into.encode(piece))
    yield from _timed(into.encode(None))


def _timed(packets: list[Any]) -> Iterator[Timed]:
    for packet in packets:
        yield (packet.dts or 0) * packet.time_base, 1, packet

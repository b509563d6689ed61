"""When each phone sounds: pocketsphinx's forced alignment of a known text, in pieces, with a measure of trust."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import numpy as np
import pocketsphinx

from talker.breaks import with_breaks
from talker.loaded import loaded_once
from talker.media import audio
from talker.speech.pronunciation import alignable_words
from talker.types import FloatArray, SpeechClip, TimedToken, Transcript

SAMPLE_RATE = 16_000
FRAME_S = 0.01  # pocketsphinx counts in frames of 10 ms
MARGIN_S = 0.25  # sound kept on both sides of a piece
PIECE_S = 12.0  # longer runs of words are cut at their longest pause
WORST_SCORE = -50.0  # mean acoustic score per frame below which an alignment isn't trusted
PEAK = 0.7  # level at which the sound is heard
DITHER = 1e-3  # noise that keeps digital silence from starving the search
BEAM = 1e-250  # so wide that the search always reaches the last word
SILENCES = ("SIL", "+SPN+", "+NSN+")


def align(clip: SpeechClip, transcript: Transcript) -> Transcript:
    """`transcript` with phones, and words at the aligned times.

    The transcript's own word times say where to look, so any length of speech works. Its confidence is lowered to
    0.5 or less when the sound doesn't fit the words; phones are empty when nothing could be aligned.
    """
    samples = audio.at_rate(clip, SAMPLE_RATE).samples
    words: list[TimedToken] = []
    phones: list[TimedToken] = []
    scores: list[float] = []
    for start, piece in with_breaks(_pieces(transcript.words, len(samples) / SAMPLE_RATE)):
        from_s = max(0.0, start)
        to_s = max(piece[-1].end_s, from_s) + MARGIN_S
        sound = samples[round(from_s * SAMPLE_RATE) : round(to_s * SAMPLE_RATE)]
        aligned = _align_piece(sound, from_s, tuple(word.text for word in piece))
        if aligned is None:
            words.extend(piece)
            scores.append(2 * WORST_SCORE)
            continue
        words.extend(aligned[0])
        phones.extend(aligned[1])
        scores.append(aligned[2])
    if not words:
        return transcript
    trust = float(np.clip(1.0 - np.mean(scores) / (2 * WORST_SCORE), 0.0, 1.0))
    return Transcript(tuple(words), tuple(phones), transcript.language, min(transcript.confidence, trust))


def align_text(clip: SpeechClip, text: str) -> Transcript:
    """The transcript of a short clip (up to half a minute) whose words are known but not their times."""
    words = text.split()
    length = clip.duration_s / max(1, len(words))
    spread = tuple(TimedToken(word, index * length, (index + 1) * length) for index, word in enumerate(words))
    samples = audio.at_rate(clip, SAMPLE_RATE).samples
    aligned = _align_piece(samples, 0.0, tuple(words))
    if aligned is None:
        return Transcript(spread, confidence=0.0)
    trust = float(np.clip(1.0 - aligned[2] / (2 * WORST_SCORE), 0.0, 1.0))
    return Transcript(tuple(aligned[0]), tuple(aligned[1]), confidence=trust)


def _pieces(words: tuple[TimedToken, ...], duration_s: float) -> Iterator[tuple[float, tuple[TimedToken, ...]]]:
    """(start s, words) of runs short enough to align, cut at the longest pauses."""
    if not words:
        return
    stack = [words]
    while stack:
        run = stack.pop()
        if run[-1].end_s - run[0].start_s > PIECE_S and len(run) > 1:
            pauses = [after.start_s - before.end_s for before, after in itertools.pairwise(run)]
            middle = np.abs(np.arange(len(pauses)) - len(pauses) / 2) / len(pauses)
            cut = 1 + int(np.argmax(np.array(pauses) - 0.2 * middle))
            stack += [run[cut:], run[:cut]]
        elif run[0].start_s < duration_s:
            yield run[0].start_s - MARGIN_S, run


def _align_piece(
    samples: FloatArray, offset_s: float, texts: tuple[str, ...]
) -> tuple[list[TimedToken], list[TimedToken], float] | None:
    """(words, phones, mean score per frame) of one piece of 16 kHz sound, or None when the words don't fit it."""
    decoder = _decoder()
    spelled = [alignable_words(decoder, text) for text in texts]
    flat = [word for parts in spelled for word in parts]
    if not flat or len(samples) < SAMPLE_RATE // 10:
        return None
    gain = PEAK / max(float(np.abs(samples).max()), 1e-3)
    noise = np.random.default_rng(0).normal(0.0, DITHER, len(samples))
    sound = (np.clip(samples * gain + noise, -1.0, 1.0) * 32767).astype(np.int16).tobytes()
    alignment = _search(decoder, flat, sound)
    return _collect(alignment, offset_s, texts, spelled) if alignment is not None else None


def _search(decoder: pocketsphinx.Decoder, words: list[str], sound: bytes) -> pocketsphinx.Alignment | None:
    """Word alignment first, then the phones inside it; None when the search loses its way."""
    try:
        decoder.set_align_text(" ".join(words))
        _hear(decoder, sound)
        if _spoken(segment.word for segment in decoder.seg() or ()) != words:
            return None
        decoder.set_alignment()
        _hear(decoder, sound)
    except RuntimeError:
        return None
    return decoder.get_alignment()


def _collect(
    alignment: pocketsphinx.Alignment, offset_s: float, texts: tuple[str, ...], spelled: list[tuple[str, ...]]
) -> tuple[list[TimedToken], list[TimedToken], float] | None:
    """Turn pocketsphinx's nested alignment into timed words, phones and the mean score per frame."""
    phones: list[TimedToken] = []
    spans: list[tuple[float, float]] = []
    score, frames = 0.0, 0
    for entry in alignment:
        spoken = bool(_spoken([entry.name]))
        if spoken:
            spans.append((offset_s + entry.start * FRAME_S, offset_s + (entry.start + entry.duration) * FRAME_S))
        for phone in entry:
            name = "SIL" if phone.name in SILENCES else phone.name
            start_s = offset_s + phone.start * FRAME_S
            phones.append(TimedToken(name, start_s, start_s + phone.duration * FRAME_S))
            if spoken:
                score, frames = score + phone.score, frames + phone.duration
    words: list[TimedToken] = []
    position = 0
    for text, parts in zip(texts, spelled, strict=True):
        if parts:
            own = spans[position : position + len(parts)]
            position += len(parts)
            words.append(TimedToken(text, own[0][0], own[-1][1]))
    return (words, phones, score / frames) if frames else None


def _spoken(names: Iterator[str] | list[str]) -> list[str]:
    """Word names without silences and without the number of the pronunciation that was heard."""
    return [name.split("(")[0] for name in names if not name.startswith(("<", "["))]


def _hear(decoder: pocketsphinx.Decoder, sound: bytes) -> None:
    decoder.reinit_feat()  # forget the loudness of the sound before, or no run would repeat another
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


@loaded_once
def _decoder() -> pocketsphinx.Decoder:
    """pocketsphinx with its own English model; without a language model it only aligns.

    bestpath, the search through a word lattice after the alignment, would throw words away.
    """
    folder = os.path.join(pocketsphinx.get_model_path(), "en-us")
    return pocketsphinx.Decoder(
        hmm=os.path.join(folder, "en-us"),
        dict=os.path.join(folder, "cmudict-en-us.dict"),
        lm=None,
        loglevel="FATAL",
        bestpath=False,
        beam=BEAM,
        wbeam=BEAM,
        pbeam=BEAM,
    )

"""Kokoro-82M, the network behind fifty voices, in three steps: durations, then pitch and energy, then sound.

The published network (StyleTTS 2's layout: Li et al., 2023) goes from phoneme letters to sound in one run. Here it is
cut at the two places where it says what it will do, so that a feeling can change how long each letter sounds, how high
and how loud, before the sound is made. Changing nothing gives the published network's samples bit for bit.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

from talker.loaded import loaded_once
from talker.types import FloatArray
from talker.weights import store

if TYPE_CHECKING:
    import onnx

SAMPLE_RATE = 24_000
FRAME_S = 0.025  # durations are counted in frames of 25 ms
CONTOUR_HZ = 80.0  # pitch and energy: two values a frame
MAX_LETTERS = 508  # the network's 512 positions, less the pad before and after
UNVOICED_HZ = 40.0  # below it the network means no pitch

# the network's inner results, by the names that the published file gives them
RAW_DURATIONS = "/encoder/predictor/ReduceSum_output_0"  # [1, letters + 2], frames
DURATIONS = "/encoder/Gather_output_0"  # [letters + 2], whole frames
TEXT = "/encoder/text_encoder/Transpose_2_output_0"  # [1, 512, letters + 2]
STYLED_TEXT = "/encoder/predictor/text_encoder/Concat_4_output_0"  # [1, letters + 2, 640]
SPREAD_TEXT = "/encoder/MatMul_1_output_0"  # [1, 512, frames]
PITCH = "/encoder/Reshape_output_0"  # [1, 2 * frames], Hz
ENERGY = "/encoder/Reshape_1_output_0"  # [1, 2 * frames], logarithm
SOUND = "audio"  # [600 * frames]
STEPS = (
    (("tokens", "style"), (RAW_DURATIONS, TEXT, STYLED_TEXT)),
    ((DURATIONS, TEXT, STYLED_TEXT, "style"), (SPREAD_TEXT, PITCH, ENERGY)),
    ((SPREAD_TEXT, PITCH, ENERGY, "style"), (SOUND,)),
)
WHOLE_NUMBERS = ("tokens", DURATIONS)


@dataclass(frozen=True)
class Plan:
    """What the network makes of a line of letters before it is known how long each of them sounds.

    durations: [L + 2] frames of 25 ms, as the network would have them: pad, letters, pad.
    text, styled_text: its inner views of the letters. style: [1, 256].
    """

    durations: FloatArray
    text: FloatArray
    styled_text: FloatArray
    style: FloatArray


@dataclass(frozen=True)
class Contours:
    """How a line will sound, 80 values a second.

    pitch_hz, energy: [2 * frames]; below UNVOICED_HZ there is no pitch; energy is logarithmic, about 0.1 per decibel.
    text: the letters spread over time. style: [1, 256].
    """

    pitch_hz: FloatArray
    energy: FloatArray
    text: FloatArray
    style: FloatArray


class KokoroNetwork:
    """The three steps as sessions that several threads may use."""

    def __init__(self, sessions: tuple[onnxruntime.InferenceSession, ...], vocabulary: Mapping[str, int]) -> None:
        self._sessions = sessions
        self.vocabulary = vocabulary

    @classmethod
    def load(cls) -> KokoroNetwork:
        """The published network, fetched on first use; AssetError when it can't be had."""
        import onnx

        path = store.fetch("kokoro")
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = min(4, threads)
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to others
        whole = onnx.load(path)
        sessions = [
            onnxruntime.InferenceSession(
                _cut(whole, inputs, outputs).SerializeToString(), settings, providers=["CPUExecutionProvider"]
            )
            for inputs, outputs in STEPS
        ]
        return cls(tuple(sessions), voice_config()["vocabulary"])

    def plan(self, letters: str, table: FloatArray) -> Plan:
        """The plan for at most MAX_LETTERS letters of the vocabulary, in the voice of a style table [510, 256]."""
        ids = [self.vocabulary[letter] for letter in letters]
        style = table[min(len(ids), len(table)) - 1][None].astype(np.float32)
        tokens = np.array([[0, *ids, 0]], np.int64)
        durations, text, styled = self._sessions[0].run(None, {"tokens": tokens, "style": style})
        return Plan(durations.reshape(-1), text, styled, style)

    def contours(self, plan: Plan, durations: FloatArray) -> Contours:
        """Pitch and energy when the pads and letters last `durations` [L + 2] frames, rounded to one at least."""
        frames = np.maximum(np.round(durations), 1).astype(np.int64)
        given = {DURATIONS: frames, TEXT: plan.text, STYLED_TEXT: plan.styled_text, "style": plan.style}
        spread, pitch, energy = self._sessions[1].run(None, given)
        return Contours(pitch.reshape(-1), energy.reshape(-1), spread, plan.style)

    def sound(self, contours: Contours) -> FloatArray:
        """Samples [600 * frames] at 24 kHz."""
        given = {
            SPREAD_TEXT: contours.text,
            PITCH: contours.pitch_hz[None].astype(np.float32),
            ENERGY: contours.energy[None].astype(np.float32),
            "style": contours.style,
        }
        return self._sessions[2].run(None, given)[0]


@loaded_once
def network() -> KokoroNetwork:
    """The network, loaded once."""
    return KokoroNetwork.load()


@functools.cache
def voice_config() -> dict[str, dict[str, int]]:
    """The names of the voices, in the order of their tables, and the vocabulary of phoneme letters."""
    config: dict[str, dict[str, int]] = json.loads((store.checkpoint("voices") / "config.json").read_text("utf-8"))
    return config


@functools.cache
def style_table(name: str) -> FloatArray:
    """The published style table [510, 256] of a voice such as `af_heart`; row i is for lines of i + 1 letters.

    Tables are kept as a mean and eight components, which give them back within 0.03 % of their norm.
    """
    index = list(voice_config()["voices"]).index(name)
    tensors = load_file(store.checkpoint("voices") / "model.safetensors")
    mean, basis, scores = (tensors[key][index].astype(np.float32) for key in ("mean", "basis", "scores"))
    return mean + scores @ basis  # [510, 8] @ [8, 256]


def _cut(whole: onnx.ModelProto, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> onnx.ModelProto:
    """The part of a network that leads from some of its inner results to others."""
    import onnx

    graph = whole.graph
    weights = {weight.name: weight for weight in graph.initializer}
    made_by = {name: index for index, node in enumerate(graph.node) for name in node.output}
    needed: set[int] = set()
    used: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if not name or name in used or name in inputs:
            continue
        used.add(name)
        if name not in weights and made_by[name] not in needed:
            needed.add(made_by[name])
            waiting += graph.node[made_by[name]].input
    describe = onnx.helper.make_tensor_value_info
    kinds = {name: onnx.TensorProto.INT64 if name in WHOLE_NUMBERS else onnx.TensorProto.FLOAT for name in inputs}
    part = onnx.helper.make_graph(
        [graph.node[index] for index in sorted(needed)],
        graph.name,
        [describe(name, kinds[name], None) for name in inputs],
        [describe(name, onnx.TensorProto.FLOAT, None) for name in outputs],
        [weight for name, weight in weights.items() if name in used],
    )
    return onnx.helper.make_model(part, opset_imports=whole.opset_import, ir_version=whole.ir_version)

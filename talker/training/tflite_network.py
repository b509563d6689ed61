"""A convolutional network of a `.tflite` file in torch, so that a loss can be drawn through it.

Only what convolutional trunks need is known; the file's own interpreter is the specification that a test compares with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, nn
from torch.nn import functional

from talker.errors import AssetError

OPERATORS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT32: np.int32,
}
SAME = schema.Padding.SAME


class Operation(NamedTuple):
    """One step: its kind, the numbers of the tensors that it reads and of the one that it writes, its options."""

    kind: str
    reads: list[int]
    writes: int
    options: Any


class TfliteNetwork(nn.Module):
    """The network from its picture to the last of the wanted tensors; frozen."""

    def __init__(self, model: bytes, resolutions: tuple[int, ...]) -> None:
        """resolutions: heights; the last tensor of each is wanted. AssetError when the file is something else."""
        super().__init__()
        graph = _graph(model)
        self._entry = int(graph.inputs[0])
        self._operations = self._read(graph)
        heights = {number: tensor.shape[1] for number, tensor in enumerate(graph.tensors) if len(tensor.shape) == 4}
        main = [step for step in self._operations if step.kind == "PRELU"]
        self.wanted = [[step.writes for step in main if heights[step.writes] == height][-1] for height in resolutions]
        last = max(index for index, step in enumerate(self._operations) if step.writes in self.wanted)
        self._operations = self._operations[: last + 1]
        self.requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """The wanted tensors [B,C,h,w] of `picture` [B,3,H,W], which may be of any size."""
        values: dict[int, Tensor] = {self._entry: picture}
        for step in self._operations:
            known = [values[number] if number in values else self._constant(number) for number in step.reads]
            values[step.writes] = STEPS[step.kind](known, step.options)
        return [values[number] for number in self.wanted]

    def _constant(self, number: int) -> Tensor:
        return self.get_buffer(f"tensor_{number}")

    def _read(self, graph: Any) -> list[Operation]:
        """The graph's operations; its constants become buffers of this module."""
        operations = []
        names: dict[int, int] = {}  # of what is only another type of a constant
        for row in graph.operators:
            kind, reads = OPERATORS[graph.codes[row.opcodeIndex]], [int(number) for number in row.inputs if number >= 0]
            if kind == "DEQUANTIZE":
                names[int(row.outputs[0])] = reads[0]
                continue
            reads = [names.get(number, number) for number in reads]
            if kind not in STEPS:
                break  # what follows the trunk is not needed
            for number in reads:
                self._keep(graph, number, kind)
            options = row.builtinOptions
            if kind == "PAD":  # borders are numbers, not tensors: on a GPU they would have to be waited for
                reads, options = reads[:1], self._constant(reads[1]).tolist()
            operations.append(Operation(kind, reads, int(row.outputs[0]), options))
        return operations

    def _keep(self, graph: Any, number: int, kind: str) -> None:
        tensor = graph.tensors[number]
        data = graph.buffers[tensor.buffer].data
        if data is None or hasattr(self, f"tensor_{number}"):
            return
        array = np.frombuffer(data, TYPES[tensor.type]).reshape(tensor.shape)
        if array.ndim == 4:  # from [outputs,h,w,inputs], or of a depthwise one [1,h,w,channels]
            array = array.transpose(3, 0, 1, 2) if kind == "DEPTHWISE_CONV_2D" else array.transpose(0, 3, 1, 2)
        value = torch.from_numpy(array.copy())
        self.register_buffer(f"tensor_{number}", value.float() if value.is_floating_point() else value)


def _graph(model: bytes) -> Any:
    """The only graph of a file, with its buffers and the kinds of its operations."""
    try:
        whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
        (graph,) = whole.subgraphs
    except (ValueError, TypeError, IndexError) as error:
        raise AssetError(f"This is no TensorFlow Lite network ({error}).") from error
    graph.codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in whole.operatorCodes]
    graph.buffers = whole.buffers
    return graph


def _convolve(values: list[Tensor], options: Any) -> Tensor:
    x, weight, bias = values
    x = _padded(x, weight.shape[-2:], (options.strideH, options.strideW), options.padding)
    groups = x.shape[1] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
    return functional.conv2d(x, weight, bias, stride=(options.strideH, options.strideW), groups=groups)


def _pool(values: list[Tensor], options: Any) -> Tensor:
    kernel, stride = (options.filterHeight, options.filterWidth), (options.strideH, options.strideW)
    return functional.max_pool2d(_padded(values[0], kernel, stride, options.padding), kernel, stride)


def _padded(x: Tensor, kernel: Any, stride: tuple[int, int], padding: int) -> Tensor:
    """`x` [B,C,h,w] with TensorFlow's SAME borders, of which the larger one lies right and below."""
    if padding != SAME:
        return x
    sizes = []
    for length, width, step in zip(x.shape[-2:], kernel, stride, strict=True):
        missing = max((-(-length // step) - 1) * step + int(width) - length, 0)
        sizes.append((missing // 2, missing - missing // 2))
    (top, bottom), (left, right) = sizes
    return functional.pad(x, (left, right, top, bottom))


def _pad(values: list[Tensor], options: Any) -> Tensor:
    _, vertical, horizontal, channels = options
    return functional.pad(values[0], (*horizontal, *vertical, *channels))


def _prelu(values: list[Tensor], options: Any) -> Tensor:
    return functional.prelu(values[0], values[1].flatten())


def _add(values: list[Tensor], options: Any) -> Tensor:
    return values[0] + values[1]


STEPS: dict[str, Callable[[list[Tensor], Any], Tensor]] = {
    "CONV_2D": _convolve,
    "DEPTHWISE_CONV_2D": _convolve,
    "MAX_POOL_2D": _pool,
    "PAD": _pad,
    "PRELU": _prelu,
    "ADD": _add,
}

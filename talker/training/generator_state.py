"""What a generator's training needs to go on: networks, optimisers and the step, in one file without code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from talker.files import replaced_when_done


def save_state(path: Path, step: int, networks: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]) -> None:
    """Write what `load_state` reads."""
    state: dict[str, Tensor] = {"step": torch.tensor(step)}
    for name, network in networks.items():
        state |= {f"{name}.{key}": value.contiguous() for key, value in network.state_dict().items()}
    for name, optimiser in optimisers.items():
        for number, row in optimiser.state_dict()["state"].items():
            state |= {f"{name}.{number}.{key}": torch.as_tensor(value).contiguous() for key, value in row.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_when_done(path) as scratch:
        save_file({key: value.clone() for key, value in state.items()}, scratch)


def load_state(
    path: Path, networks: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer], device: torch.device
) -> int:
    """Fill networks and optimisers; the step at which they were kept."""
    state = load_file(path, device=str(device))
    for name, network in networks.items():
        network.load_state_dict(_under(state, name))
    for name, optimiser in optimisers.items():
        rows: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(state, name).items():
            number, _, part = key.partition(".")
            rows.setdefault(int(number), {})[part] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": rows})
    return int(state["step"])


def _under(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}

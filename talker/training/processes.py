"""Training in several processes, one per device, as `torchrun` starts them; alone, everything here does nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import distributed, nn


def joined() -> tuple[int, torch.device]:
    """This process' number and device; joins the others when there are any."""
    rank = int(os.environ.get("LOCAL_RANK", 0))
    cuda = torch.cuda.is_available()
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if cuda else "gloo")
    return rank, torch.device(f"cuda:{rank}" if cuda else "cpu")


def share_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every process the mean of all their gradients; one that has none counts as zero."""
    if not distributed.is_initialized():
        return
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in wanted:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    flat = torch.cat([parameter.grad.flatten() for parameter in wanted if parameter.grad is not None])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for parameter, part in zip(wanted, flat.split([parameter.numel() for parameter in wanted]), strict=True):
        parameter.grad = part.view_as(parameter)


def share_weights(network: nn.Module) -> None:
    """Give every process the weights of the first one."""
    if distributed.is_initialized():
        for value in network.state_dict().values():
            distributed.broadcast(value, 0)

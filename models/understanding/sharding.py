"""A text encoder whose weights are shared out over the processes of a training.

For encoders that are too large for one process: each holds a share of the weights, their gradients
and the optimizer's state, and torch (`fully_shard`, FSDP2) gathers a layer's weights while it is
computed. It works over gloo on processors as over nccl on graphics cards; accelerate's own plug-in
is for the latter alone.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from models.understanding.encoder import TunedEncoder, layers_of


def shared_out(encoder: TunedEncoder, device: torch.device) -> TunedEncoder:
    """The encoder with its weights shared out over all processes, to be trained.

    `encoder` itself is left hollow, so that nobody computes with the whole: give it weights again
    by `load_state_dict(..., assign=True)`. At an epoch's end each process has it whole in main
    memory, for the checkpoint.
    """
    weights = {id(weight): weight for weight in encoder.parameters()}
    shares = copy.deepcopy(encoder, weights)
    # All processes must gather the same layers as often, however many texts each has.
    shares.rows_at_once = None
    hollow = {name: value.to("meta") for name, value in encoder.state_dict().items()}
    encoder.load_state_dict(hollow, assign=True)
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for layer in layers_of(shares.model):
        fully_shard(layer, mesh=mesh)
    fully_shard(shares, mesh=mesh)
    return shares.to(device)


def gathered(value: Any) -> Any:
    """A tensor, or those in nested dictionaries and lists, whole and in main memory. Every process
    must call it."""
    if isinstance(value, dict):
        return {key: gathered(each) for key, each in value.items()}
    if isinstance(value, list):
        return [gathered(each) for each in value]
    if isinstance(value, DTensor):
        whole: Tensor = value.full_tensor()
        return whole.detach().cpu()
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    return value


def share_of(value: Tensor, like: Tensor) -> Tensor:
    """This process's share of a whole tensor, where `like` is shared out; else all of it."""
    value = value.to(like.device)
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def average_gradients(weights: Sequence[nn.Parameter]) -> None:
    """Give every process the mean of all processes' gradients. What had none in any has none."""
    device = weights[0].device
    flags = torch.tensor([float(w.grad is not None) for w in weights], device=device)
    grads = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    flat = torch.cat([flags, *(grad.flatten() for grad in grads)])
    dist.all_reduce(flat)
    used, flat = flat[: len(weights)].tolist(), flat[len(weights) :] / dist.get_world_size()
    parts = torch.split(flat, [weight.numel() for weight in weights])
    for weight, part, count in zip(weights, parts, used, strict=True):
        weight.grad = part.view_as(weight) if count else None


def clip_gradients(optimizer: torch.optim.Optimizer, most: float) -> float:
    """Scale all gradients so that their norm together is at most `most`; what it was."""
    groups = [
        [weight for weight in group["params"] if weight.grad is not None]
        for group in optimizer.param_groups
    ]
    # A group is shared out or is not; torch takes no norm over both kinds.
    norms = [nn.utils.get_total_norm([w.grad for w in group]) for group in groups if group]
    whole = [norm.full_tensor() if isinstance(norm, DTensor) else norm for norm in norms]
    total = torch.stack(whole).norm()
    for group in groups:
        nn.utils.clip_grads_with_norm_(group, most, total)
    return float(total)

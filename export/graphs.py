"""What one exported graph is made of, shared by all families."""

import copy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from export.precision import Precision
from tritone.pcm import FULL_SCALE
from tritone.tensors import ModelIO

ModuleT = TypeVar("ModuleT", bound=nn.Module)

HALF: dict[Precision, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One component on its way to ONNX. Positional arguments of both modules follow `io.inputs`."""

    component: str
    io: ModelIO
    module: nn.Module  # what is exported: folded, perhaps in half precision
    reference: nn.Module  # what it must equal: the checkpoint's own modules in float32
    frame_multiple: int = 1  # it takes latent frames in such groups only


def append_guided(tensor: Tensor, guided: int) -> Tensor:
    """Return the batch, and its first `guided` rows once more: for their negative prompts."""
    # Indexed, not sliced: a slice is as long as the shorter of both, which torch.export would
    # then demand to be one of them, and so make one dimension of two.
    return torch.cat([tensor, tensor[torch.arange(guided)]])


def guide(velocities: Tensor, guidance_scale: Tensor) -> Tensor:
    """Return the guided velocity: float32 [batch, channels, latent_frames].

    Args:
        velocities: [batch + guided, channels, latent_frames]; behind the batch the first rows
            again, without their prompts. A row that is not among them gives its conditional
            velocity, bit for bit.
        guidance_scale: [batch, 1]; up to 1 gives the conditional velocity, bit for bit.
    """
    batch = guidance_scale.shape[0]
    rows = torch.arange(batch)
    has_other = rows < velocities.shape[0] - batch
    conditional = velocities[rows]
    unconditional = velocities[torch.where(has_other, rows + batch, rows)]
    extra = guidance_scale.clamp(min=1.0).unsqueeze(-1) - 1.0
    return conditional + extra * (conditional - unconditional)


def pcm(waveform: Tensor) -> Tensor:
    """Return float [batch, channels, samples] as int16: `tritone.pcm.limit_peak`, `to_int16`."""
    sound = waveform.float()
    peak = sound.abs().amax(dim=(1, 2), keepdim=True)
    return (sound / peak.clamp(min=1.0) * FULL_SCALE).round().to(torch.int16)


def strip_weight_norm(module: nn.Module) -> None:
    """Make weight-normalised weights plain ones, in place; their values stay what they are.

    Otherwise the graph would compute them at every call, and TensorRT wants constant weights.
    """
    for part in module.modules():
        if hasattr(part, "weight_g"):
            nn.utils.remove_weight_norm(part)


def with_shared_weights(module: ModuleT) -> ModuleT:
    """Return a copy whose structure may be changed, over the very weights of the original."""
    weights = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in weights})


def in_precision(module: ModuleT, precision: Precision) -> ModuleT:
    """Return a copy whose structure may be changed: over the very weights, or over halved ones.

    Buffers stay what they are: they are frequencies of positions and times, and the positions of a
    long sound, multiplied in half precision, would be off by whole turns. One weight is halved
    after the other: a large network is never twice in memory.
    """
    dtype = HALF.get(precision)
    if dtype is None:
        return with_shared_weights(module)
    halved: dict[int, Tensor] = {
        id(each): nn.Parameter(each.detach().to(dtype), requires_grad=False)
        for each in module.parameters()
    }
    return copy.deepcopy(module, halved | {id(each): each for each in module.buffers()})


def release(module: nn.Module) -> None:
    """Give the memory of a module's weights back; the module cannot be used any more.

    Dropping the module is not enough: onnxscript's pattern matchers are globals and keep the last
    graph that they have seen, weights included.
    """
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data = torch.empty(0, dtype=tensor.dtype)

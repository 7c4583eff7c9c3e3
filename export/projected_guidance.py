"""Adaptive projected guidance (APG): past the prompt, but only across what it says anyway.

Source: Sadat et al. 2024, "Eliminating Oversaturation and Artifacts of High Guidance Scales in
Diffusion Models", arXiv 2410.02416; constants and axis of diffusers 0.42.1, `AceStepPipeline`.
"""

import torch
from torch import Tensor

MOMENTUM = -0.75
MAX_NORM = 2.5  # of each channel over time
_LEAST_NORM = 1e-12  # PyTorch's own, below which a vector has no direction


def project(velocities: Tensor, guidance_scale: Tensor, momentum: Tensor) -> tuple[Tensor, Tensor]:
    """Return the guided velocity [batch, channels, latent_frames] and the momentum after it.

    Args:
        velocities: [batch + guided, channels, latent_frames]; behind the batch the first rows
            again, without their texts. A row that is not among them gives its conditional
            velocity, bit for bit.
        guidance_scale: [batch, 1]; up to 1 gives the conditional velocity, bit for bit, and leaves
            the momentum as it was.
        momentum: [guided, channels, latent_frames].
    """
    batch, guided = guidance_scale.shape[0], momentum.shape[0]
    rows, first = torch.arange(batch), torch.arange(guided)
    conditional = velocities[rows]
    direction = conditional[first]
    is_guided = (guidance_scale[first] > 1.0).unsqueeze(-1)
    new = direction - velocities[batch + first] + MOMENTUM * momentum
    update = new * (MAX_NORM / _norm(new)).clamp(max=1.0)
    unit = direction / _norm(direction)
    update = update - (update * unit).sum(dim=-1, keepdim=True) * unit
    extra = (guidance_scale[first].unsqueeze(-1) - 1.0) * update
    extra = torch.where(is_guided, extra, torch.zeros_like(extra))
    # A row of zeros before them is that of all rows without a momentum.
    extra = torch.cat([extra.new_zeros(1, *extra.shape[1:]), extra])
    extra = extra[torch.where(rows < guided, rows + 1, torch.zeros_like(rows))]
    return conditional + extra, torch.where(is_guided, new, momentum)


def _norm(tensor: Tensor) -> Tensor:
    """Return the length of every channel over time: [rows, channels, 1], never 0."""
    return tensor.square().sum(dim=-1, keepdim=True).sqrt().clamp(min=_LEAST_NORM)

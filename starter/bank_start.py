"""A head start for the vocoder: before it is trained as a whole it already is a bank of sinusoids.

The last upsampling holds Hann-windowed cosines on a grid of 25 Hz, so that their phases repeat with
every latent frame. The layers before it are fitted to the strength of each of them, first by least
squares, then by descent at the mel frame rate, which costs little. Left to the training on sound
are better strengths, attacks, and how noise is drawn from the noise channels. (A pyramid of
upsamplings from random weights had not found a single tone after 900 steps.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDecoder, Snake1d
from numpy.typing import NDArray
from torch import Tensor, nn

from starter.corpus.cache import ClipEntry, CorpusCache
from starter.latents import Statistics
from starter.mel import Floats, silence
from starter.recipe import LatentFormat

Convolution: TypeAlias = nn.Conv1d | nn.ConvTranspose1d

CLIPS = 500  # of the corpus, for the fit
LONGEST_FRAMES = 30  # of each of them
RIDGE = 3.0
GENTLE = 2.5  # log of the divisor of a snake's bend: nearly linear at first
QUIET = 0.02  # residual units begin close to the identity
REFINE_ROWS, REFINE_FRAMES, REFINE_RATE, WARM_UP_STEPS = 12, 30, 1.2e-3, 40
FAINT = 0.01  # strengths above this count logarithmically
LIFT = 20.0  # strengths are of the order of 1 inside the decoder, full scale is 1 outside


@dataclass(frozen=True)
class Source:
    """What the strengths are learned from."""

    cache: CorpusCache
    measured: Statistics
    latent: LatentFormat


@torch.no_grad()
def start_as_bank(
    decoder: OobleckDecoder, source: Source, steps: int, on_step: Callable[[int, int, str], None]
) -> None:
    """Set all layers of a decoder with two upsamplings, ``frames_per_latent`` and the mel hop."""
    first, last = decoder.block[0], decoder.block[-1]
    _set_weight(decoder.conv1, _detectors(decoder.conv1, source))
    decoder.conv1.bias.uniform_(-2.0, 2.0)
    _set_weight(last.conv_t1, _oscillators(last.conv_t1))
    _set_weight(decoder.conv2, _sum_of_channels(decoder.conv2))
    for block in (first, last):
        for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
            unit.conv2.weight_g.mul_(QUIET)
            unit.conv2.bias.zero_()
    for module in [*last.modules(), decoder.snake1]:
        if isinstance(module, Snake1d):
            module.beta.fill_(GENTLE)
    _fit(decoder, source)
    with torch.enable_grad():
        _refine(decoder, source, steps, on_step)


def _detectors(conv: nn.Conv1d, source: Source) -> Tensor:
    """Each hidden unit looks at one band of one stacked frame and a little at its neighbours.

    Every second unit hears the noise channels as well.
    """
    latent, taps = source.latent, int(conv.kernel_size[0])
    seen = torch.randn(conv.out_channels, latent.packed_values, taps) * 0.02
    for unit in range(conv.out_channels):
        at = unit % latent.packed_values
        near = slice(max(0, at - 2), at + 3)
        seen[unit, near, taps // 2] += torch.randn(seen[unit, near, taps // 2].shape) * 0.15
        seen[unit, at, taps // 2] += float(torch.empty(1).uniform_(0.3, 1.4))
    bands = torch.from_numpy(source.measured.out_of / source.measured.deviation)
    mel = torch.einsum("upt,cp->uct", seen, bands)
    noise = torch.randn(conv.out_channels, latent.noise_channels, taps) * 0.02
    noise[::2] *= 5
    return torch.cat([mel, noise], dim=1)


def _grid_turns(count: int, samples: int) -> NDArray[np.float64]:
    """Turns of the oscillators over a window of two mel hops: [count, samples]; one is 25 Hz."""
    return np.outer(np.arange(1, count + 1), np.arange(samples)) / samples


def _oscillators(conv: nn.ConvTranspose1d) -> Tensor:
    """Windowed cosines with scattered phases, dealt out to the output channels."""
    samples = int(conv.kernel_size[0])
    window = np.hanning(samples + 1)[:-1]
    phases = 2 * np.pi * np.random.default_rng(0).random(conv.in_channels)[:, None]
    bank = window * np.cos(2 * np.pi * _grid_turns(conv.in_channels, samples) + phases)
    weight = torch.randn(conv.in_channels, conv.out_channels, samples) * (1e-3 / LIFT)
    for index, wave in enumerate(bank.astype(np.float32) / LIFT):
        weight[index, index % conv.out_channels] += torch.from_numpy(wave)
    return weight


def _sum_of_channels(conv: nn.Conv1d) -> Tensor:
    """Weights of an output layer that adds its input channels up."""
    weight = torch.randn(conv.out_channels, conv.in_channels, int(conv.kernel_size[0])) * 1e-3
    weight[:, :, int(conv.kernel_size[0]) // 2] += 1.0
    return weight


def _fit(decoder: OobleckDecoder, source: Source) -> None:
    """Ridge regression from the hidden units to the oscillators' strengths, frame by frame."""
    upsampling: nn.ConvTranspose1d = decoder.block[0].conv_t1
    cache, latent = source.cache, source.latent
    singles = [e for e in cache.entries if len(e.kinds) == 1]
    chosen = [singles[int(i)] for i in np.random.default_rng(1).permutation(len(singles))[:CLIPS]]
    inputs = torch.cat([_hidden(decoder, source, e) for e in chosen]).double()
    targets = torch.cat([_strengths(source, e) for e in chosen])
    gram = inputs.T @ inputs + RIDGE * torch.eye(inputs.shape[1]).double()
    solved = torch.linalg.solve(gram, inputs.T @ targets.double()).float()
    taps = int(upsampling.kernel_size[0])
    weight = torch.randn(upsampling.in_channels, upsampling.out_channels, taps) * 1e-3
    own = latent.frames_per_latent // 2
    weight[:, :, own : own + latent.frames_per_latent] += solved.reshape(
        len(solved), upsampling.out_channels, latent.frames_per_latent
    )
    _set_weight(upsampling, weight)


def _refine(
    decoder: OobleckDecoder, source: Source, steps: int, on_step: Callable[[int, int, str], None]
) -> None:
    """Descend on the strengths themselves, quiet ones counting as much as loud ones.

    All of it happens at the mel frame rate, so a step is far cheaper than one that renders sound.
    """
    first, last = decoder.block[0], decoder.block[-1]
    parameters = [*decoder.conv1.parameters(), *first.parameters(), *last.snake1.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=REFINE_RATE)
    draw = np.random.default_rng(2)
    for step in range(steps):
        rows = [_stretch(draw, source) for _ in range(REFINE_ROWS)]
        inputs, targets = (torch.stack(parts) for parts in zip(*rows, strict=True))
        made = last.snake1(first(decoder.conv1(inputs)))
        loss = (torch.asinh(made / FAINT) - torch.asinh(targets / FAINT)).abs().mean()
        for group in optimiser.param_groups:
            group["lr"] = REFINE_RATE * min((step + 1) / WARM_UP_STEPS, 1 - step / steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        on_step(step + 1, steps, f"strengths off by {float(loss.detach()):.3f}")


def _stretch(draw: np.random.Generator, source: Source) -> tuple[Tensor, Tensor]:
    """A clip's beginning: latents [channels, frames], strengths [oscillators, mel frames]."""
    cache, latent = source.cache, source.latent
    entry = cache.entries[int(draw.integers(len(cache.entries)))]
    frames = min(entry.frames, REFINE_FRAMES)
    mels = np.full((REFINE_FRAMES, latent.packed_values), silence(latent), dtype=np.float32)
    mels[:frames] = cache.mels[entry.first_frame : entry.first_frame + frames]
    inputs = torch.cat(
        [
            torch.from_numpy(source.measured.normalised(mels).T),
            torch.randn(latent.noise_channels, REFINE_FRAMES),
        ]
    )
    count = latent.hop_samples // latent.frames_per_latent
    shaped = _strengths(source, entry)[:frames]
    shaped = shaped.reshape(frames, count, latent.frames_per_latent).transpose(0, 1)
    targets = torch.zeros(count, REFINE_FRAMES, latent.frames_per_latent)
    targets[:, :frames] = shaped
    return inputs, targets.reshape(count, -1)


def _hidden(decoder: OobleckDecoder, source: Source, entry: ClipEntry) -> Tensor:
    """What the first upsampling reads for a clip, [latent frames, hidden units]."""
    latent = source.latent
    frames = min(entry.frames, LONGEST_FRAMES)
    packed = source.cache.mels[entry.first_frame : entry.first_frame + frames]
    mels = torch.from_numpy(source.measured.normalised(np.asarray(packed, dtype=np.float32)).T)
    noise = torch.randn(latent.noise_channels, frames)
    hidden: Tensor = decoder.block[0].snake1(decoder.conv1(torch.cat([mels, noise])[None]))
    return hidden[0].T


def _strengths(source: Source, entry: ClipEntry) -> Tensor:
    """Strength of each oscillator, [latent frames, oscillators * stacked frames].

    Measured with twice the oscillators' window, for sharper tones. Odd oscillators turn by half a
    cycle from one mel frame to the next, so theirs alternate in sign.
    """
    latent = source.latent
    frames = min(entry.frames, LONGEST_FRAMES)
    hop = count = latent.hop_samples // latent.frames_per_latent
    start = entry.first_frame * latent.hop_samples
    wave = np.asarray(
        source.cache.waves[start : start + frames * latent.hop_samples], dtype=np.float32
    )
    window = np.hanning(4 * hop + 1)[:-1].astype(np.float32)
    padded = np.pad(wave, (3 * hop // 2, 3 * hop // 2))
    pieces: Floats = np.lib.stride_tricks.sliding_window_view(padded, 4 * hop)[::hop]
    spectra = np.abs(np.fft.rfft(pieces * window, axis=1)) * (2 * LIFT / window.sum())
    strengths = spectra[:, 2 : 2 * count + 1 : 2].reshape(frames, latent.frames_per_latent, count)
    stacked = np.arange(latent.frames_per_latent)[:, None]
    signs = np.where((np.arange(1, count + 1) % 2) & (stacked % 2), -1.0, 1.0)
    signed = (strengths * signs).transpose(0, 2, 1).reshape(frames, -1)
    return torch.from_numpy(signed.astype(np.float32))


def _set_weight(conv: Convolution, weight: Tensor) -> None:
    """Load a plain weight into a weight-normed convolution: direction and length."""
    norm = weight.flatten(1).norm(dim=1).clamp_min(1e-9)
    parts = dict(conv.named_parameters())
    parts["weight_v"].copy_(weight)
    parts["weight_g"].copy_(norm.view_as(parts["weight_g"]))
    if "bias" in parts:
        parts["bias"].zero_()

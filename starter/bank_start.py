"""A head start for the vocoder: before any training it already is a bank of oscillators.

What a network must learn to turn log-mel frames into sound is set by hand here. Latents become
log-mel values by one linear map. ``exp`` follows from squares: a snake ``x + sin(a x)^2 / b`` with
small ``a`` is ``k (x + 1 / 2k)^2 - 1 / 4k`` with ``k = a^2 / b``, so the first snake is a parabola
through ``exp(L / 8)`` and three more squares give ``exp(L)``. Products follow from squares as well,
``4 m r = (m + r)^2 - (m - r)^2``: each oscillator's strength times a steady part plus chance from
the noise channels, so that tones can hold and rain can hiss. The last upsampling holds windowed
cosines on a grid of 25 Hz. Left to the training are how steady each sound is, attacks and detail.
(A decoder fitted by least squares had a noise floor that made every flute a hiss; a pyramid of
upsamplings from random weights had not found a single tone after 900 steps.)
"""

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_oobleck import (
    OobleckDecoder,
    OobleckResidualUnit,
    Snake1d,
)
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from starter.corpus.cache import ClipEntry, CorpusCache
from starter.latents import Statistics
from starter.mel import Floats, filters, log_mel, unpack
from starter.recipe import AUDIO, LatentFormat

Convolution: TypeAlias = nn.Conv1d | nn.ConvTranspose1d

ROOT = 8  # exp(L) is exp(L / ROOT) squared three times
LOUDEST = -0.5  # log-mel range of the parabola: from the floor to a full-scale tone
BEND = 0.01  # the snakes' a: so small that sin(x) is x, to the last -90 dB
STRAIGHT = 9.0  # log of a snake's b that leaves its input alone
LIFT = 4.0  # strengths inside the decoder, relative to amplitudes outside
STEADY, CHANCE = 0.7, 0.7
DUST = 1e-5  # weights that are not used yet may still learn
CALIBRATION_CLIPS, CALIBRATION_ROUNDS, LONGEST_FRAMES = 96, 4, 40
FINE_HZ = 4000.0  # above this every second oscillator is enough


@dataclass(frozen=True)
class Source:
    """What the bank is set from."""

    cache: CorpusCache
    measured: Statistics
    latent: LatentFormat


@dataclass(frozen=True)
class Layout:
    """Which channel of the second stage (at the mel frame rate) holds what."""

    bands: int
    oscillators: NDArray[np.int64]  # turns of each per window of two mel hops
    channels: int

    @property
    def root(self) -> slice:
        """``exp(L / 8)`` of each band, less a half."""
        return slice(0, self.bands)

    @property
    def power(self) -> slice:
        """Its fourth power, less a half."""
        return slice(self.bands, 2 * self.bands)

    @property
    def clock(self) -> int:
        """1 and -1 by turns: odd oscillators have turned by half a cycle after a mel hop."""
        return 2 * self.bands

    @property
    def chance(self) -> slice:
        """Noise."""
        return slice(2 * self.bands + 1, self.channels - len(self.oscillators))

    @property
    def strengths(self) -> slice:
        """Of the oscillators."""
        return slice(self.channels - len(self.oscillators), self.channels)


def layout(decoder: OobleckDecoder, latent: LatentFormat) -> Layout:
    """The layout of a decoder.

    Raises:
        ValueError: the decoder has too few channels for it.
    """
    hop = latent.hop_samples // latent.frames_per_latent
    turns = np.arange(1, hop + 1)
    fine = turns * AUDIO.sample_rate_hz / (2 * hop) <= FINE_HZ
    turns = turns[fine | (turns % 2 == 0)]
    channels = decoder.block[0].conv_t1.out_channels
    made = Layout(latent.mel_bands, turns, channels)
    if made.chance.stop <= made.chance.start:
        raise ValueError(f"{channels} channels are too few for {len(turns)} oscillators")
    return made


@torch.no_grad()
def start_as_bank(decoder: OobleckDecoder, source: Source) -> None:
    """Set all layers of a decoder with two upsamplings, ``frames_per_latent`` and the mel hop."""
    first, last = decoder.block[0], decoder.block[-1]
    plan = layout(decoder, source.latent)
    for module in decoder.modules():
        if isinstance(module, Snake1d):
            _straighten(module, slice(None))
    _read_latents(decoder.conv1, first.snake1, source)
    _unstack(first.conv_t1, plan, source.latent)
    _raise(first.res_unit1, plan)
    even, odd = np.arange(len(plan.oscillators))[::2], np.arange(len(plan.oscillators))[1::2]
    for unit in (last.res_unit1, last.res_unit2, last.res_unit3):
        _silence(unit)
    _set_weight(last.conv_t1, _oscillators(last.conv_t1, plan))
    _set_weight(decoder.conv2, _sum_of_channels(decoder.conv2))
    gains = np.ones(plan.bands)
    for _ in range(CALIBRATION_ROUNDS):
        for unit, own in ((first.res_unit2, even), (first.res_unit3, odd)):
            _multiply(unit, plan, own, _spread(plan, source.latent) * gains)
        gains *= _too_quiet(decoder, source)
    for unit, own in ((first.res_unit2, even), (first.res_unit3, odd)):
        _multiply(unit, plan, own, _spread(plan, source.latent) * gains)


def _straighten(snake: Snake1d, channels: slice) -> None:
    """Let channels pass as they are."""
    snake.alpha[:, channels] = 0.0
    snake.beta[:, channels] = STRAIGHT


def _square(snake: Snake1d, channels: slice, bend: float) -> None:
    """Let ``x - 1/2`` become ``x^2 - 1/4`` (k is 1)."""
    snake.alpha[:, channels] = float(np.log(bend))
    snake.beta[:, channels] = float(np.log(bend**2))


@cache
def _parabola(latent: LatentFormat) -> tuple[float, float, float]:
    """``(curvature, shift, rest)`` of curvature * (L + shift)^2 + rest, whose ROOTth power is exp.

    Less the floor, so that silence is silent. The error is 0.1 nats.
    """
    floor = latent.floor_amplitude
    levels = np.linspace(np.log(floor), LOUDEST, 300)
    wanted = np.log(np.exp(levels) - 0.9 * floor + 0.4 * floor)

    def error(parabola: NDArray[np.float64]) -> float:
        powers = np.maximum(np.polyval(parabola, levels), 0.0) ** ROOT
        return float(np.mean((np.log(powers + 0.4 * floor) - wanted) ** 2))

    start = np.polyfit(levels, np.exp(levels / ROOT), 2)
    second, first, constant = minimize(
        error, start, method="Nelder-Mead", options={"maxiter": 5000, "fatol": 1e-9}
    ).x
    shift = first / (2 * second)
    return float(second), float(shift), float(constant - second * shift**2)


def _read_latents(conv: nn.Conv1d, snake: Snake1d, source: Source) -> None:
    """Hidden units: one a packed log-mel value, then noise, and a constant one."""
    latent, centre = source.latent, int(conv.kernel_size[0]) // 2
    curvature, shift, _ = _parabola(latent)
    gain = curvature**0.5
    weight = _dust(conv)
    values = slice(0, latent.packed_values)
    weight[values, : latent.mel_channels, centre] = (
        gain * torch.from_numpy(source.measured.out_of).T
    )
    rest = conv.out_channels - latent.packed_values
    weight[values.stop :, latent.mel_channels :, centre] = (
        torch.randn(rest, latent.noise_channels) / latent.noise_channels**0.5
    )
    weight[-1] = torch.randn_like(weight[-1]) * DUST
    bias = _set_weight(conv, weight)
    bias[values] = torch.from_numpy(gain * (source.measured.mean + shift)) - 0.5
    bias[-1] = 1.0
    _square(snake, values, BEND)


def _unstack(conv: nn.ConvTranspose1d, plan: Layout, latent: LatentFormat) -> None:
    """From stacked to single mel frames: each unit writes into its own frame."""
    _, _, rest = _parabola(latent)
    weight = _dust(conv)
    own = latent.frames_per_latent // 2
    for value in range(latent.packed_values):
        frame, band = divmod(value, latent.mel_bands)
        weight[value, band, own + frame] = 1.0
    noise = weight[latent.packed_values : -1, plan.chance]
    noise.copy_(torch.randn_like(noise) / (2 * len(noise)) ** 0.5)
    for frame in range(latent.frames_per_latent):
        weight[-1, plan.clock, own + frame] = 1.0 if frame % 2 == 0 else -1.0
    bias = _set_weight(conv, weight)
    bias[plan.root] = rest + 0.25 - 0.5


def _raise(unit: OobleckResidualUnit, plan: Layout) -> None:
    """Square the roots twice into the channels of their fourth power."""
    _square(unit.snake1, plan.root, BEND)
    _square(unit.snake2, plan.root, BEND)
    inner = _dust(unit.conv1)
    outer = _dust(unit.conv2)
    centre = inner.shape[2] // 2
    for band in range(plan.bands):
        inner[band, band, centre] = 1.0
        outer[plan.power.start + band, band, 0] = 1.0
    _set_weight(unit.conv1, inner)[plan.root] = 0.25 - 0.5
    _set_weight(unit.conv2, outer)[plan.power] = 0.25 - 0.5


def _spread(plan: Layout, latent: LatentFormat) -> NDArray[np.float64]:
    """How much of each band an oscillator gets, [oscillators, bands]; rows sum to 1."""
    hop = latent.hop_samples // latent.frames_per_latent
    bins = filters(latent)
    centres = bins @ np.fft.rfftfreq(latent.window_samples, 1 / AUDIO.sample_rate_hz)
    at_hz = plan.oscillators * AUDIO.sample_rate_hz / (2 * hop)
    return np.stack([np.interp(at_hz, centres, row) for row in np.eye(plan.bands)], axis=1)


def _multiply(
    unit: OobleckResidualUnit, plan: Layout, own: NDArray[np.int64], spread: NDArray[np.float64]
) -> None:
    """Strengths of some oscillators: their bands' amplitudes times steadiness plus chance."""
    _square(unit.snake1, plan.power, BEND)
    _square(unit.snake2, slice(0, 2 * len(own)), BEND)
    inner = _dust(unit.conv1)
    outer = _dust(unit.conv2)
    centre = inner.shape[2] // 2
    bias = torch.full((inner.shape[0],), 0.0)
    bands = torch.from_numpy(LIFT * spread[own]).float()
    draw = torch.Generator().manual_seed(int(own[0]))
    width = plan.chance.stop - plan.chance.start
    chance = torch.randn(len(own), width, generator=draw) * (CHANCE / width**0.5)
    odd = torch.from_numpy(plan.oscillators[own] % 2 == 1)
    for side, sign in ((0, 1.0), (1, -1.0)):
        rows = slice(side * len(own), (side + 1) * len(own))
        inner[rows, plan.power, centre] = bands
        inner[rows, plan.chance, centre] = sign * chance
        inner[rows, plan.clock, centre] = sign * STEADY * odd.float()
        bias[rows] = 0.25 * bands.sum(1) + sign * STEADY * (~odd).float() - 0.5
        for row, oscillator in enumerate(own):
            outer[plan.strengths.start + oscillator, side * len(own) + row, 0] = sign / 4
    _set_weight(unit.conv1, inner).copy_(bias)
    _set_weight(unit.conv2, outer)


def _silence(unit: OobleckResidualUnit) -> None:
    """A residual unit that adds nothing yet."""
    _set_weight(unit.conv2, _dust(unit.conv2))


def _oscillators(conv: nn.ConvTranspose1d, plan: Layout) -> Tensor:
    """Windowed cosines with scattered phases, dealt out to the output channels."""
    samples = int(conv.kernel_size[0])
    window = np.hanning(samples + 1)[:-1]
    phases = 2 * np.pi * np.random.default_rng(0).random(len(plan.oscillators))[:, None]
    turns = np.outer(plan.oscillators, np.arange(samples)) / samples
    bank = window * np.cos(2 * np.pi * turns + phases)
    weight = _dust(conv) / LIFT
    for index, wave in enumerate(bank.astype(np.float32) / LIFT):
        weight[plan.strengths.start + index, index % conv.out_channels] = torch.from_numpy(wave)
    return weight


def _sum_of_channels(conv: nn.Conv1d) -> Tensor:
    """Weights of an output layer that adds its input channels up."""
    weight = _dust(conv) * (1e-3 / DUST)
    weight[:, :, int(conv.kernel_size[0]) // 2] += 1.0
    return weight


def _too_quiet(decoder: OobleckDecoder, source: Source) -> NDArray[np.float64]:
    """By how much each band of corpus clips comes out too quiet, as a factor [bands]."""
    latent, entries = source.latent, source.cache.entries
    singles = [e for e in entries if len(e.kinds) == 1]
    chosen = np.random.default_rng(1).permutation(len(singles))[:CALIBRATION_CLIPS]
    differences, weights = np.zeros(latent.mel_bands), np.zeros(latent.mel_bands)
    for index in chosen:
        wanted, heard = _heard(decoder, source, singles[int(index)])
        audible = wanted > wanted.max() - 5.0
        differences += ((wanted - heard) * audible).sum(0)
        weights += audible.sum(0)
    return np.asarray(np.exp(differences / np.maximum(weights, 1)))


def _heard(decoder: OobleckDecoder, source: Source, entry: ClipEntry) -> tuple[Floats, Floats]:
    """The log-mel of a clip's beginning, and that of its rendering."""
    latent = source.latent
    frames = min(entry.frames, LONGEST_FRAMES)
    packed = source.cache.pack(entry)[:frames]
    mels = torch.from_numpy(source.measured.normalise(packed).T[None])
    noise = torch.randn(1, latent.noise_channels, frames)
    wave: Floats = decoder(torch.cat([mels, noise], dim=1))[0, 0].numpy()
    return unpack(packed, latent), log_mel(wave, latent)


def _dust(conv: Convolution) -> Tensor:
    """Tiny random weights in the shape of a convolution's."""
    return torch.randn(dict(conv.named_parameters())["weight_v"].shape) * DUST


def _set_weight(conv: Convolution, weight: Tensor) -> Tensor:
    """Load a plain weight into a weight-normed convolution; return its bias, set to zero."""
    parts = dict(conv.named_parameters())
    norm = weight.flatten(1).norm(dim=1).clamp_min(1e-9)
    parts["weight_v"].copy_(weight)
    parts["weight_g"].copy_(norm.view_as(parts["weight_g"]))
    return parts["bias"].zero_() if "bias" in parts else torch.zeros(len(weight))

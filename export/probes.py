"""Plausible random inputs for one network, by the names of its tensors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tritone import tensors
from tritone.card import ModelCard
from tritone.schedules import make_schedule
from tritone.tensors import ModelIO, TensorSpec

Array = NDArray[np.generic]
Arrays = dict[str, Array]

_COUNTS = {"lyrics": 64, "tokens": 90, "codes": 12, "source": 60}
"""Odd lengths of what is not as long as the frames."""

_LOW_TOKENS = 64  # every vocabulary has that many
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Probe:
    """Draws the inputs of one case."""

    card: ModelCard
    batch: int
    frames: int
    random: np.random.Generator
    guided: int | None = None  # rows that have a negative prompt, the first ones; None: all
    counts: Mapping[str, int] = field(default_factory=lambda: _COUNTS)

    def inputs(self, model_io: ModelIO) -> Arrays:
        """Return one array for every input: its shape is [batch, *dims], -1 replaced by frames."""
        drawn = {spec.name: self._draw(spec) for spec in model_io.inputs}
        if tensors.SIGMA in drawn and self.card.spec.schedule == "cosine_dpm":
            # Latents on their way through this schedule are as large as its noise.
            scale = np.sqrt(drawn[tensors.SIGMA].astype(np.float32) ** 2 + 1.0)[..., None]
            drawn[tensors.LATENTS] = drawn[tensors.LATENTS] * scale
        return drawn

    def _draw(self, spec: TensorSpec) -> Array:
        guided = self.batch if self.guided is None else self.guided
        rows = guided if spec.name in tensors.OF_GUIDED_ROWS else self.batch
        shape = (rows, *(self._count(spec) if dim < 0 else dim for dim in spec.dims))
        draw = _DRAWS.get(spec.name, Probe._normal)
        return draw(self, shape)

    def _count(self, spec: TensorSpec) -> int:
        # Lyrics and conditioning are as long as they like, whatever the frames are.
        return self.frames if spec.counts == "frames" else self.counts[spec.counts]

    def _normal(self, shape: tuple[int, ...]) -> Array:
        return self.random.standard_normal(shape, dtype=np.float32)

    def _tokens(self, shape: tuple[int, ...]) -> Array:
        return self.random.integers(0, _LOW_TOKENS, shape, dtype=np.int64)

    def _codes(self, shape: tuple[int, ...]) -> Array:
        return self.random.integers(0, self.card.audio_codes, shape, dtype=np.int64)

    def _code_mask(self, shape: tuple[int, ...]) -> Array:
        lengths = self.random.integers(0, shape[-1] + 1, shape[:-1])
        lengths[::2] = 0  # every other song follows nothing
        return (np.arange(shape[-1]) < lengths[..., None]).astype(np.int64)

    def _token_mask(self, shape: tuple[int, ...]) -> Array:
        lengths = self.random.integers(1, shape[-1], shape[:-1])
        if len(shape) > 2 and self.card.family == "stable_audio":  # noqa: PLR2004
            lengths[::2, 1] = 0  # every other row has no negative prompt
        return (np.arange(shape[-1]) < lengths[..., None]).astype(np.int64)

    def _row_mask(self, shape: tuple[int, ...]) -> Array:
        lengths = self.random.integers(1, shape[-1] + 1, shape[:-1])
        return (np.arange(shape[-1]) < lengths[..., None]).astype(np.int64)

    def _mask(self, shape: tuple[int, ...]) -> Array:
        return self.random.integers(0, 2, shape, dtype=np.int64)

    def _start(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, np.float32)

    def _end(self, shape: tuple[int, ...]) -> Array:
        return self.random.uniform(0.1, self.card.window_seconds, shape).astype(np.float32)

    def _sigma(self, shape: tuple[int, ...]) -> Array:
        sigmas = make_schedule(self.card.spec.schedule, _STEPS, self.card.schedule).sigmas[:-1]
        return self.random.choice(sigmas, shape).astype(np.float32)

    def _guidance_scale(self, shape: tuple[int, ...]) -> Array:
        return self.random.uniform(0.0, 8.0, shape).astype(np.float32)


_DRAWS: dict[str, Callable[[Probe, tuple[int, ...]], Array]] = {
    tensors.INPUT_IDS: Probe._tokens,
    tensors.ATTENTION_MASK: Probe._token_mask,
    tensors.LYRIC_IDS: Probe._tokens,
    tensors.LYRIC_MASK: Probe._row_mask,
    tensors.CODE_IDS: Probe._codes,
    tensors.CODE_MASK: Probe._code_mask,
    tensors.OTHER_IDS: Probe._tokens,
    tensors.OTHER_MASK: Probe._token_mask,
    tensors.CONDITIONING_MASK: Probe._mask,
    tensors.NEGATIVE_CONDITIONING_MASK: Probe._mask,
    tensors.SECONDS_START: Probe._start,
    tensors.SECONDS_END: Probe._end,
    tensors.SIGMA: Probe._sigma,
    tensors.GUIDANCE_SCALE: Probe._guidance_scale,
}

"""The SAME decoder's sliding window attention in time linear in the sound's length.

diffusers computes all pairs of tokens and masks what lies outside the window: 3 s of sound cost
9 million pairs, a minute would need gigabytes. Here each segment meets its neighbours only.
Source: diffusers 0.42.1, `SAMEAttnProcessor` and `_band_mask`; the results are equal.
"""

import torch
from diffusers.models.autoencoders.autoencoder_same import (
    SAMEAttention,
    SAMETransformerResamplingBlock,
    _apply_rotary_partial,
)
from torch import Tensor, nn
from torch.nn import functional

_DIFFERENTIAL_PARTS = 5  # q1, q2, k1, k2, v; otherwise q, k, v
_PLAIN_PARTS = 3


def use_banded_attention(decoder: nn.Module) -> None:
    """Give every block of a SAME decoder the banded attention, in place."""
    for block in decoder.modules():
        if isinstance(block, SAMETransformerResamplingBlock):
            processor = BandedAttnProcessor(block.stride + 1, block.sliding_window)
            for layer in block.transformers:
                layer.attn.set_processor(processor)


class BandedAttnProcessor:
    """Attention within a window of whole segments.

    A token attends to those at most `window` * `segment` positions away, in either direction.
    """

    _attention_backend = None  # diffusers sets these on every processor
    _parallel_config = None

    def __init__(self, segment: int, window: int) -> None:
        self.segment = segment
        self.window = window

    def __call__(
        self, attn: SAMEAttention, hidden_states: Tensor, attn_mask: Tensor | None = None
    ) -> Tensor:
        """Return the attended states: float [batch, tokens, dim]; the mask is not looked at."""
        rotary = attn.rope(hidden_states.shape[1], hidden_states.device)
        parts = _DIFFERENTIAL_PARTS if attn.use_differential else _PLAIN_PARTS
        projected = attn.to_qkv(hidden_states).chunk(parts, dim=-1)
        heads = [part.reshape(*part.shape[:-1], attn.heads, -1) for part in projected]
        *queries_and_keys, values = heads
        half = len(queries_and_keys) // 2
        queries = [_apply_rotary_partial(attn.q_norm(q), rotary) for q in queries_and_keys[:half]]
        keys = [_apply_rotary_partial(attn.k_norm(k), rotary) for k in queries_and_keys[half:]]
        maps = [self.attend(q, k, values) for q, k in zip(queries, keys, strict=True)]
        mixed = maps[0] - maps[1] if attn.use_differential else maps[0]
        attended: Tensor = attn.to_out(mixed.flatten(2, 3))
        return attended

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return the attention over the window; all float [batch, tokens, heads, head_dim]."""
        # [batch, segments, heads, tokens of a segment (and of its neighbours), head_dim]
        query = self._segments(queries).transpose(2, 3)
        key = self._with_neighbours(keys).transpose(2, 3)
        value = self._with_neighbours(values).transpose(2, 3)
        scores = query @ key.transpose(-1, -2) * queries.shape[-1] ** -0.5
        weights = scores.masked_fill(~self._visible(query), float("-inf")).softmax(dim=-1)
        attended: Tensor = weights @ value
        return attended.transpose(2, 3).flatten(1, 2)

    def _segments(self, tokens: Tensor) -> Tensor:
        batch, _, heads, head_dim = tokens.shape
        return tokens.reshape(batch, -1, self.segment, heads, head_dim)

    def _with_neighbours(self, tokens: Tensor) -> Tensor:
        segments = self._segments(tokens)
        n_segments = segments.shape[1]
        padded = functional.pad(segments, (0, 0, 0, 0, 0, 0, self.window, self.window))
        shifts = range(2 * self.window + 1)
        return torch.cat([padded[:, shift : shift + n_segments] for shift in shifts], dim=2)

    def _visible(self, query: Tensor) -> Tensor:
        """Return what a token sees: bool [segments, 1, tokens, tokens with neighbours]."""
        reach = self.window * self.segment
        positions = torch.arange(self.segment + 2 * reach, device=query.device) - reach
        distance = positions[None, :] - torch.arange(self.segment, device=query.device)[:, None]
        starts = torch.arange(query.shape[1], device=query.device)[:, None] * self.segment
        absolute = starts + positions[None, :]
        exists = (absolute >= 0) & (absolute < query.shape[1] * self.segment)
        return (distance.abs() <= reach)[None, None] & exists[:, None, None, :]

"""The shapes that a TensorRT plan is built for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tritone import tensors
from tritone.card import ModelCard
from tritone.families.ace_step import SHORTEST
from tritone.tensors import ModelIO, TensorSpec

Network = Literal["text_encoder", "transformer", "vae_decoder"]

NETWORKS: dict[Network, Callable[[ModelCard], ModelIO]] = {
    "text_encoder": tensors.text_encoder,
    "transformer": tensors.transformer,
    "vae_decoder": tensors.vae_decoder,
}

USUAL_LYRICS = 256  # tokens

Counts = dict[str, int]
"""How long each kind of sequence is, by what its tokens are (`TensorSpec.counts`)."""

Shape = tuple[int, ...]
Profile = dict[str, tuple[Shape, Shape, Shape]]
"""Smallest, most usual and largest shape of every input, the batch included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What a plan is tuned for."""

    usual_batch: int = 4
    max_batch: int = 8
    workspace_gib: int = 8
    tf32: bool = False  # products of float32 with 10 bits of mantissa: faster, and not exact
    timing_cache: Path | None = None  # makes later builds on the same GPU quicker


def make_profile(card: ModelCard, component: Network, options: EngineOptions) -> Profile:
    """Return the shapes a network is served with.

    From one row of the shortest sound to a full batch of the whole window.
    """
    counts = count_lengths(card, component)
    rows = (1, min(options.usual_batch, options.max_batch), options.max_batch)

    def shape(spec: TensorSpec, position: int) -> Shape:
        dynamic = counts[position][spec.counts]
        return rows[position], *(dynamic if dim < 0 else dim for dim in spec.dims)

    return {
        spec.name: (shape(spec, 0), shape(spec, 1), shape(spec, 2))
        for spec in NETWORKS[component](card).inputs
    }


def count_lengths(card: ModelCard, component: Network) -> tuple[Counts, Counts, Counts]:
    """Return the smallest, most usual and largest lengths that a network is served with."""
    window = card.max_frames
    # A decoder may get fewer frames than one bucket: only those that were asked for.
    shortest = 1 if component == "vae_decoder" else min(card.frame_bucket, window)
    few = min(SHORTEST, card.max_codes)  # most songs follow nothing
    each = (
        (shortest, min(SHORTEST, card.lyric_tokens), few),
        (usual_frames(card), min(USUAL_LYRICS, card.lyric_tokens), few),
        (window, card.lyric_tokens, card.max_codes),
    )
    smallest, usual, largest = (
        {
            "frames": frames,
            "lyrics": lyrics,
            "tokens": lyrics + 1 + card.text_tokens,
            "codes": codes,
            "source": codes * card.frames_per_code,
        }
        for frames, lyrics, codes in each
    )
    return smallest, usual, largest


def usual_frames(card: ModelCard) -> int:
    """Return the latent frames of a sound of the default length."""
    asked = -(-card.default_seconds * card.sample_rate // card.samples_per_frame)
    return min(card.max_frames, -(-int(asked) // card.frame_bucket) * card.frame_bucket)

"""MusicGen: a language model of a codec's tokens. No diffusion: it runs as a checkpoint.

Source: transformers 5.23, `models/musicgen`. Its guidance is against no prompt at all, and one
scale holds for a whole run: it is the checkpoint's.
"""

from typing import TYPE_CHECKING

from tritone.families import prompted
from tritone.families.family import Family
from tritone.pcm import limit_peak
from tritone.tensors import TensorSpec

if TYPE_CHECKING:
    from tritone.card import ModelCard


def list_conditioning(_: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return nothing: the checkpoint reads the prompt itself."""
    return ()


FAMILY = Family(
    name="musicgen",
    pipeline_class="MusicgenForConditionalGeneration",
    schedule="none",
    steps=1,
    guidance_scale=3.0,
    decoder_overlap_frames=None,
    text_names=prompted.TEXT_NAMES,
    conditions_on_span=True,
    level=limit_peak,
    list_controls=prompted.list_controls,
    list_texts=prompted.list_texts,
    list_tokens=prompted.list_tokens,
    file_tokens=prompted.file_tokens,
    list_conditioning=list_conditioning,
    tokenize=prompted.tokenize,
)

"""ACE-Step's graphs: each network of ours, and what diffusers makes instead of it."""

from diffusers import AceStepPipeline
from torch import Tensor, nn

from export.audio_codes import SourceMaker
from export.diffusers_ace_step import (
    DiffusersGuidedTransformer,
    DiffusersTextEncoder,
    DiffusersTransformer,
)
from export.graphs import Graph, in_precision
from export.graphs_stable_audio import fold
from export.networks_ace_step import GuidedTransformer, TextEncoder, Transformer, VaeDecoder
from export.precision import Precision
from export.tiles import TiledDecoder
from tritone import tensors
from tritone.card import ModelCard


def text_encoder(pipeline: AceStepPipeline, card: ModelCard) -> Graph:
    """Return the graph of Qwen3, the lyric encoder and the timbre of silence."""
    source = SourceMaker.of(pipeline, card)
    return Graph(
        component="text_encoder",
        io=tensors.text_encoder(card),
        module=TextEncoder(pipeline, source),
        reference=DiffusersTextEncoder(pipeline, source),
    )


def transformer(pipeline: AceStepPipeline, card: ModelCard, precision: Precision) -> Graph:
    """Return the graph of one denoising step, guided or not."""
    silence = silence_of(pipeline, card.max_frames)
    exported = in_precision(pipeline.transformer, precision)
    # In half precision neighbouring times would be whole turns of their fastest features apart.
    exported.time_embed = pipeline.transformer.time_embed
    exported.time_embed_r = pipeline.transformer.time_embed_r
    module: Transformer = Transformer(exported, silence)
    reference: nn.Module = DiffusersTransformer(pipeline.transformer, silence)
    if card.guidance:
        nobody = pipeline.condition_encoder.null_condition_emb.detach()
        module = GuidedTransformer(exported, silence, nobody)
        reference = DiffusersGuidedTransformer(pipeline.transformer, silence, nobody)
    return Graph(
        component="transformer",
        io=tensors.transformer(card),
        module=module,
        reference=reference,
        frame_multiple=pipeline.transformer.patch_size,
    )


def vae_decoder(pipeline: AceStepPipeline, card: ModelCard) -> Graph:
    """Return the graph of the Oobleck decoder, tile by tile."""
    overlap = card.spec.decoder_overlap_frames or 0
    tiles = TiledDecoder(fold(pipeline.vae.decoder), overlap, card.samples_per_frame)
    return Graph(
        component="vae_decoder",
        io=tensors.vae_decoder(card),
        module=VaeDecoder(tiles),
        reference=VaeDecoder(pipeline.vae.decoder),
    )


def silence_of(pipeline: AceStepPipeline, frames: int) -> Tensor:
    """Return the latents of silence, float32 [1, frames, channels]."""
    silence: Tensor = pipeline.condition_encoder.silence_latent[:, :frames]
    return silence

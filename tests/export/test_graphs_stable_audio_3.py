"""The modules against diffusers, before any export; 1e-6 relative is the rounding of float32."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderSAME, StableAudio3Pipeline

from export import facts
from export.banded_attention import use_banded_attention
from export.cards import Choices, make_card
from export.families import EXPORTERS
from export.graphs import HALF, Graph, in_precision, strip_weight_norm, with_shared_weights
from export.precision import Precision
from export.probes import Probe
from export.quiet import quiet
from tests import checkpoints
from tests.export.comparing import relative_error
from tritone import tensors
from tritone.families import FAMILIES

pytestmark = pytest.mark.export

TOLERANCE = 1e-6

Tensors = dict[str, torch.Tensor]


def graphs_of(pipeline: StableAudio3Pipeline, *, guidance: bool = True) -> dict[str, Graph]:
    family, found = FAMILIES["stable_audio_3"], facts.stable_audio_3(pipeline)
    card = make_card("tiny3", family, found, Choices(guidance=guidance))
    return {
        graph.component: graph
        for graph in EXPORTERS["stable_audio_3"].graphs(pipeline, card, "fp32")
    }


def call(graph: Graph, inputs: Tensors) -> Any:  # noqa: ANN401  # a tensor or several
    with torch.no_grad():
        found = graph.module(*(inputs[spec.name] for spec in graph.io.inputs))
    names = [spec.name for spec in graph.io.outputs]
    return dict(zip(names, found, strict=True)) if isinstance(found, tuple) else found


def tokens_of(pipeline: StableAudio3Pipeline, *texts: str) -> Tensors:
    found = pipeline.tokenizer(list(texts), padding="max_length", return_tensors="pt")
    return {
        tensors.INPUT_IDS: found.input_ids[None],
        tensors.ATTENTION_MASK: found.attention_mask[None],
        tensors.SECONDS_START: torch.tensor([[0.0]]),
        tensors.SECONDS_END: torch.tensor([[2.0]]),
    }


def encode(pipeline: StableAudio3Pipeline, text: str) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        duration = pipeline.encode_duration(2.0, "cpu", 1, 1)
        context, mask = pipeline.prepare_cross_attention(
            *pipeline.encode_prompt(text, "cpu", 1), duration
        )
    return context, mask, duration


def test_texts_and_duration_are_encoded_as_diffusers_does(pipeline_3: StableAudio3Pipeline) -> None:
    inputs = tokens_of(pipeline_3, "a church bell", "")

    found = call(graphs_of(pipeline_3)["text_encoder"], inputs)

    context, mask, duration = encode(pipeline_3, "a church bell")
    negative_context, negative_mask, _ = encode(pipeline_3, "")
    assert relative_error(found[tensors.CONDITIONING], context) < TOLERANCE
    assert torch.equal(found[tensors.CONDITIONING_MASK], mask)
    assert relative_error(found[tensors.NEGATIVE_CONDITIONING], negative_context) < TOLERANCE
    assert torch.equal(found[tensors.NEGATIVE_CONDITIONING_MASK], negative_mask)
    assert torch.equal(found[tensors.GLOBAL_CONDITIONING], duration)


def test_without_guidance_only_the_prompt_is_encoded(pipeline_3: StableAudio3Pipeline) -> None:
    inputs = tokens_of(pipeline_3, "a church bell", "noise")

    found = call(graphs_of(pipeline_3, guidance=False)["text_encoder"], inputs)

    context, mask, _ = encode(pipeline_3, "a church bell")
    assert relative_error(found[tensors.CONDITIONING], context) < TOLERANCE
    assert torch.equal(found[tensors.CONDITIONING_MASK], mask)
    assert len(found) == 3


@pytest.mark.parametrize("scale", [0.0, 1.0, 4.0])
def test_a_step_is_the_velocity_of_diffusers(
    pipeline_3: StableAudio3Pipeline, scale: float
) -> None:
    guided, plain = (graphs_of(pipeline_3, guidance=g)["transformer"] for g in (True, False))
    conditioning = call(
        graphs_of(pipeline_3)["text_encoder"], tokens_of(pipeline_3, "a church bell", "noise")
    )
    latents = torch.randn(1, 8, 17, generator=torch.Generator().manual_seed(0))
    step = {tensors.LATENTS: latents, tensors.SIGMA: torch.tensor([[0.7]])}
    step |= {tensors.GUIDANCE_SCALE: torch.tensor([[scale]])}

    with torch.no_grad():
        velocity, negative = (
            pipeline_3.transformer(
                latents,
                torch.tensor([0.7]),
                encoder_hidden_states=conditioning[context],
                global_hidden_states=conditioning[tensors.GLOBAL_CONDITIONING],
                encoder_attention_mask=conditioning[mask],
                return_dict=False,
            )[0]
            for context, mask in (
                (tensors.CONDITIONING, tensors.CONDITIONING_MASK),
                (tensors.NEGATIVE_CONDITIONING, tensors.NEGATIVE_CONDITIONING_MASK),
            )
        )
    expected = latents - 0.7 * (negative + max(1.0, scale) * (velocity - negative))

    assert relative_error(call(guided, {**step, **conditioning}), expected) < TOLERANCE
    unguided = latents - 0.7 * velocity
    assert relative_error(call(plain, {**step, **conditioning}), unguided) < TOLERANCE


def test_half_precision_keeps_the_time_in_float32(pipeline_3: StableAudio3Pipeline) -> None:
    family, found = FAMILIES["stable_audio_3"], facts.stable_audio_3(pipeline_3)
    card = make_card("tiny3", family, found, Choices())
    graph = EXPORTERS["stable_audio_3"].transformer(pipeline_3, card, "fp16")
    inputs = Probe(card, 2, 9, np.random.default_rng(0)).inputs(graph.io)
    arguments = [torch.from_numpy(array) for array in inputs.values()]

    with torch.no_grad():
        half, full = graph.module(*arguments), graph.reference(*arguments)

    assert half.dtype == torch.float32
    assert next(graph.module.parameters()).dtype == torch.float16
    assert 1e-6 < relative_error(half, full) < 5e-3  # times in half would be off by whole turns


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_keeps_the_positions_of_a_long_sound(
    pipeline_3: StableAudio3Pipeline, precision: Precision
) -> None:
    card = make_card(
        "tiny3", FAMILIES["stable_audio_3"], facts.stable_audio_3(pipeline_3), Choices()
    )
    graph = EXPORTERS["stable_audio_3"].transformer(pipeline_3, card, precision)
    frames = 4160  # 386 s of Stable Audio 3

    found, expected = (
        module.get_submodule("transformer.rotary_pos_emb")(frames, "cpu")
        for module in (graph.module, graph.reference)
    )

    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_no_table_is_halved(precision: Precision) -> None:
    module = torch.nn.BatchNorm1d(4)  # weights and buffers, one of them of integers

    half = in_precision(module, precision)

    assert half.weight.dtype == HALF[precision]
    for name, buffer in module.named_buffers():
        assert half.get_buffer(name) is buffer


@pytest.mark.parametrize("sliding_window", [1, 2])
@pytest.mark.parametrize("is_differential", [True, False])
def test_banded_attention_is_the_masked_attention_of_diffusers(
    sliding_window: int, is_differential: bool
) -> None:
    torch.manual_seed(0)
    with quiet():
        vae = AutoencoderSAME(
            patch_size=8,
            encoder_channels=8,
            encoder_c_mults=(4,),
            encoder_strides=(4,),
            encoder_transformer_depths=(2,),
            latent_dim=4,
            dim_heads=16,
            sliding_window=sliding_window,
            use_differential_attention=is_differential,
        )
    checkpoints.wake(vae)
    strip_weight_norm(vae)
    banded = with_shared_weights(vae)
    use_banded_attention(banded)

    for frames in (1, 2, 3, 40):
        latents = torch.randn(2, 4, frames)
        with torch.no_grad():
            expected, found = vae.decode(latents).sample, banded.decode(latents).sample
        assert relative_error(found, expected) < TOLERANCE

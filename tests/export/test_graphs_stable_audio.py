"""The modules against diffusers, before any export; 1e-6 relative is the rounding of float32."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableAudioPipeline

from export import facts
from export.cards import Choices, make_card
from export.families import EXPORTERS
from export.graphs import Graph
from export.probes import Probe
from tests.export.comparing import relative_error
from tritone import tensors
from tritone.card import ModelCard
from tritone.families import FAMILIES
from tritone.pcm import limit_peak, to_int16

pytestmark = pytest.mark.export

TOLERANCE = 1e-6
BATCH, FRAMES = 3, 21

Tensors = dict[str, torch.Tensor]


def card_of(pipeline: StableAudioPipeline, *, guidance: bool = True) -> ModelCard:
    family, found = FAMILIES["stable_audio"], facts.stable_audio(pipeline)
    return make_card("tiny", family, found, Choices(guidance=guidance))


def graphs_of(pipeline: StableAudioPipeline, *, guidance: bool = True) -> dict[str, Graph]:
    card = card_of(pipeline, guidance=guidance)
    return {
        graph.component: graph for graph in EXPORTERS["stable_audio"].graphs(pipeline, card, "fp32")
    }


def inputs_of(pipeline: StableAudioPipeline, graph: Graph) -> Tensors:
    probe = Probe(card_of(pipeline), BATCH, FRAMES, np.random.default_rng(3))
    return {name: torch.from_numpy(array) for name, array in probe.inputs(graph.io).items()}


def call(graph: Graph, inputs: Tensors) -> Any:  # noqa: ANN401  # a tensor or several
    with torch.no_grad():
        return graph.module(*(inputs[spec.name] for spec in graph.io.inputs))


def encode(pipeline: StableAudioPipeline, negative: str | None) -> tuple[torch.Tensor, ...]:
    """Return what diffusers makes of two texts: conditioning of both, and the global one."""
    with torch.no_grad():
        text = pipeline.encode_prompt("rain on a roof", "cpu", negative is not None, negative)
        start, end = pipeline.encode_duration(0.5, 2.0, "cpu", negative is not None, 1)
    return torch.cat([text, start, end], dim=1), torch.cat([start, end], dim=2)[:1, 0]


def tokens_of(pipeline: StableAudioPipeline, *texts: str) -> Tensors:
    found = pipeline.tokenizer(
        list(texts), padding="max_length", truncation=True, return_tensors="pt"
    )
    return {
        tensors.INPUT_IDS: found.input_ids[None],
        tensors.ATTENTION_MASK: found.attention_mask[None],
        tensors.SECONDS_START: torch.tensor([[0.5]]),
        tensors.SECONDS_END: torch.tensor([[2.0]]),
    }


def test_prompt_and_negative_prompt_are_encoded_as_diffusers_does(
    pipeline: StableAudioPipeline,
) -> None:
    inputs = tokens_of(pipeline, "rain on a roof", "low quality")

    conditioning, negative, global_conditioning = call(graphs_of(pipeline)["text_encoder"], inputs)

    expected, expected_global = encode(pipeline, "low quality")
    assert relative_error(conditioning, expected[1:]) < TOLERANCE
    assert relative_error(negative, expected[:1]) < TOLERANCE
    assert relative_error(global_conditioning, expected_global) < TOLERANCE


def test_no_negative_prompt_is_all_zeros_as_in_diffusers(pipeline: StableAudioPipeline) -> None:
    inputs = tokens_of(pipeline, "rain on a roof", "")
    inputs[tensors.ATTENTION_MASK][:, 1] = 0

    conditioning, negative, _ = call(graphs_of(pipeline)["text_encoder"], inputs)

    assert relative_error(conditioning, encode(pipeline, None)[0]) < TOLERANCE
    assert not negative.any()


def test_without_guidance_only_the_prompt_is_encoded(pipeline: StableAudioPipeline) -> None:
    inputs = tokens_of(pipeline, "rain on a roof", "low quality")

    guided = call(graphs_of(pipeline)["text_encoder"], inputs)
    plain = call(graphs_of(pipeline, guidance=False)["text_encoder"], inputs)

    assert relative_error(plain[0], guided[0]) < TOLERANCE
    assert torch.equal(plain[1], guided[2])


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_guidance_up_to_one_is_no_guidance(pipeline: StableAudioPipeline, scale: float) -> None:
    graph = graphs_of(pipeline)["transformer"]
    inputs = inputs_of(pipeline, graph)
    inputs[tensors.GUIDANCE_SCALE] = torch.full((BATCH, 1), scale)
    swapped = {**inputs, tensors.NEGATIVE_CONDITIONING: inputs[tensors.CONDITIONING] * 3.0}

    guided = call(graph, inputs)
    plain = call(graphs_of(pipeline, guidance=False)["transformer"], inputs)

    assert torch.equal(guided, call(graph, swapped))  # the negative prompt has no say, not a bit
    assert relative_error(guided, plain) < TOLERANCE


@pytest.mark.parametrize("guided", [0, 1, 2])
def test_rows_behind_the_guided_ones_take_no_negative_prompt(
    pipeline: StableAudioPipeline, guided: int
) -> None:
    graph = graphs_of(pipeline)["transformer"]
    inputs = inputs_of(pipeline, graph)
    inputs[tensors.GUIDANCE_SCALE] = torch.where(torch.arange(BATCH)[:, None] < guided, 3.0, 1.0)
    fewer = {tensors.NEGATIVE_CONDITIONING: inputs[tensors.NEGATIVE_CONDITIONING][:guided]}

    assert relative_error(call(graph, inputs | fewer), call(graph, inputs)) < TOLERANCE


def test_a_row_has_its_own_guidance_and_noise_level(pipeline: StableAudioPipeline) -> None:
    graph = graphs_of(pipeline)["transformer"]
    inputs = inputs_of(pipeline, graph)

    together = call(graph, inputs)

    for row in range(BATCH):
        alone = call(graph, {name: tensor[row : row + 1] for name, tensor in inputs.items()})
        assert relative_error(together[row : row + 1], alone) < 1e-5


def test_the_decoder_gives_the_samples_of_the_shared_rounding(
    pipeline: StableAudioPipeline,
) -> None:
    graph = graphs_of(pipeline)["vae_decoder"]
    latents = torch.randn(2, 8, 9, generator=torch.Generator().manual_seed(0)) * 8.0

    with torch.no_grad():
        waveform = pipeline.vae.decode(latents).sample.numpy()
    pcm = call(graph, {tensors.LATENTS: latents}).numpy()
    exact = call(
        Graph(component="", io=graph.io, module=graph.reference, reference=graph.reference),
        {tensors.LATENTS: latents},
    )

    expected = to_int16(limit_peak(waveform))
    assert np.array_equal(exact.numpy(), expected)
    assert np.abs(pcm.astype(int) - expected).max() <= 1


def test_loud_sounds_are_scaled_down_and_halves_go_to_even() -> None:
    from export.graphs import pcm

    loud = [-2.0, -1.0, 0.5, 1.5, 1.0, 3.0]
    fine = [-1.0, 0.0, 0.5 / 32767, 1.5 / 32767, 1.0, 0.2]
    waveform = np.array([[loud], [fine]], np.float32)

    made = pcm(torch.from_numpy(waveform)).numpy()

    assert np.array_equal(made, to_int16(limit_peak(waveform)))
    assert made[0].max() == 32767
    assert np.array_equal(made[1], to_int16(waveform[1]))

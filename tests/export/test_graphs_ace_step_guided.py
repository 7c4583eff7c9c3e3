"""Base and sft checkpoints of ACE-Step, which also know audio codes, against diffusers.

From the modules to the lanes of a denoiser, over files that were exported.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AceStepPipeline
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance

from backends.denoiser.job import make_job
from backends.denoiser.predict.onnx import OnnxTransformer
from backends.denoiser.predict.rows import Predictors
from export.cards import Choices, make_card
from export.checkpoint import open_checkpoint
from export.errors import InvalidCheckpoint
from export.families import EXPORTERS
from export.graphs import Graph
from export.graphs_ace_step import silence_of
from export.loading import load
from export.onnx_files import write_onnx
from export.probes import Array, Probe
from export.projected_guidance import MAX_NORM, MOMENTUM, project
from export.references import ace_step
from export.tokenizers import write_tokenizer
from export.trials import Files, make_trial
from export.verify import ask_pytorch, verify_component, verify_end_to_end
from tests import checkpoints
from tests.backends.fakes import FakeMetrics, FakeReply, make_scheduler
from tests.export.comparing import relative_error, run
from tritone import tensors
from tritone.card import ModelCard
from tritone.families import FAMILIES

pytestmark = pytest.mark.export

TOLERANCE = 2e-6


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> AceStepPipeline:
    folder = tmp_path_factory.mktemp("checkpoint") / "base"
    checkpoints.ace_step(folder, is_turbo=False, knows_codes=True)
    return load(open_checkpoint(str(folder)))


@pytest.fixture(scope="module")
def song_card(song: AceStepPipeline) -> ModelCard:
    facts = EXPORTERS["ace_step"].facts(song)
    return make_card("base", FAMILIES["ace_step"], facts, Choices(seconds=1.0))


@pytest.fixture(scope="module")
def graphs(song: AceStepPipeline, song_card: ModelCard) -> dict[str, Graph]:
    made = EXPORTERS["ace_step"].graphs(song, song_card, "fp32")
    return {graph.component: graph for graph in made}


def test_the_checkpoint_says_that_it_is_guided_and_knows_codes(song_card: ModelCard) -> None:
    assert (song_card.default_steps, song_card.default_guidance_scale) == (50, 7.0)
    assert (song_card.schedule.shift, song_card.guidance) == (1.0, True)
    assert (song_card.audio_codes, song_card.frames_per_code) == (64_000, 5)


def test_guidance_is_diffusers_own_step_after_step() -> None:
    random = torch.Generator().manual_seed(0)
    buffer, momentum = MomentumBuffer(MOMENTUM), torch.zeros(1, 8, 40)
    for _ in range(4):
        pair = 3 * torch.randn(2, 8, 40, generator=random)
        expected = normalized_guidance(
            pair[:1].transpose(1, 2),
            pair[1:].transpose(1, 2),
            guidance_scale=6.0,
            momentum_buffer=buffer,
            eta=0.0,
            norm_threshold=MAX_NORM,
            use_original_formulation=True,
            norm_dim=(1,),
        )
        found, momentum = project(pair, torch.tensor([[7.0]]), momentum)
        assert relative_error(found.numpy(), expected.transpose(1, 2).numpy()) < TOLERANCE
        held = buffer.running_average.transpose(1, 2)
        assert relative_error(momentum.numpy(), held.numpy()) < TOLERANCE


def test_a_row_that_is_not_guided_is_its_conditional_self_and_keeps_its_momentum() -> None:
    velocities, momentum = torch.randn(5, 8, 40), torch.randn(2, 8, 40)
    found, after = project(velocities, torch.tensor([[7.0], [1.0], [7.0]]), momentum)
    assert not torch.equal(found[0], velocities[0])
    torch.testing.assert_close(found[1:], velocities[1:3], rtol=0, atol=0)
    assert not torch.equal(after[0], momentum[0])
    assert torch.equal(after[1], momentum[1])


@pytest.mark.parametrize("component", ["text_encoder", "transformer"])
def test_padded_and_masked_is_what_diffusers_makes_of_one_song_without_padding(
    graphs: dict[str, Graph], song_card: ModelCard, component: str
) -> None:
    for case in ask_pytorch(graphs[component], song_card, max_batch=4):
        found = run(graphs[component], case.inputs)
        for name, expected in case.expected.items():
            assert relative_error(found[name], expected) < TOLERANCE, name


def test_what_a_song_follows_reaches_the_steps_and_ends_where_it_ends(
    song: AceStepPipeline, graphs: dict[str, Graph], song_card: ModelCard
) -> None:
    graph = graphs["transformer"]
    inputs = Probe(song_card, 2, 64, np.random.default_rng(0)).inputs(graph.io)
    denoised = run(graph, inputs)[tensors.DENOISED]
    followed = inputs[tensors.SOURCE].astype(np.float32)
    other = inputs | {tensors.SOURCE: followed + 1}
    assert relative_error(run(graph, other)[tensors.DENOISED], denoised) > 1e-3
    # Silence is what is followed where nothing is: the same frames, said and not said.
    silence = silence_of(song, followed.shape[1]).numpy()
    said = run(graph, inputs | {tensors.SOURCE: np.repeat(silence, 2, axis=0)})
    short = run(graph, inputs | {tensors.SOURCE: np.repeat(silence[:, :5], 2, axis=0)})
    np.testing.assert_array_equal(said[tensors.DENOISED], short[tensors.DENOISED])


@pytest.mark.drill
def test_guided_songs_that_follow_codes_are_those_of_diffusers(
    song: AceStepPipeline, song_card: ModelCard, graphs: dict[str, Graph], tmp_path: Path
) -> None:
    trial = make_trial(song_card)
    assert trial.guidance_scale == 7.0
    assert str(trial.list_controls()[-1]["audio_codes"]).startswith("<|audio_code_0|>")
    assert trial.list_controls()[-1]["strength"] == 0.6
    assert not {"audio_codes", "strength"} & trial.list_controls()[0].keys()
    write_tokenizer(song.tokenizer, song_card, tmp_path / "tokenizer.json")
    paths = {name: Path(name) for name in graphs} | {"tokenizer": tmp_path / "tokenizer.json"}
    files = Files(paths, open=lambda path: lambda inputs: run(graphs[path.name], inputs))
    sounds = ace_step(song, song_card, trial)
    found = verify_end_to_end(files, song_card, "fp32", trial, sounds)
    assert found.latents_error < 1e-5
    # One prompt without codes and with them: what is followed is heard.
    assert relative_error(sounds.latents[2], sounds.latents[0]) > 1e-3


@pytest.fixture(scope="module")
def exported(
    graphs: dict[str, Graph], song_card: ModelCard, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "base_transformer" / "1"
    folder.mkdir(parents=True)
    write_onnx(graphs["transformer"], song_card, folder / "model.onnx")
    return folder


@pytest.mark.drill
def test_the_exported_step_is_diffusers_step_with_and_without_guidance(
    exported: Path, graphs: dict[str, Graph], song_card: ModelCard
) -> None:
    cases = ask_pytorch(graphs["transformer"], song_card, max_batch=4)
    assert {len(case.inputs[tensors.MOMENTUM]) for case in cases} >= {0, 1, 3}
    error = verify_component("transformer", cases, exported / "model.onnx", "fp32")
    assert error < 1e-5


def ask(card: ModelCard, exported: Path, requests: list[dict[str, Array]]) -> list[Array]:
    """Return the latents of requests that a denoiser steps together."""
    transformer = OnnxTransformer(exported, card, threads=1)
    metrics = FakeMetrics()
    scheduler = make_scheduler(
        Predictors(1, transformer, transformer), metrics, step_batch=4, max_pending=8
    )
    replies = [FakeReply() for _ in requests]
    for inputs, reply in zip(requests, replies, strict=True):
        scheduler.submit(make_job(card, inputs, "", reply))
        scheduler.step()  # so that each joins later than the one before
    scheduler.stop()
    scheduler.run()
    if len(requests) > 1:
        assert max(metrics.step_rows) == len(requests)
    answers = [reply.latents for reply in replies]
    assert all(reply.error is None for reply in replies)
    return [answer for answer in answers if answer is not None]


@pytest.mark.drill
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_a_song_is_the_same_alone_and_among_others(
    exported: Path, graphs: dict[str, Graph], song_card: ModelCard, strength: float
) -> None:
    # Guided at some noise levels only: a momentum waits meanwhile.
    levels = replace(song_card.schedule, guidance_min_sigma=0.3, guidance_max_sigma=0.9)
    card = replace(song_card, schedule=levels)
    drawn = Probe(card, 3, 32, np.random.default_rng(0)).inputs(graphs["transformer"].io)
    words = {spec.name: drawn[spec.name] for spec in tensors.list_conditioning(card)}
    words[tensors.BLENDED_MASK] = np.roll(words[tensors.CONDITIONING_MASK], 1, axis=1)
    requests = [
        {name: each[row : row + 1] for name, each in words.items()}
        | {
            tensors.SEED: np.array([[row]]),
            tensors.STRENGTH: np.array([[strength]]),
            tensors.STEPS: np.array([[12 + row]]),
            tensors.GUIDANCE_SCALE: np.array([[scale]]),
            tensors.SECONDS_START: np.array([[0.0]]),
            tensors.SECONDS_END: np.array([[1.2]]),
        }
        for row, scale in enumerate((7.0, 1.0, 3.0))
    ]
    together = ask(card, exported, requests)
    for made, request in zip(together, requests, strict=True):
        (alone,) = ask(card, exported, [request])
        assert relative_error(made, alone) < 1e-5


def test_a_checkpoint_without_a_weight_of_its_condition_encoder_is_refused(tmp_path: Path) -> None:
    folder = checkpoints.ace_step(tmp_path / "base", is_turbo=False)
    path = folder / "condition_encoder" / "diffusion_pytorch_model.safetensors"
    from safetensors.torch import load_file, save_file

    weights = load_file(path)
    del weights["null_condition_emb"]
    save_file(weights, path)
    with pytest.raises(InvalidCheckpoint, match="null_condition_emb"):
        load(open_checkpoint(str(folder)))


def test_decoders_of_codes_are_optional_but_not_half_there(tmp_path: Path) -> None:
    folder = checkpoints.ace_step(tmp_path / "base", knows_codes=True)
    assert "audio_tokenizer" in open_checkpoint(str(folder)).components
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "audio_tokenizer").rename(folder / "elsewhere")
    with pytest.raises(InvalidCheckpoint, match="has no audio_tokenizer"):
        open_checkpoint(str(folder))
    index["audio_tokenizer"] = [None, None]
    (folder / "model_index.json").write_text(json.dumps(index))
    assert not EXPORTERS["ace_step"].facts(load(open_checkpoint(str(folder)))).audio_codes

"""The modules against diffusers, before any export."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AceStepPipeline

from export.cards import Choices, make_card
from export.checkpoint import open_checkpoint
from export.families import EXPORTERS
from export.graphs import Graph
from export.loading import load
from export.networks_ace_step import VaeDecoder
from export.probes import Probe
from export.references import ace_step
from export.tiles import TILE_FRAMES, TiledDecoder
from export.tokenizers import write_tokenizer
from export.trials import Files, make_trial
from export.verify import ask_pytorch, verify_end_to_end
from tests import checkpoints
from tests.export.comparing import relative_error, run
from tritone import tensors
from tritone.card import ModelCard
from tritone.families import FAMILIES

pytestmark = pytest.mark.export

TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> AceStepPipeline:
    folder = checkpoints.ace_step(tmp_path_factory.mktemp("checkpoint") / "song")
    return load(open_checkpoint(str(folder)))


@pytest.fixture(scope="module")
def song_card(song: AceStepPipeline) -> ModelCard:
    facts = EXPORTERS["ace_step"].facts(song)
    return make_card("song", FAMILIES["ace_step"], facts, Choices(seconds=1.0))


@pytest.fixture(scope="module")
def graphs(song: AceStepPipeline, song_card: ModelCard) -> dict[str, Graph]:
    made = EXPORTERS["ace_step"].graphs(song, song_card, "fp32")
    return {graph.component: graph for graph in made}


def test_the_card_is_of_songs_up_to_ten_minutes(song_card: ModelCard) -> None:
    assert (song_card.sample_rate, song_card.audio_channels) == (48_000, 2)
    assert song_card.window_seconds == 600
    assert (song_card.default_steps, song_card.schedule.shift) == (8, 3.0)
    assert not song_card.guidance


@pytest.mark.parametrize("component", ["text_encoder", "transformer"])
def test_padded_and_masked_is_what_diffusers_makes_of_one_song_without_padding(
    graphs: dict[str, Graph], song_card: ModelCard, component: str
) -> None:
    for case in ask_pytorch(graphs[component], song_card, max_batch=4):
        found = run(graphs[component], case.inputs)
        for name, expected in case.expected.items():
            assert relative_error(found[name], expected) < TOLERANCE


def test_songs_of_other_lyrics_in_a_step_change_nothing(
    graphs: dict[str, Graph], song_card: ModelCard
) -> None:
    graph = graphs["transformer"]
    inputs = Probe(song_card, 4, 32, np.random.default_rng(0)).inputs(graph.io)
    together = run(graph, inputs)[tensors.DENOISED]
    for row in range(4):
        alone = run(graph, {name: each[row : row + 1] for name, each in inputs.items()})
        assert relative_error(alone[tensors.DENOISED][0], together[row]) < 1e-5


@pytest.mark.drill
def test_tiles_are_the_whole_decode_sample_for_sample(
    song: AceStepPipeline, song_card: ModelCard
) -> None:
    frames = 2 * TILE_FRAMES + 3
    overlap = song_card.spec.decoder_overlap_frames
    assert overlap is not None
    tiles = TiledDecoder(song.vae.decoder, overlap, song_card.samples_per_frame)
    latents = torch.randn(
        2, song_card.latent_channels, frames, generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        found, expected = tiles(latents), song.vae.decoder(latents)
    assert relative_error(found.numpy(), expected.numpy()) < TOLERANCE


def test_a_song_is_delivered_at_minus_one_dbfs(song: AceStepPipeline) -> None:
    with torch.no_grad():
        pcm = VaeDecoder(song.vae.decoder)(torch.randn(2, 8, 8))
    peaks = np.abs(pcm.numpy().astype(int)).max(axis=(1, 2))
    np.testing.assert_allclose(20 * np.log10(peaks / 32767), -1.0, atol=0.01)


def test_lyrics_tempo_and_key_go_to_samples_as_in_diffusers(
    song: AceStepPipeline, song_card: ModelCard, graphs: dict[str, Graph], tmp_path: Path
) -> None:
    trial = make_trial(song_card)
    assert {"lyrics", "vocal_language", "bpm", "keyscale", "timesignature"} <= set(trial.controls)
    write_tokenizer(song.tokenizer, song_card, tmp_path / "tokenizer.json")
    paths = {name: Path(name) for name in graphs} | {"tokenizer": tmp_path / "tokenizer.json"}
    files = Files(paths, open=lambda path: lambda inputs: run(graphs[path.name], inputs))
    found = verify_end_to_end(files, song_card, "fp32", trial, ace_step(song, song_card, trial))
    assert found.latents_error < 1e-5
    assert found.two_prompt_difference > 1e-3

"""The assembled folder is a diffusers pipeline that computes what the training computed."""

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableAudioPipeline

from starter import transformer_training, vocoder_training
from starter.assemble import assemble, load_denoiser, read_defaults
from starter.instrument import Instrument, Order
from starter.networks import Condition, Denoiser, build_vae
from starter.recipe import Recipe
from starter.sampler import Settings, denoise, sample, starting_noise
from starter.training import Plan, Trainee
from starter.transformer_training import Material
from tritone.card import ModelCard, ScheduleSettings
from tritone.sampling import Trajectory

SETTINGS = Settings(steps=4, guidance=2.0)


@pytest.fixture(scope="module")
def checkpoint(work: Path, recipe: Recipe, material: Material) -> Path:
    plan = Plan(minutes=1)
    torch.manual_seed(1)
    denoiser = Denoiser(recipe, len(material.tokenizer))
    torch.nn.init.normal_(denoiser.transformer.proj_out.weight, std=0.2)
    Trainee.new(denoiser, plan).save(work / transformer_training.CHECKPOINT)
    Trainee.new(build_vae(recipe).decoder, plan).save(work / vocoder_training.CHECKPOINT)
    assemble(work, work / "checkpoint", recipe, SETTINGS)
    return work / "checkpoint"


@pytest.fixture(scope="module")
def pipeline(checkpoint: Path) -> StableAudioPipeline:
    loaded = StableAudioPipeline.from_pretrained(checkpoint)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_every_file_is_readable_by_others(checkpoint: Path) -> None:
    modes = {p.stat().st_mode for p in checkpoint.rglob("*") if p.is_file()}
    assert all(mode & stat.S_IROTH for mode in modes)
    assert read_defaults(checkpoint) == SETTINGS


def test_two_seconds_decode_to_two_seconds(pipeline: StableAudioPipeline, recipe: Recipe) -> None:
    latents = torch.randn(2, recipe.latent.channels, 25)
    waves = pipeline.vae.decode(latents).sample
    assert waves.shape == (2, recipe.audio.channels, 2 * recipe.audio.sample_rate_hz)


def test_a_seed_is_the_servers_seed(
    work: Path, checkpoint: Path, recipe: Recipe, card: ModelCard
) -> None:
    """The server's own trajectory over the same networks ends in the same latents."""
    player = Instrument.load(work, recipe)
    condition = Condition(torch.ones(1, 24).long(), torch.ones(1, 24).long(), torch.tensor([1.0]))
    noise = starting_noise([11], recipe.latent.channels, 15)
    ours = sample(player.denoiser, condition, noise, (recipe.noise, SETTINGS))
    levels = ScheduleSettings(
        sigma_min=recipe.noise.sigma_min, sigma_max=recipe.noise.sigma_max, eta=0.0
    )
    card = replace(card, latent_channels=recipe.latent.channels, schedule=levels)
    theirs = Trajectory(card, seed=11, steps=SETTINGS.steps, latent_frames=15)
    with torch.no_grad():
        cross, pooled = player.denoiser.encode(condition)
    guided = torch.cat([cross, torch.zeros_like(cross)]), torch.cat([pooled, pooled])
    while not theirs.is_done:
        x = torch.from_numpy(theirs.latents)[None]
        with torch.no_grad():
            clean = denoise(player.denoiser, x, theirs.sigma, (guided, SETTINGS.guidance))
        theirs.advance(clean[0].numpy())
    assert np.allclose(ours[0], theirs.latents, atol=1e-4)


def _first_velocity(transformer: torch.nn.Module, generate: Callable[[], object]) -> torch.Tensor:
    """What a transformer answers to the first call while something is generated."""
    answers: list[torch.Tensor] = []
    hook = transformer.register_forward_hook(lambda _m, _i, out: answers.append(out[0]))
    generate()
    hook.remove()
    return answers[0]


def test_training_and_pipeline_ask_the_transformer_the_same(
    pipeline: StableAudioPipeline, work: Path, recipe: Recipe
) -> None:
    """Conditioning, scaling, noise level and guidance rows agree in the first step."""
    noise = starting_noise([3], recipe.latent.channels, 25)
    asked = {"prompt": "a dog barking", "audio_end_in_s": 1.7, "latents": noise.clone()}
    how = {"num_inference_steps": 2, "guidance_scale": 2.0, "output_type": "latent"}
    theirs = _first_velocity(pipeline.transformer, lambda: pipeline(**asked, **how))
    instrument = Instrument.load(work, recipe)
    order = Order(["a dog barking"], [3], 1.7)
    ours = _first_velocity(
        instrument.denoiser.transformer, lambda: instrument.latents(order, Settings(2, 2.0))
    )
    assert torch.allclose(ours, theirs.flip(0), atol=1e-4)


def test_a_row_does_not_depend_on_its_neighbours(
    work: Path, checkpoint: Path, recipe: Recipe
) -> None:
    instrument = Instrument.load(work, recipe)
    alone = instrument.play(Order(["rain"], [5], 1.0), SETTINGS)
    beside = instrument.play(Order(["a siren", "rain"], [4, 5], 1.0), SETTINGS)
    assert torch.allclose(torch.from_numpy(alone[0]), torch.from_numpy(beside[1]), atol=1e-4)


def test_tokens_cover_any_text(work: Path, recipe: Recipe) -> None:
    _, tokenizer = load_denoiser(work, recipe)
    ids = tokenizer(
        "Zürich, 3 O'CLOCK: {rain}!", padding="max_length", max_length=24, truncation=True
    ).input_ids
    assert len(ids) == 24
    assert tokenizer("RAIN").input_ids == tokenizer("rain").input_ids

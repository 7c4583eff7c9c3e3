"""A toy recipe: the same code paths as the starter, small enough for seconds of training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from starter.corpus.cache import CorpusCache, build, load
from starter.corpus.captions import all_training_captions
from starter.latents import LatentSampler, statistics
from starter.recipe import RECIPE, CorpusSizes, Recipe, TextSizes, TransformerSizes, VocoderSizes
from starter.text import train_tokenizer
from starter.transformer_training import Material

TOY = replace(
    RECIPE,
    corpus=CorpusSizes(clips_per_kind=1, mixtures=2, longest_seconds=3.0),
    text=TextSizes(vocabulary=400, tokens=24, width=16, layers=1, heads=2, feed_forward=16),
    transformer=TransformerSizes(layers=1, heads=2, key_value_heads=1, head_width=16),
    vocoder=VocoderSizes(channel_multiples=(200, 160), decoder_channels=2),
)


def pytest_configure(config: pytest.Config) -> None:
    """What diffusers' Oobleck (older weight norm) and scheduler (sigma 0) do is their business."""
    config.addinivalue_line("filterwarnings", "ignore:.*weight_norm.*:FutureWarning")
    config.addinivalue_line("filterwarnings", "ignore:Should have t[ab].=t.:UserWarning")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return TOY


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    folder = tmp_path_factory.mktemp("starter")
    build(folder / "corpus" / "training", recipe, 5, lambda *_: None)
    return folder


@pytest.fixture(scope="session")
def cache(work: Path, recipe: Recipe) -> CorpusCache:
    return load(work / "corpus" / "training", recipe.latent)


@pytest.fixture(scope="session")
def material(work: Path, cache: CorpusCache, recipe: Recipe) -> Material:
    tokenizer = train_tokenizer(all_training_captions()[::5], recipe.text)
    tokenizer.save_pretrained(work / "tokenizer")
    sampler = LatentSampler(cache, statistics(work, cache, recipe.latent), recipe.latent)
    return Material(recipe, sampler, tokenizer)

"""The bundled starter's graphs, turned back into a diffusers folder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableAudioPipeline

from starter.assemble import read_defaults
from starter.recipe import RECIPE, Recipe
from starter.restore import MAX_ERROR, NotRestored, restore
from starter.sampler import Settings
from tritone.words import WORDS_FILE

REPOSITORY = Path("model_repository")


@pytest.fixture(scope="module")
def errors_and_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, float], Path]:
    folder = tmp_path_factory.mktemp("restored") / "checkpoint"
    return restore(REPOSITORY, "starter", folder, RECIPE), folder


def test_each_network_computes_what_its_graph_computes(
    errors_and_folder: tuple[dict[str, float], Path],
) -> None:
    errors, _ = errors_and_folder
    assert errors.keys() == {"text_encoder", "transformer", "vae_decoder"}
    assert max(errors.values()) < MAX_ERROR


def test_diffusers_loads_the_folder(errors_and_folder: tuple[dict[str, float], Path]) -> None:
    _, folder = errors_and_folder
    pipeline = StableAudioPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        ["rain"], num_inference_steps=2, audio_end_in_s=1.0, generator=torch.manual_seed(1)
    )
    assert made.audios.shape == (1, RECIPE.audio.channels, RECIPE.audio.sample_rate_hz)
    assert made.audios.std() > 0.001
    assert read_defaults(folder) == Settings(8, 2.0, 1.75, 17.5)
    assert not (folder / "latent_statistics.npz").exists()  # training's, not serving's


def test_prompts_become_the_token_ids_that_are_served(
    errors_and_folder: tuple[dict[str, float], Path],
) -> None:
    _, folder = errors_and_folder
    served = json.loads((REPOSITORY / "starter_tokenizer/1/tokenizer.json").read_text())
    restored = json.loads((folder / "tokenizer/tokenizer.json").read_text())
    assert restored["model"] == served["model"]
    assert restored["truncation"] is restored["padding"] is None


def test_the_words_of_the_captions_are_served(
    errors_and_folder: tuple[dict[str, float], Path],
) -> None:
    _, folder = errors_and_folder
    served = (REPOSITORY / "starter_tokenizer/1" / WORDS_FILE).read_text()
    assert served == (folder / WORDS_FILE).read_text()
    assert {"rain", "on", "a", "tin", "roof"} < set(served.split())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            replace(RECIPE, transformer=replace(RECIPE.transformer, layers=5)), id="transformer"
        ),
        pytest.param(replace(RECIPE, text=replace(RECIPE.text, heads=2)), id="text"),
        pytest.param(
            replace(RECIPE, vocoder=replace(RECIPE.vocoder, decoder_channels=4)), id="vocoder"
        ),
    ],
)
def test_another_recipe_is_refused_in_one_line(tmp_path: Path, other: Recipe) -> None:
    with pytest.raises(NotRestored, match=r"^starter is not of this recipe: .") as refused:
        restore(REPOSITORY, "starter", tmp_path / "checkpoint", other)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_our_card_is_refused(tmp_path: Path) -> None:
    (tmp_path / "starter").mkdir()
    (tmp_path / "starter" / "config.pbtxt").write_text('name: "starter"')
    with pytest.raises(NotRestored, match="carries no card"):
        restore(tmp_path, "starter", tmp_path / "checkpoint", RECIPE)

"""Write the diffusers folder from the averaged weights of both trainings.

Possible at any moment.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderOobleck, CosineDPMSolverMultistepScheduler, StableAudioPipeline
from transformers import PreTrainedTokenizerFast
from tritone.words import WORDS_FILE

from starter import transformer_training, vocoder_training
from starter.corpus.captions import all_words
from starter.corpus.kinds import KINDS
from starter.latents import STATISTICS_FILE
from starter.networks import Denoiser, build_vae
from starter.recipe import Recipe
from starter.sampler import Settings
from starter.training import averaged_weights

DEFAULTS_FILE = "generation_defaults.json"
DEFAULT_SECONDS = 5.0


def load_denoiser(work: Path, recipe: Recipe) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    """The trained text encoder and transformer with averaged weights, and their tokenizer."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work / "tokenizer")
    denoiser = Denoiser(recipe, len(tokenizer))
    denoiser.load_state_dict(averaged_weights(work / transformer_training.CHECKPOINT))
    return denoiser.eval(), tokenizer


def load_vae(work: Path, recipe: Recipe) -> AutoencoderOobleck:
    """The autoencoder with the trained, averaged decoder."""
    torch.manual_seed(0)  # the unused encoder's weights
    vae = build_vae(recipe)
    vae.decoder.load_state_dict(averaged_weights(work / vocoder_training.CHECKPOINT))
    return vae.eval()


def assemble(work: Path, target: Path, recipe: Recipe, settings: Settings) -> None:
    """Write the folder of what was trained so far."""
    denoiser, tokenizer = load_denoiser(work, recipe)
    pipeline = pipeline_of(denoiser, load_vae(work, recipe), tokenizer, recipe)
    write_folder(pipeline, target, recipe, settings, (work / STATISTICS_FILE,))


def write_folder(
    pipeline: StableAudioPipeline,
    target: Path,
    recipe: Recipe,
    settings: Settings,
    companions: tuple[Path, ...] = (),
) -> None:
    """Write a pipeline with its defaults beside ``target``, then swap it in."""
    fresh = target.with_name(target.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline.save_pretrained(fresh)
    for companion in companions:
        shutil.copy(companion, fresh)
    write_defaults(fresh, recipe, settings)
    (fresh / WORDS_FILE).write_text("\n".join(all_words()) + "\n")
    for path in fresh.rglob("*"):  # save_pretrained writes weights that only their owner can read
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def pipeline_of(
    denoiser: Denoiser,
    vae: AutoencoderOobleck,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
) -> StableAudioPipeline:
    """The pipeline of all parts."""
    scheduler = CosineDPMSolverMultistepScheduler(
        sigma_min=recipe.noise.sigma_min, sigma_max=recipe.noise.sigma_max, sigma_data=1.0
    )
    parts: dict[str, Any] = {
        "vae": vae,
        "text_encoder": denoiser.text_encoder,
        "projection_model": denoiser.projection_model,
        "tokenizer": tokenizer,
        "transformer": denoiser.transformer,
        "scheduler": scheduler,
    }
    return StableAudioPipeline(**parts)


def write_defaults(folder: Path, recipe: Recipe, settings: Settings) -> None:
    """What serving should use when a request does not say."""
    defaults: dict[str, float | list[str] | None] = {
        "steps": settings.steps,
        "guidance_scale": settings.guidance,
        "guidance_min_sigma": settings.guidance_min_sigma,
        "guidance_max_sigma": settings.guidance_max_sigma,
        "seconds": DEFAULT_SECONDS,
        "eta": 0.0,  # the deterministic solver: few steps are enough
        "frame_bucket": recipe.latent.bucket_frames,
        "extendable": True,  # the corpus has no beginnings and endings that a seam would break
        "prompts": [kind.phrases[0] for kind in KINDS.values()],
    }
    said = {name: value for name, value in defaults.items() if value is not None}
    (folder / DEFAULTS_FILE).write_text(json.dumps(said, indent=2) + "\n")


def read_defaults(folder: Path) -> Settings:
    """The defaults in a checkpoint folder, or the recipe's where there is none yet."""
    path = folder / DEFAULTS_FILE
    if not path.exists():
        return Settings()
    defaults = json.loads(path.read_text())
    return Settings(
        int(defaults["steps"]),
        float(defaults["guidance_scale"]),
        defaults.get("guidance_min_sigma", 0.0),
        defaults.get("guidance_max_sigma"),
    )

"""The fingerprint of a version, taken from its files the way the servers run them."""

from collections.abc import Mapping
from pathlib import Path

from export.precision import FINGERPRINT_TOLERANCES, Precision
from export.trials import Trial, condition, decode, denoise
from tritone import fingerprints
from tritone.card import ModelCard
from tritone.fingerprints import Fingerprint
from tritone.spans import span


def take_fingerprint(
    paths: Mapping[str, Path], card: ModelCard, precision: Precision
) -> Fingerprint:
    """Return what the files answer to the model's questions."""
    asked = fingerprints.questions(card)
    wanted = span(card, 0.0, asked.seconds)
    trial = Trial(
        prompts=asked.prompts,
        negative_prompts=("",) * len(asked.prompts),
        seconds=asked.seconds,
        latent_frames=wanted.latent_frames,
        steps=asked.steps,
        guidance_scale=asked.guidance_scale,
        seed=asked.seed,
    )
    latents = denoise(paths, card, trial, condition(paths, card, trial))
    pcm = decode(paths, latents[:, :, wanted.first_frame : wanted.last_frame])
    end = wanted.first_sample + wanted.n_samples
    return Fingerprint(
        questions=asked,
        samples=tuple(fingerprints.take(row[:, wanted.first_sample : end]) for row in pcm),
        tolerance=FINGERPRINT_TOLERANCES[precision],
    )

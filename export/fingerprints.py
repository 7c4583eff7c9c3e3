"""The fingerprint of a version, taken from its files the way the servers run them."""

from export.precision import FINGERPRINT_TOLERANCES, Precision
from export.trials import Files, Trial, condition, decode, denoise
from tritone import fingerprints
from tritone.card import ModelCard
from tritone.fingerprints import Fingerprint
from tritone.pcm import Pcm
from tritone.spans import find_span


def take_fingerprint(files: Files, card: ModelCard, precision: Precision) -> Fingerprint:
    """Return what the files answer to the model's questions."""
    return Fingerprint(
        questions=fingerprints.questions(card),
        samples=tuple(fingerprints.take(row) for row in decode_answers(files, card)),
        tolerance=FINGERPRINT_TOLERANCES[precision],
    )


def decode_answers(files: Files, card: ModelCard) -> Pcm:
    """Return the sounds of the model's questions, int16 [prompts, audio_channels, samples]."""
    asked = fingerprints.questions(card)
    wanted = find_span(card, 0.0, asked.seconds)
    trial = Trial(
        prompts=asked.prompts,
        negative_prompts=("",) * len(asked.prompts),
        seconds=asked.seconds,
        latent_frames=wanted.latent_frames,
        steps=asked.steps,
        guidance_scale=asked.guidance_scale,
        seed=asked.seed,
    )
    latents = denoise(files, card, trial, condition(files, card, trial))
    pcm = decode(files, latents[:, :, wanted.first_frame : wanted.last_frame])
    return pcm[:, :, wanted.first_sample : wanted.first_sample + wanted.n_samples]

"""One end-to-end run, and how the servers would do it: `tritone.sampling` over exported files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.probes import Array, Arrays
from export.sessions import Open, open_network
from export.tokenizers import tokenize
from tritone import tensors
from tritone.blending import blend, find_blended, list_others
from tritone.card import ModelCard
from tritone.controls import AUDIO_CODES, STRENGTH, Controls, complete
from tritone.pcm import Pcm
from tritone.sampling import Trajectory
from tritone.spans import find_span

PROMPTS = ("rain falling on a tin roof", "a church bell ringing in the distance")
NEGATIVE_PROMPT = "low quality, noise"
CONTROLS: Controls = {
    "lyrics": "[verse]\nrain on the roof\n[chorus]\nring, bell, ring",
    "vocal_language": "it",
    "bpm": 96,
    "keyscale": "C minor",
    "timesignature": "3",
}

MAX_FRAMES = 256  # `verify` looks at longer sounds where attention always runs over the window
MAX_STEPS = 4
STRENGTH_OF_TRIAL = 0.6  # at 1 there would be no second prediction
MIN_GUIDANCE_SCALE = 2.0  # at 1 the negative prompt would go untested


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One end-to-end run. Every row starts at the same noise, so that only the texts differ."""

    prompts: tuple[str, ...]
    negative_prompts: tuple[str, ...]  # "" where there is none
    seconds: float
    latent_frames: int
    steps: int
    guidance_scale: float
    controls: Controls = field(default_factory=dict)  # such as the family takes, of every row
    of_last: Controls = field(default_factory=dict)  # and of the last row alone
    seed: int = 0

    def list_controls(self) -> list[Controls]:
        """Return the controls of each row."""
        *others, last = [self.controls] * len(self.prompts)
        return [*others, {**last, **self.of_last}]


@dataclass(frozen=True, slots=True)
class Sounds:
    """What a run gives, row by row."""

    latents: NDArray[np.float32]  # [rows, latent_channels, latent_frames]
    waveforms: NDArray[np.float32]  # [rows, audio_channels, samples], about [-1, 1]


def diffusers_card(card: ModelCard) -> ModelCard:
    """Return the card with the sampler that diffusers has too.

    It knows the SDE (eta 1) only, and guides every step. Others change numbers, and no network.
    """
    sampler = replace(card.schedule, eta=1.0, guidance_min_sigma=0.0, guidance_max_sigma=None)
    return replace(card, schedule=sampler)


def make_trial(card: ModelCard) -> Trial:
    """Return the end-to-end run for a card: two prompts and, with guidance, a negative one."""
    frames = min(find_span(card, 0.0, card.default_seconds).latent_frames, MAX_FRAMES)
    seconds = card.default_seconds
    if card.audio_codes:  # and as many as codes have, which come in pairs to make whole patches
        frames -= frames % (2 * card.frames_per_code)
    if card.lyric_tokens:  # their pipeline makes just as many frames as a length has
        seconds = frames * card.samples_per_frame / card.sample_rate
    scale = card.default_guidance_scale
    if card.guidance:
        scale = max(scale, MIN_GUIDANCE_SCALE)
    taken = {each.name for each in card.controls}
    # A row more where it can be asked for something else than a prompt.
    is_more = bool(taken & {tensors.NEGATIVE_PROMPT, AUDIO_CODES})
    prompts = (*PROMPTS, PROMPTS[0]) if is_more else PROMPTS
    negative = NEGATIVE_PROMPT if tensors.NEGATIVE_PROMPT in taken else ""
    return Trial(
        controls={name: value for name, value in CONTROLS.items() if name in taken},
        of_last=_follow(card, frames) if AUDIO_CODES in taken else {},
        prompts=prompts,
        negative_prompts=(*("" for _ in prompts[1:]), negative if is_more else ""),
        seconds=seconds,
        latent_frames=frames,
        steps=min(card.default_steps, MAX_STEPS),
        guidance_scale=scale,
    )


def _follow(card: ModelCard, frames: int) -> Controls:
    """Return audio codes for so many latent frames, spread over those that the model knows."""
    n_codes = frames // card.frames_per_code
    numbers = (i * (card.audio_codes - 1) // max(1, n_codes - 1) for i in range(n_codes))
    codes = "".join(f"<|audio_code_{number}|>" for number in numbers)
    return {AUDIO_CODES: codes, STRENGTH: STRENGTH_OF_TRIAL}


@dataclass(frozen=True, slots=True)
class Files:
    """The artifacts of a version, and how to open those that are networks."""

    paths: Mapping[str, Path]  # by component
    open: Open = open_network


def run_served(files: Files, card: ModelCard, trial: Trial) -> tuple[Array, Pcm]:
    """Return latents and PCM of a trial as the servers would make them, all rows in one batch."""
    latents = denoise(files, card, trial, condition(files, card, trial))
    return latents, decode(files, latents)


def condition(files: Files, card: ModelCard, trial: Trial) -> Arrays:
    """Return what the transformer gets beside latents and noise level, all rows in one batch."""
    rows = len(trial.prompts)
    tokens = [tokenize(files.paths["tokenizer"], card, row) for row in _list_values(trial)]
    inputs: Arrays = {
        **{name: np.concatenate([row[name] for row in tokens]) for name in tokens[0]},
        tensors.SECONDS_START: np.zeros((rows, 1), np.float32),
        tensors.SECONDS_END: np.full((rows, 1), trial.seconds, np.float32),
    }
    return inputs | files.open(files.paths["text_encoder"])(inputs)


def _list_values(trial: Trial) -> Iterator[dict[str, object]]:
    rows = zip(trial.prompts, trial.negative_prompts, trial.list_controls(), strict=True)
    for prompt, negative, controls in rows:
        texts = {tensors.PROMPT: prompt, tensors.NEGATIVE_PROMPT: negative}
        yield {**complete(controls), **texts, tensors.SECONDS_END: trial.seconds}


def denoise(files: Files, card: ModelCard, trial: Trial, inputs: Arrays) -> Array:
    """Return the latents of every row, [rows, latent_channels, latent_frames]."""
    predict = files.open(files.paths["transformer"])
    rows = [
        Trajectory(card, seed=trial.seed, steps=trial.steps, latent_frames=trial.latent_frames)
        for _ in trial.prompts
    ]
    asked = [complete(each)[STRENGTH] for each in trial.list_controls()]
    strengths = np.array(asked, np.float32)
    blended = find_blended(strengths)
    for name in rows[0].carried:
        inputs[name] = np.stack([row.carried[name] for row in rows])
    while not rows[0].is_done:
        inputs[tensors.LATENTS] = np.stack([row.latents for row in rows])
        inputs[tensors.SIGMA] = np.array([[row.sigma] for row in rows], np.float32)
        scales = [[row.guidance_scale(trial.guidance_scale)] for row in rows]
        inputs[tensors.GUIDANCE_SCALE] = np.array(scales, np.float32)
        answer = predict(inputs)
        inputs |= {
            spec.name: answer[tensors.name_handed_on(spec.name)]
            for spec in tensors.list_carried(card)
        }
        denoised = answer[tensors.DENOISED].astype(np.float32)
        if len(blended):
            others = predict(list_others(inputs, blended))[tensors.DENOISED].astype(np.float32)
            denoised = blend(denoised, others, blended, strengths)
        for row, latents in zip(rows, denoised, strict=True):
            row.advance(latents)
    return np.stack([row.latents for row in rows])


def decode(files: Files, latents: Array) -> Pcm:
    """Return int16 [rows, audio_channels, samples]."""
    decoder = files.open(files.paths["vae_decoder"])
    return decoder({tensors.LATENTS: latents})[tensors.PCM].astype(np.int16)

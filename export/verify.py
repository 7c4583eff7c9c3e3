"""Does what was exported do what PyTorch does? Component by component, and from text to samples.

The end-to-end check runs the path that serves: `tritone.sampling` over the exported files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from export import onnx_files
from export.errors import VerificationFailed
from export.graphs import Graph
from export.precision import TOLERANCES, Precision
from export.probes import Array, Probe
from export.references import Sounds, Trial
from export.tokenizers import tokenize
from tritone import tensors
from tritone.card import ModelCard
from tritone.pcm import to_int16
from tritone.sampling import Trajectory
from tritone.spans import span

PROMPTS = ("rain falling on a tin roof", "a church bell ringing in the distance")
NEGATIVE_PROMPT = "low quality, noise"

MAX_TRIAL_FRAMES = 256  # the component check has been through the whole window
MAX_TRIAL_STEPS = 4
MIN_TRIAL_GUIDANCE_SCALE = 2.0  # at 1 the negative prompt would go untested
MAX_WINDOW_FRAMES = 1024
MIN_TWO_PROMPT_DIFFERENCE = 1e-3

Reference = Callable[[ModelCard, Trial], Sounds]
"""Diffusers' answer to a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEnd:
    """What the served path gave, compared with diffusers."""

    latents_error: float
    pcm_error: float
    two_prompt_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Every relative L2 error of an export."""

    components: dict[str, float]
    end_to_end: EndToEnd


def relative_error(found: Array, expected: Array) -> float:
    """Return the relative L2 error; int16 samples may be one step off, for rounding's sake."""
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    if expected.dtype == np.int16:
        difference = np.maximum(difference - 1.0, 0.0)
    norm = float(np.linalg.norm(expected.astype(np.float64)))
    return float(np.linalg.norm(difference)) / max(norm, 1e-30)


def verify_component(
    graph: Graph, card: ModelCard, path: Path, precision: Precision, *, max_batch: int
) -> float:
    """Return the worst error of a file against its PyTorch module, over batches and lengths.

    Raises:
        VerificationFailed: it is above the tolerance, or an output is not finite.
    """
    session = onnx_files.session(path)
    random = np.random.default_rng(0)
    worst = 0.0
    for batch, frames in _cases(card, max_batch):
        inputs = Probe(card, batch, frames, random).inputs(graph.io)
        found = onnx_files.run(session, inputs)
        for name, expected in _expected(graph, inputs).items():
            _check_finite(graph.component, found[name])
            worst = max(worst, relative_error(found[name], expected))
    _check(graph.component, worst, TOLERANCES[precision].component)
    return worst


def verify_end_to_end(
    paths: Mapping[str, Path],
    card: ModelCard,
    precision: Precision,
    reference: Reference,
) -> EndToEnd:
    """Return how far the served path is from diffusers with the same noise.

    Raises:
        VerificationFailed: too far, not finite, or two prompts gave one sound.
    """
    # diffusers' solver knows the SDE only (eta 1); another eta changes four numbers, no network.
    card = replace(card, schedule=replace(card.schedule, eta=1.0))
    trial = make_trial(card)
    latents, pcm = served(paths, card, trial)
    expected = reference(card, trial)
    _check_finite("whole pipeline", latents)
    difference = relative_error(pcm[0].astype(np.float32), pcm[1].astype(np.float32))
    if difference < MIN_TWO_PROMPT_DIFFERENCE:
        raise VerificationFailed(
            f"two prompts give one sound: their relative difference is {difference:.1e}, "
            f"below {MIN_TWO_PROMPT_DIFFERENCE:g}"
        )
    result = EndToEnd(
        latents_error=relative_error(latents, expected.latents),
        pcm_error=relative_error(pcm, to_int16(expected.waveforms)),
        two_prompt_difference=difference,
    )
    tolerance = TOLERANCES[precision].end_to_end
    _check("whole pipeline (latents)", result.latents_error, tolerance)
    _check("whole pipeline (samples)", result.pcm_error, tolerance)
    return result


def make_trial(card: ModelCard) -> Trial:
    """Return the end-to-end run for a card: two prompts and, with guidance, a negative one."""
    frames = span(card, 0.0, card.default_seconds).latent_frames
    prompts: tuple[str, ...] = PROMPTS
    negatives: tuple[str, ...] = ("", "")
    scale = card.default_guidance_scale
    if card.guidance:
        prompts, negatives = (*PROMPTS, PROMPTS[0]), ("", "", NEGATIVE_PROMPT)
        scale = max(scale, MIN_TRIAL_GUIDANCE_SCALE)
    return Trial(
        prompts=prompts,
        negative_prompts=negatives,
        seconds=card.default_seconds,
        latent_frames=min(frames, MAX_TRIAL_FRAMES),
        steps=min(card.default_steps, MAX_TRIAL_STEPS),
        guidance_scale=scale,
    )


def served(paths: Mapping[str, Path], card: ModelCard, trial: Trial) -> tuple[Array, Array]:
    """Return latents and PCM of a trial as the servers would make them, all rows in one batch."""
    rows = len(trial.prompts)
    tokens = [
        tokenize(paths["tokenizer"], card, *texts)
        for texts in zip(trial.prompts, trial.negative_prompts, strict=True)
    ]
    inputs: dict[str, Array] = {
        tensors.INPUT_IDS: np.concatenate([ids for ids, _ in tokens]),
        tensors.ATTENTION_MASK: np.concatenate([mask for _, mask in tokens]),
        tensors.SECONDS_START: np.zeros((rows, 1), np.float32),
        tensors.SECONDS_END: np.full((rows, 1), trial.seconds, np.float32),
        tensors.GUIDANCE_SCALE: np.full((rows, 1), trial.guidance_scale, np.float32),
    }
    inputs |= onnx_files.run(onnx_files.session(paths["text_encoder"]), inputs)
    latents = _denoise(paths["transformer"], card, trial, inputs)
    decoder = onnx_files.session(paths["vae_decoder"])
    return latents, onnx_files.run(decoder, {tensors.LATENTS: latents})[tensors.PCM]


def _denoise(path: Path, card: ModelCard, trial: Trial, inputs: dict[str, Array]) -> Array:
    session = onnx_files.session(path)
    rows = [
        Trajectory(card, seed=trial.seed, steps=trial.steps, latent_frames=trial.latent_frames)
        for _ in trial.prompts
    ]
    while not rows[0].is_done:
        inputs[tensors.LATENTS] = np.stack([row.latents for row in rows])
        inputs[tensors.SIGMA] = np.array([[row.sigma] for row in rows], np.float32)
        denoised = onnx_files.run(session, inputs)[tensors.DENOISED].astype(np.float32)
        for row, answer in zip(rows, denoised, strict=True):
            row.advance(answer)
    return np.stack([row.latents for row in rows])


def _cases(card: ModelCard, max_batch: int) -> list[tuple[int, int]]:
    """Return (batch, frames): one row over the window, odd sizes, and a full batch."""
    is_whole = card.frame_bucket == card.max_frames
    window = min(card.max_frames, MAX_WINDOW_FRAMES if is_whole else MAX_TRIAL_FRAMES)
    return [(1, window), (3, min(33, window)), (max_batch, min(7, window))]


def _expected(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    with torch.no_grad():
        answer = graph.reference(*(torch.from_numpy(array) for array in inputs.values()))
    outputs = answer if isinstance(answer, tuple) else (answer,)
    names = [spec.name for spec in graph.io.outputs]
    return {name: tensor.numpy() for name, tensor in zip(names, outputs, strict=True)}


def _check(what: str, error: float, tolerance: float) -> None:
    if not error <= tolerance:  # also true for NaN
        raise VerificationFailed(
            f"the exported {what} is {error:.1e} off PyTorch, more than the tolerance {tolerance:g}"
        )


def _check_finite(what: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise VerificationFailed(f"the exported {what} gives numbers that are not finite")

"""Does what was exported do what PyTorch does? Component by component, and from text to samples.

PyTorch is asked first and may then be forgotten: a large network need not be in memory twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from export import onnx_files
from export.errors import VerificationFailed
from export.graphs import Graph
from export.precision import TOLERANCES, Precision
from export.probes import Array, Arrays, Probe
from export.trials import Sounds, Trial, run_served
from tritone.card import ModelCard
from tritone.pcm import to_int16, within_range

MAX_WINDOW_FRAMES = 1024  # where attention always runs over the whole window
MAX_USUAL_FRAMES = 256  # elsewhere; 47 s of sound would cost a decoder 10 GB
MIN_TWO_PROMPT_DIFFERENCE = 1e-3


@dataclass(frozen=True, slots=True)
class Case:
    """Inputs of one network, and what PyTorch makes of them."""

    inputs: Arrays
    expected: Arrays


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


def ask_pytorch(graph: Graph, card: ModelCard, max_batch: int) -> list[Case]:
    """Return what the reference says for several batches and lengths."""
    random = np.random.default_rng(0)
    is_whole = graph.component == "transformer" and card.frame_bucket == card.max_frames
    window = min(card.max_frames, MAX_WINDOW_FRAMES if is_whole else MAX_USUAL_FRAMES)
    # One row over the window, odd sizes, and a full batch.
    sizes = [(1, window), (3, min(33, window)), (max_batch, min(7, window))]
    probes = [Probe(card, *size, random) for size in sizes]
    if graph.component == "transformer" and card.guidance:  # some rows are guided, and none is
        probes += [replace(probes[1], guided=n) for n in (1, 0)]
    drawn = [probe.inputs(graph.io) for probe in probes]
    return [Case(inputs, _ask_reference(graph, inputs)) for inputs in drawn]


def verify_component(component: str, cases: list[Case], path: Path, precision: Precision) -> float:
    """Return the worst error of a file.

    Raises:
        VerificationFailed: it is above the tolerance, or an output is not finite.
    """
    session = onnx_files.session(path)
    worst = 0.0
    for case in cases:
        found = onnx_files.run(session, case.inputs)
        for name, expected in case.expected.items():
            _check_finite(component, found[name])
            worst = max(worst, relative_error(found[name], expected))
    _check(component, worst, TOLERANCES[precision].component)
    return worst


def verify_end_to_end(
    paths: Mapping[str, Path], card: ModelCard, precision: Precision, trial: Trial, sounds: Sounds
) -> EndToEnd:
    """Return how far the served path is from the sounds that diffusers made of the trial.

    Raises:
        VerificationFailed: too far, not finite, or two prompts gave one sound.
    """
    latents, pcm = run_served(paths, card, trial)
    _check_finite("whole pipeline", latents)
    result = EndToEnd(
        latents_error=relative_error(latents, sounds.latents),
        pcm_error=relative_error(pcm, to_int16(within_range(sounds.waveforms))),
        two_prompt_difference=_difference(pcm),
    )
    tolerance = TOLERANCES[precision].end_to_end
    _check("whole pipeline (latents)", result.latents_error, tolerance)
    _check("whole pipeline (samples)", result.pcm_error, tolerance)
    return result


def _difference(pcm: Array) -> float:
    first, second = pcm[0].astype(np.float32), pcm[1].astype(np.float32)
    difference = relative_error(first, second)
    if difference < MIN_TWO_PROMPT_DIFFERENCE:
        raise VerificationFailed(
            f"two prompts give one sound: their relative difference is {difference:.1e}, "
            f"below {MIN_TWO_PROMPT_DIFFERENCE:g}"
        )
    return difference


def _ask_reference(graph: Graph, inputs: Arrays) -> Arrays:
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

"""Does what was exported do what PyTorch does? Component by component, and from text to samples.

PyTorch is asked first and may then be forgotten: a large network need not be in memory twice.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from export.comparing import check_error, check_finite, relative_error, two_prompt_difference
from export.graphs import Graph
from export.precision import TOLERANCES, Precision
from export.probes import Arrays, Probe
from export.sessions import open_network
from export.trials import Files, Sounds, Trial, run_served
from tritone.card import ModelCard
from tritone.pcm import to_int16

MAX_WINDOW_FRAMES = 1024  # where attention always runs over the whole window
MAX_USUAL_FRAMES = 256  # elsewhere; 47 s of sound would cost a decoder 10 GB


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


def ask_pytorch(graph: Graph, card: ModelCard, max_batch: int) -> list[Case]:
    """Return what the reference says for several batches and lengths."""
    random = np.random.default_rng(0)
    is_whole = graph.component == "transformer" and card.frame_bucket == card.max_frames
    window = min(card.max_frames, MAX_WINDOW_FRAMES if is_whole else MAX_USUAL_FRAMES)
    # One row over the window, odd sizes, and a full batch.
    sizes = [(1, window), (3, min(33, window)), (max_batch, min(7, window))]
    each = graph.frame_multiple
    probes = [Probe(card, rows, -(-frames // each) * each, random) for rows, frames in sizes]
    if graph.component == "transformer" and card.guidance:  # some rows are guided, and none is
        probes += [replace(probes[1], guided=n) for n in (1, 0)]
    drawn = [probe.inputs(graph.io) for probe in probes]
    return [Case(inputs, _ask_reference(graph, inputs)) for inputs in drawn]


def verify_component(component: str, cases: list[Case], path: Path, precision: Precision) -> float:
    """Return the worst error of a file.

    Raises:
        VerificationFailed: it is above the tolerance, or an output is not finite.
    """
    run = open_network(path)
    worst = 0.0
    for case in cases:
        found = run(case.inputs)
        for name, expected in case.expected.items():
            check_finite(component, found[name])
            worst = max(worst, relative_error(found[name], expected))
    check_error(component, worst, TOLERANCES[precision].component)
    return worst


def verify_end_to_end(
    files: Files, card: ModelCard, precision: Precision, trial: Trial, sounds: Sounds
) -> EndToEnd:
    """Return how far the served path is from the sounds that diffusers made of the trial.

    Raises:
        VerificationFailed: too far, not finite, or two prompts gave one sound.
    """
    latents, pcm = run_served(files, card, trial)
    check_finite("whole pipeline", latents)
    result = EndToEnd(
        latents_error=relative_error(latents, sounds.latents),
        pcm_error=relative_error(pcm, to_int16(card.spec.level(sounds.waveforms))),
        two_prompt_difference=two_prompt_difference(pcm),
    )
    tolerance = TOLERANCES[precision].end_to_end
    check_error("whole pipeline (latents)", result.latents_error, tolerance)
    check_error("whole pipeline (samples)", result.pcm_error, tolerance)
    return result


def _ask_reference(graph: Graph, inputs: Arrays) -> Arrays:
    with torch.no_grad():
        answer = graph.reference(*(torch.from_numpy(array) for array in inputs.values()))
    outputs = answer if isinstance(answer, tuple) else (answer,)
    names = [spec.name for spec in graph.io.outputs]
    return {name: tensor.numpy() for name, tensor in zip(names, outputs, strict=True)}

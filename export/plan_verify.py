"""Does a plan do what its ONNX file does? Network by network, and from text to samples."""

from collections.abc import Iterator

import numpy as np

from export.comparing import check_error, check_finite, relative_error, two_prompt_difference
from export.fingerprints import decode_answers
from export.precision import FINGERPRINT_TOLERANCES, Precision
from export.probes import Arrays, Probe
from export.profiles import NETWORKS, EngineOptions, Network, count_lengths
from export.sessions import Run
from export.trials import Files
from tritone import fingerprints
from tritone.card import ModelCard
from tritone.fingerprints import Fingerprint

TOLERANCES: dict[Precision, float] = {
    "fp32": 1e-3,
    "fp16": 2e-2,
    "bf16": 1.6e-1,
    "int8": 3e-1,
}
"""Largest relative L2 error of one network: other kernels add in another order."""

TF32_TOLERANCE = 1e-2

_FEW_FRAMES = 7


def compare_networks(
    component: Network, card: ModelCard, options: EngineOptions, known: Run, built: Run
) -> float:
    """Return the worst relative error of a plan (`built`) against its ONNX file (`known`).

    Raises:
        VerificationFailed: an output is not finite.
    """
    worst = 0.0
    for inputs in draw_inputs(component, card, options):
        expected, found = known(inputs), built(inputs)
        for name, array in expected.items():
            check_finite(f"{component}'s plan", found[name])
            worst = max(worst, relative_error(found[name], array))
    return worst


def check_network(component: str, error: float, precision: Precision, *, tf32: bool) -> None:
    """Compare an error with the largest that may be.

    Raises:
        VerificationFailed: it is above.
    """
    tolerance = max(TOLERANCES[precision], TF32_TOLERANCE if tf32 else 0.0)
    check_error(f"{component}'s plan", error, tolerance, of="its ONNX file")


def check_sounds(files: Files, card: ModelCard, precision: Precision, known: Fingerprint) -> float:
    """Return how far a version's sounds are from the fingerprint of the one it was built from.

    Raises:
        VerificationFailed: too far, or two prompts give one sound.
    """
    answers = decode_answers(files, card)
    two_prompt_difference(answers)
    pairs = zip(map(fingerprints.take, answers), known.samples, strict=True)
    error = max(fingerprints.distance(found, expected) for found, expected in pairs)
    check_error(
        "version's whole pipeline", error, FINGERPRINT_TOLERANCES[precision], of="its fingerprint"
    )
    return error


def draw_inputs(component: Network, card: ModelCard, options: EngineOptions) -> Iterator[Arrays]:
    """Give one row of usual lengths, and a full batch of the shortest ones: as plans take them."""
    random = np.random.default_rng(0)
    smallest, usual, _ = count_lengths(card, component)
    if component == "vae_decoder":
        smallest = {**smallest, "frames": min(_FEW_FRAMES, card.max_frames)}
    for rows, counts in ((1, usual), (options.max_batch, smallest)):
        probe = Probe(card, rows, counts["frames"], random, counts=counts)
        yield probe.inputs(NETWORKS[component](card))

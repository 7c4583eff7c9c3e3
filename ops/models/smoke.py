"""Two prompts through a version on the running server: is what comes out a sound, and its own?"""

import time
from dataclasses import dataclass

import numpy as np
from tritonclient.grpc.aio import InferInput, InferResult
from tritonclient.utils import np_to_triton_dtype

from ops.errors import TritonCallFailed
from ops.models.errors import Refused
from ops.triton.control import TritonControl
from tritone import tensors
from tritone.card import ModelCard
from tritone.controls import fill
from tritone.fingerprints import Fingerprint, Questions, distance, questions, take
from tritone.first_line import first_line
from tritone.pcm import FULL_SCALE, SILENCE_DBFS, Pcm, loudness_dbfs, narrow, to_float
from tritone.spans import Span, find_span

MIN_DIFFERENCE = 1e-2  # relative, between two prompts; the exporter asks for 1e-3 before rounding
MAX_CLIPPED = 0.5  # share of samples at full scale: numbers that are not finite end there


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """What a version answered."""

    seconds: tuple[float, ...]  # that each prompt took
    loudness_dbfs: tuple[float, ...]  # RMS
    difference: float  # between the prompts, relative
    fingerprint_error: float | None  # relative; None: there is none to compare with
    tolerance: float | None


async def smoke(
    control: TritonControl,
    name: str,
    card: ModelCard,
    fingerprint: Fingerprint | None,
    timeout_s: float,
) -> Smoke:
    """Return the measurements of what answers under a Triton name.

    Raises:
        Refused: it fails, is silent, gives one sound for two prompts, or is not what was published.
    """
    asked = fingerprint.questions if fingerprint else questions(card)
    sounds, seconds = [], []
    for prompt in asked.prompts:
        start = time.monotonic()
        try:
            answers = await control.ask(name, _inputs(card, asked, prompt), {}, timeout_s)
        except TritonCallFailed as error:
            said = first_line(str(error))
            raise Refused(f"{name} fails for {prompt!r}: {said}") from error
        seconds.append(time.monotonic() - start)
        sounds.append(_samples_of(name, answers, find_span(card, 0.0, asked.seconds)))
    for prompt, pcm in zip(asked.prompts, sounds, strict=True):
        check_sound(name, prompt, pcm)
    found = difference(sounds)
    check_difference(name, found)
    return Smoke(
        seconds=tuple(seconds),
        loudness_dbfs=tuple(loudness_dbfs(pcm) for pcm in sounds),
        difference=found,
        fingerprint_error=_fingerprint_error(name, fingerprint, sounds),
        tolerance=fingerprint.tolerance if fingerprint else None,
    )


def _samples_of(name: str, answers: list[InferResult], wanted: Span) -> Pcm:
    """Return the samples asked for, int16 [audio_channels, samples]."""
    decoded = [answer.as_numpy(tensors.PCM) for answer in answers]
    found: list[Pcm] = [narrow(pcm)[0] for pcm in decoded if pcm is not None]
    end = wanted.first_sample + wanted.n_samples
    if len(found) != 1 or found[0].shape[-1] < end:
        shapes = [pcm.shape for pcm in found]
        raise Refused(f"{name} answers with {shapes}, not with {end} samples")
    return found[0][:, wanted.first_sample : end]


def _inputs(card: ModelCard, asked: Questions, prompt: str) -> list[InferInput]:
    values: dict[str, object] = {
        **fill({}),
        tensors.PROMPT: prompt.encode(),
        tensors.SECONDS_START: 0.0,
        tensors.SECONDS_END: asked.seconds,
        tensors.SEED: asked.seed,
        tensors.STEPS: asked.steps,
        tensors.GUIDANCE_SCALE: asked.guidance_scale,
    }
    made = []
    for spec in tensors.ensemble(card).inputs:
        array = np.array([[values[spec.name]]], tensors.NUMPY_DTYPES[spec.dtype])
        tensor = InferInput(spec.name, list(array.shape), np_to_triton_dtype(array.dtype))
        made.append(tensor.set_data_from_numpy(array))
    return made


def check_sound(name: str, prompt: str, pcm: Pcm) -> None:
    """Check that what came for a prompt can be heard.

    Raises:
        Refused: it is silent, or only noise.
    """
    loudness = loudness_dbfs(pcm)
    if loudness < SILENCE_DBFS:
        raise Refused(
            f"{name} is silent for {prompt!r}: {loudness:.0f} dBFS, below {SILENCE_DBFS:.0f}"
        )
    clipped = float(np.mean(np.abs(pcm.astype(np.int32)) >= FULL_SCALE))
    if clipped > MAX_CLIPPED:
        raise Refused(f"{name} is only noise for {prompt!r}: {clipped:.0%} of it at full scale")


def check_difference(name: str, found: float) -> None:
    """Check that two prompts gave two sounds.

    Raises:
        Refused: they do not differ.
    """
    if found < MIN_DIFFERENCE:
        raise Refused(
            f"{name} gives one sound for two prompts: they differ by {found:.1e}, less than "
            f"{MIN_DIFFERENCE:g}"
        )


def difference(sounds: list[Pcm]) -> float:
    """Return how much the first sound differs from the second, relative to that."""
    first, second = (to_float(pcm) for pcm in sounds[:2])
    return float(np.linalg.norm(first - second)) / max(float(np.linalg.norm(second)), 1e-30)


def _fingerprint_error(
    name: str, fingerprint: Fingerprint | None, sounds: list[Pcm]
) -> float | None:
    if fingerprint is None:
        return None
    kept = [take(pcm) for pcm in sounds]
    errors = map(distance, kept, fingerprint.samples)
    error = max(errors, default=float("inf"))
    if not error <= fingerprint.tolerance:
        raise Refused(
            f"{name} is not what was published: its fingerprint is {error:.1e} off, more than "
            f"{fingerprint.tolerance:g}"
        )
    return error

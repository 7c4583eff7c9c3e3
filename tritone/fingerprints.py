"""A few samples by which a version is known: the same files give nearly the same ones anywhere.

The exporter takes a fingerprint when it publishes; operations take it again from the running server
before a version may answer anybody. Wrong, mixed or damaged weights differ by about 1.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tritone.card import ModelCard
from tritone.pcm import Pcm

PROMPTS = ("rain falling on a tin roof", "a church bell ringing in the distance")
_MAX_STEPS = 4  # wrong weights show at the first; full-size models cost seconds a step on a CPU
_POINTS = 256  # samples kept of each channel
_SEED = 20261121


class InvalidFingerprint(ValueError):
    """The record is not one of this release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked of a version: one sound per prompt."""

    prompts: tuple[str, ...]
    seconds: float
    seed: int
    steps: int
    guidance_scale: float


def questions(card: ModelCard) -> Questions:
    """Return what a model is asked: its default length, in few steps."""
    seconds = np.float32(min(card.default_seconds, card.window_seconds))
    if seconds > card.window_seconds:  # rounded up, past the window
        seconds = np.nextafter(seconds, np.float32(0))
    return Questions(
        prompts=PROMPTS,
        seconds=float(seconds),
        seed=_SEED,
        steps=min(card.default_steps, _MAX_STEPS),
        guidance_scale=card.default_guidance_scale,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The questions and a few evenly spread samples of each answer."""

    questions: Questions
    samples: tuple[str, ...]  # by prompt: base64 of little-endian int16, channel after channel
    tolerance: float  # largest relative L2 error that is still the same version

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Read what `dataclasses.asdict` gave.

        Raises:
            InvalidFingerprint: fields are missing or malformed.
        """
        try:
            asked = fields["questions"]
            return cls(
                questions=Questions(**{**asked, "prompts": tuple(asked["prompts"])}),
                samples=tuple(answer for answer in fields["samples"] if _samples(answer).size),
                tolerance=float(fields["tolerance"]),
            )
        except (TypeError, KeyError, ValueError) as error:
            raise InvalidFingerprint(f"not a fingerprint of this release: {error!r}") from error


def take(pcm: Pcm) -> str:
    """Return the samples to keep of an answer, int16 [audio_channels, samples]."""
    kept = pcm[:, :: max(1, pcm.shape[-1] // _POINTS)]
    return b64encode(kept.astype("<i2").tobytes()).decode()


def distance(found: str, known: str) -> float:
    """Return the relative L2 error; infinite where the lengths differ."""
    expected, actual = _samples(known), _samples(found)
    if expected.shape != actual.shape:
        return float("inf")
    norm = max(float(np.linalg.norm(expected)), 1e-30)
    return float(np.linalg.norm(actual - expected)) / norm


def _samples(kept: str) -> NDArray[np.float64]:
    return np.frombuffer(b64decode(kept, validate=True), "<i2").astype(np.float64)

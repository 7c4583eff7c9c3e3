"""Whether two servers do the same work: checked on what they answer, not claimed.

Every server draws the same first latents. With two steps hardly any other noise comes in
(diffusers' solver adds some at every step; here as little as its smallest sigma), so the answers
must be the same sound, sample by sample: weights, text, guidance, length and decoder agree. With
all steps that noise makes another sound; lengths must be equal, mean levels and spectra near.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import Clip
from benchmarks.endpoints import Endpoint
from benchmarks.peers.servers import samples_of

Samples = NDArray[np.float64]  # [samples], in [-1, 1]

TWO_STEPS = 2
MAX_TWO_STEPS_ERROR = 0.15  # relative; measured 0.01 to 0.09, other sounds are above 1
MAX_LEVEL_DB = 6.0
MAX_SPECTRUM_DB = 6.0
_BANDS = 16
_FLOOR = 1e-8  # -80 dBFS: below it nobody hears a difference


class OtherWork(RuntimeError):
    """A server does something else; the message says what."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near two servers' sounds are."""

    two_steps_error: float  # relative, sample by sample
    level_db: float  # mean difference of the sounds' levels
    spectrum_db: float  # mean difference of the mean spectra's bands


def listen(endpoint: Endpoint, clips: Sequence[Clip]) -> list[Samples]:
    """Return the sounds of clips.

    Raises:
        OtherWork: the server refused one.
    """

    async def run() -> list[Samples]:
        sounds = []
        async with endpoint.client() as client:
            for clip in clips:
                answer = await endpoint.ask(client, clip)
                if answer.is_error:
                    raise OtherWork(f"{endpoint.name} answers {answer.status_code}: {answer.text}")
                pcm = np.frombuffer(samples_of(answer), np.int16)
                sounds.append(pcm.astype(np.float64) / 32767)
        return sounds

    return asyncio.run(run())


def compare(
    name: str,
    two_steps: tuple[Sequence[Samples], Sequence[Samples]],
    full: tuple[Sequence[Samples], Sequence[Samples]],
) -> Likeness:
    """Compare the sounds of two servers, (ours, theirs) each.

    Raises:
        OtherWork: they are further apart than the limits of this module.
    """
    for ours, theirs in zip((*two_steps[0], *full[0]), (*two_steps[1], *full[1]), strict=True):
        if len(ours) != len(theirs):
            raise OtherWork(f"{name} makes {len(theirs)} samples where we make {len(ours)}")
    likeness = Likeness(
        max(relative_error(*pair) for pair in zip(*two_steps, strict=True)),
        float(np.mean([level_db(o) for o in full[0]]) - np.mean([level_db(t) for t in full[1]])),
        float(np.mean(np.abs(mean_spectrum_db(full[0]) - mean_spectrum_db(full[1])))),
    )
    for figure, limit, what in (
        (likeness.two_steps_error, MAX_TWO_STEPS_ERROR, "two steps differ by"),
        (abs(likeness.level_db), MAX_LEVEL_DB, "the level (dB) differs by"),
        (likeness.spectrum_db, MAX_SPECTRUM_DB, "the spectrum (dB) differs by"),
    ):
        if not figure <= limit:
            raise OtherWork(f"{name} does other work: {what} {figure:.3g}, limit {limit:g}")
    return likeness


def relative_error(ours: Samples, theirs: Samples) -> float:
    """Return the root mean square of the difference, relative to theirs."""
    reference = float(np.sqrt(np.mean(theirs**2)))
    return float(np.sqrt(np.mean((ours - theirs) ** 2))) / max(reference, _FLOOR)


def level_db(sound: Samples) -> float:
    """Return the root mean square in dBFS."""
    return float(10 * np.log10(np.mean(sound**2) + _FLOOR))


def mean_spectrum_db(sounds: Sequence[Samples]) -> Samples:
    """Return the mean power of bands of equal width, in dB."""
    powers = [
        [np.mean(band) for band in np.array_split(np.abs(np.fft.rfft(sound)) ** 2, _BANDS)]
        for sound in sounds
    ]
    per_sample = np.mean(powers, axis=0) / np.mean([len(sound) for sound in sounds])
    spectrum: Samples = 10 * np.log10(per_sample + _FLOOR)
    return spectrum

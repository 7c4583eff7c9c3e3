"""What a checkpoint is asked for, and how it is opened. Knows no Triton."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from tritone.checkpoints import ARCHITECTURES, Checkpoint
from tritone.placement import find_device

Waveform = NDArray[np.float32]


class Unusable(ValueError):
    """The checkpoint cannot be opened or does not make what it was asked for."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint in memory."""

    model: Any
    processor: Any


class Generator(Protocol):
    """Makes the sounds of several texts in one run; each hears its own seed alone."""

    sample_rate: int  # Hz

    def __init__(self, loaded: Loaded) -> None:
        """Take a checkpoint."""

    def generate(self, texts: Sequence[str], seeds: Sequence[int], voice: str) -> list[Waveform]:
        """Return the sound of each text, float32 [samples]: the same as if it were alone."""


def open_generator(checkpoint: Checkpoint) -> Generator:
    """Return the generator of a published checkpoint.

    Raises:
        Unusable: this release has no such architecture.
        OSError, ValueError: it is not there, or transformers cannot read it.
    """
    loaded = load(checkpoint)
    module, name = ARCHITECTURES[checkpoint.model_type].implementation.split(":")
    found = importlib.import_module(f"backends.transformers.{module}")
    generator: Generator = getattr(found, name)(loaded)
    return generator


def load(checkpoint: Checkpoint) -> Loaded:
    """Return a checkpoint on the device of this process.

    Raises:
        Unusable: this release has no such architecture.
        OSError, ValueError: it is not there, or transformers cannot read it.
    """
    architecture = ARCHITECTURES.get(checkpoint.model_type)
    if architecture is None:
        known = ", ".join(ARCHITECTURES)
        raise Unusable(f"checkpoints of the type '{checkpoint.model_type}' are not served: {known}")
    given = {"revision": checkpoint.revision} if checkpoint.revision else {}
    model_class = getattr(transformers, architecture.model_class)
    model = model_class.from_pretrained(checkpoint.source, **given).eval().to(find_device())
    processor = transformers.AutoProcessor.from_pretrained(checkpoint.source, **given)
    return Loaded(model, processor)


def to_waveform(samples: torch.Tensor) -> Waveform:
    """Return samples of any shape as float32 [samples]."""
    flat: Waveform = samples.detach().float().cpu().numpy().ravel()
    return flat

"""What the speaker asks of an engine in an environment of its own. Knows no Triton and no torch."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tritone.engines import ENGINES

Waveform = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """Who speaks, in the words of the checkpoint."""

    name: str  # a speaker, or a description; empty: the only one
    language: str  # BCP 47
    sample: Path | None = None  # a recording whose voice is to be cloned


class Generator(Protocol):
    """A checkpoint in memory; one caller at a time."""

    sample_rate: int  # Hz

    def __init__(self, folder: Path) -> None:
        """Load a checkpoint.

        Raises:
            OSError, ValueError, KeyError, RuntimeError: it is none of this engine.
        """

    def speakers(self) -> list[str]:
        """Return the speakers that it has by name; an empty name: it has one, without a name."""

    def speak(self, text: str, speaking: Speaking, seed: int) -> Waveform:
        """Return the sound of a text, float32 [samples]; all that is random depends on the seed."""


def open_generator(engine: str, source: str) -> Generator:
    """Return a checkpoint, opened: a folder, or an id of the hub, which is then downloaded.

    Raises:
        OSError, ValueError, KeyError, RuntimeError: it is not there, or none of this engine.
    """
    environment = ENGINES[engine].environment
    if environment is None:
        raise ValueError(f"{engine} has no environment of its own")
    module, name = environment.generator.split(":")
    implementation = getattr(importlib.import_module(f"backends.isolated.{module}"), name)
    generator: Generator = implementation(_find_folder(source))
    return generator


def _find_folder(source: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download  # noqa: PLC0415 -- of that environment

    return Path(snapshot_download(source))

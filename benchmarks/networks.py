"""The networks alone: what ONNX Runtime makes of them on this machine without any server."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.clips import Clip

_DTYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32}


@dataclass(frozen=True, slots=True)
class Layout:
    """So many clips at once, so many threads for each."""

    workers: int
    threads: int

    def __str__(self) -> str:
        return f"{self.workers} at once, {self.threads} thread{'s' * (self.threads > 1)} each"


def layouts() -> list[Layout]:
    """Return the ways to spread clips over the cores: all cores for one, or one for each."""
    cores = len(os.sched_getaffinity(0))
    return [Layout(1, cores), Layout(cores, 1)] if cores > 1 else [Layout(1, 1)]


@dataclass(frozen=True, slots=True)
class Published:
    """A model in a repository; its first version."""

    repository: Path
    name: str

    def file(self, network: str) -> Path:
        """Return where a network lies."""
        return self.repository / f"{self.name}_{network}/1/model.onnx"


class Networks:
    """Text encoder, transformer and decoder of one published model."""

    def __init__(self, model: Published, threads: int) -> None:
        """Load them."""
        self._sessions = [
            _session(model.file(network), threads)
            for network in ("text_encoder", "transformer", "vae_decoder")
        ]

    def make(self, clip: Clip, latent_frames: int) -> None:
        """Run what a clip needs: the encoder once, the transformer every step, the decoder once."""
        encoder, transformer, decoder = self._sessions
        for session, calls in ((encoder, 1), (transformer, clip.steps), (decoder, 1)):
            feed = {i.name: _input(i, latent_frames) for i in session.get_inputs()}
            for _ in range(calls):
                session.run(None, feed)


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _input(argument: ort.NodeArg, latent_frames: int) -> NDArray[np.generic]:
    dims = argument.shape[1:]  # the first is the batch
    shape = [1, *(dim if isinstance(dim, int) else latent_frames for dim in dims)]
    return np.ones(shape, _DTYPES[argument.type])


def clips_per_s(
    model: Published, clip: Clip, layout: Layout, *, n_clips: int, latent_frames: int
) -> float:
    """Return how many clips a second the networks alone make with all workers busy."""
    workers = [Networks(model, layout.threads) for _ in range(layout.workers)]
    for networks in workers:
        networks.make(clip, latent_frames)  # the first run of a shape pays its allocations
    each = -(-n_clips // layout.workers)

    def work(networks: Networks) -> None:
        for _ in range(each):
            networks.make(clip, latent_frames)

    threads = [threading.Thread(target=work, args=(networks,)) for networks in workers]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * layout.workers / (time.perf_counter() - started)

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
from tritone.card import ModelCard, read_card
from tritone.schedules import find_guided_steps, make_schedule
from tritone.tensors import OF_GUIDED_ROWS

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

    @property
    def card(self) -> ModelCard:
        """What it says of itself."""
        card = read_card((self.repository / self.name / "config.pbtxt").read_text(encoding="utf-8"))
        if card is None:
            raise ValueError(f"{self.repository / self.name} carries no card: export it again")
        return card


class Networks:
    """Text encoder, transformer and decoder of one published model."""

    def __init__(self, model: Published, threads: int) -> None:
        """Load them."""
        self._card = model.card
        self._encoder, self._transformer, self._decoder = (
            _session(model.file(network), threads)
            for network in ("text_encoder", "transformer", "vae_decoder")
        )

    def make(self, clip: Clip, latent_frames: int) -> None:
        """Run what a clip needs: the encoder once, the transformer every step, the decoder once."""
        self._encoder.run(None, _feed(self._encoder, latent_frames))
        guided = _feed(self._transformer, latent_frames)
        other = guided | {name: guided[name][:0] for name in OF_GUIDED_ROWS if name in guided}
        table = make_schedule(self._card.spec.schedule, clip.steps, self._card.schedule)
        for step in find_guided_steps(table, self._card.schedule):
            self._transformer.run(None, guided if step else other)
        self._decoder.run(None, _feed(self._decoder, latent_frames))


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _feed(session: ort.InferenceSession, latent_frames: int) -> dict[str, NDArray[np.generic]]:
    return {each.name: _input(each, latent_frames) for each in session.get_inputs()}


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

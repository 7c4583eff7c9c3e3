"""Full-size networks with random weights on the device: as they are, and captured in CUDA graphs.

They are the exporter's own modules, so a transformer's step holds preconditioning and guidance.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gpu_items.bench import Bench, Figures, Missing
from tritone import tensors
from tritone.card import ModelCard

if TYPE_CHECKING:
    import torch

FAMILIES = ("stable_audio", "stable_audio_3")
DTYPES = ("float16", "bfloat16")

_SECONDS = {"stable_audio": (47.0,), "stable_audio_3": (5.0, 30.0, 120.0)}
_TINY_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Network:
    """One network on the device, in one type."""

    module: "Callable[..., torch.Tensor]"
    inputs: tuple[tensors.TensorSpec, ...]
    card: ModelCard
    device: str

    def draw(self, rows: int, frames: int, seed: int = 0) -> "list[torch.Tensor]":
        """Return plausible inputs on the device."""
        import torch  # noqa: PLC0415

        from export.probes import Probe  # noqa: PLC0415

        probe = Probe(self.card, rows, frames, np.random.default_rng(seed))
        drawn = probe.inputs(tensors.ModelIO(self.inputs, ()))
        return [torch.from_numpy(array).to(self.device) for array in drawn.values()]

    def call(self, inputs: "list[torch.Tensor]") -> "torch.Tensor":
        """Compute it as it is."""
        import torch  # noqa: PLC0415

        # What the module makes itself, as indices, must lie on the device, too.
        with torch.no_grad(), torch.device(self.device):
            return self.module(*inputs)

    def capture(self, inputs: "list[torch.Tensor]") -> "tuple[Callable[[], object], torch.Tensor]":
        """Return a replay of one call over these very inputs, and where its answer lies."""
        import torch  # noqa: PLC0415

        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            for _ in range(3):  # what is allocated at first must not be captured
                self.call(inputs)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = self.call(inputs)
        return graph.replay, answer


@lru_cache(maxsize=1)  # one network at a time: a full-size one takes gigabytes
def load(family: str, component: str, bench: Bench) -> tuple[Any, ModelCard]:
    """Return a network's graph in float32, in the host's memory.

    Raises:
        Missing: diffusers is not installed.
    """
    try:
        from export.full_size_models import make_graph  # noqa: PLC0415
    except ImportError as error:
        raise Missing(f"it needs diffusers and transformers: {error}") from error
    return make_graph(family, component, "fp32", tiny=bench.tiny)


def place(family: str, component: str, bench: Bench, dtype: str) -> Network:
    """Return a network on the device, in a type of its own; its border stays float32."""
    import torch  # noqa: PLC0415

    graph, card = load(family, component, bench)
    module = copy.deepcopy(graph.module)
    inner = getattr(module, "transformer", module)  # the border of a transformer stays float32
    if dtype != "float32":
        inner.to(getattr(torch, dtype))
    return Network(module.to(bench.device), graph.io.inputs, card, bench.device)


def list_frames(family: str, card: ModelCard, bench: Bench) -> list[int]:
    """Return the latent lengths to measure."""
    if bench.tiny:
        return [_TINY_FRAMES]
    rate = card.sample_rate / card.samples_per_frame
    return [min(card.max_frames, round(seconds * rate)) for seconds in _SECONDS[family]]


def measure_transformer(family: str, bench: Bench) -> Iterator[Figures]:
    """Give milliseconds of one step by type, rows and length."""
    for dtype in DTYPES:
        network = place(family, "transformer", bench, dtype)
        for frames in list_frames(family, network.card, bench):
            for rows in bench.rows:
                inputs = network.draw(rows, frames)
                figures = {"family": family, "dtype": dtype, "rows": rows, "frames": frames}
                eager_s = bench.seconds(partial(network.call, inputs))
                yield {**figures, "mode": "eager", "ms": 1000 * eager_s}
                if bench.is_gpu:
                    replay, _ = network.capture(inputs)
                    yield {**figures, "mode": "graph", "ms": 1000 * bench.seconds(replay)}


def measure_decoder(family: str, bench: Bench) -> Iterator[Figures]:
    """Give milliseconds of decoding by length, and seconds of sound in a second."""
    network = place(family, "vae_decoder", bench, "float32")
    for frames in list_frames(family, network.card, bench):
        inputs = network.draw(1, frames)
        taken_s = bench.seconds(partial(network.call, inputs))
        sound_s = frames * network.card.samples_per_frame / network.card.sample_rate
        yield {
            "family": family,
            "frames": frames,
            "ms": 1000 * taken_s,
            "times_real_time": sound_s / taken_s,
        }


def measure_compiled(family: str, bench: Bench) -> Iterator[Figures]:
    """Give milliseconds of a compiled step: a yardstick, not a way to serve."""
    import torch  # noqa: PLC0415

    if not bench.is_gpu:
        raise Missing("compiling takes minutes on a CPU, and says nothing of a GPU")
    network = place(family, "transformer", bench, DTYPES[1])
    compiled = Network(torch.compile(network.module), network.inputs, network.card, bench.device)
    frames = list_frames(family, network.card, bench)[-1]
    inputs = compiled.draw(1, frames)
    taken_s = bench.seconds(lambda: compiled.call(inputs))
    yield {"family": family, "dtype": DTYPES[1], "rows": 1, "frames": frames, "ms": 1000 * taken_s}

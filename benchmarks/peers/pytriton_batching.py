"""PyTriton: the pipeline bound to Triton by its own decorators, with dynamic batching."""

import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytriton.decorators import ConstantPadder, batch, first_value, group_by_values
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.clips import Clip
from benchmarks.peers.options import Options, parse
from benchmarks.peers.sound import Diffusers
from benchmarks.processes import free_port

MODEL = "sound"
BATCH_DELAY_US = 20_000
_ALIKE = ("seconds", "steps", "guidance_scale")  # the pipeline has one of each a call

Inputs = NDArray[Any]


class SoundModel:
    """Clips in, int16 out."""

    def __init__(self, options: Options) -> None:
        """Load the weights."""
        self._diffusers = Diffusers(options.checkpoint, options.threads, trimmed=options.trimmed)

    @batch  # type: ignore[untyped-decorator]
    @group_by_values(*_ALIKE, pad_fn=ConstantPadder(0))  # type: ignore[untyped-decorator]
    @first_value(*_ALIKE)  # type: ignore[untyped-decorator]
    def infer(
        self, prompt: Inputs, seed: Inputs, seconds: float, steps: int, guidance_scale: float
    ) -> dict[str, NDArray[np.int16]]:
        """Make a batch of clips that agree."""
        prompts = [text.decode() for text in prompt[:, 0]]
        clips = [
            Clip(text, int(number), float(seconds), int(steps), float(guidance_scale))
            for text, number in zip(prompts, seed[:, 0], strict=True)
        ]
        return {"pcm": np.stack(self._diffusers.generate(clips))}


def serve(options: Options) -> None:
    """Serve until SIGTERM."""
    inputs = [
        Tensor(name="prompt", dtype=bytes, shape=(1,)),
        Tensor(name="seed", dtype=np.int64, shape=(1,)),
        # 5.2 s in 32 bits is a sample less.
        Tensor(name="seconds", dtype=np.float64, shape=(1,)),
        Tensor(name="steps", dtype=np.int32, shape=(1,)),
        Tensor(name="guidance_scale", dtype=np.float32, shape=(1,)),
    ]
    batcher = DynamicBatcher(max_queue_delay_microseconds=BATCH_DELAY_US)
    ports = TritonConfig(
        http_address="127.0.0.1",
        http_port=options.port,
        grpc_port=free_port(),
        metrics_port=free_port(),
    )
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with tempfile.TemporaryDirectory() as folder, _triton(ports, folder) as triton:
        triton.bind(
            model_name=MODEL,
            infer_func=SoundModel(options).infer,
            inputs=inputs,
            outputs=[Tensor(name="pcm", dtype=np.int16, shape=(-1,))],
            config=ModelConfig(max_batch_size=options.max_batch, batcher=batcher),
        )
        triton.run()
        stopped.wait()


def _triton(ports: TritonConfig, folder: str) -> Triton:
    return Triton(config=ports, workspace=str(Path(folder, "workspace")))


if __name__ == "__main__":
    serve(parse(__doc__ or ""))

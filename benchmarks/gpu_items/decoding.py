"""Steps while a decoder computes: on a second stream of their process, and in another process.

A server decodes in another process; the figures say what a stream beside the steps would gain.
`python -m benchmarks.gpu_items.decoding cuda` is that other process: it decodes until its input
ends.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu_items.bench import Bench, Figures, Missing
from tritone.card import ModelCard, read_card
from tritone.limits import MAX_STEPS
from tritone.tensors import LATENTS

_REPOSITORY = Path(__file__).parents[2] / "model_repository"
_FRAMES, _TINY_FRAMES = 190, 15
_READY = "decoding"

Decode = Callable[[], object]


def measure_decoding(bench: Bench) -> Iterator[Figures]:
    """Give milliseconds of a step alone, and beside a decoder that never rests."""
    try:
        from backends.denoiser.device.session import Device  # noqa: PLC0415
        from backends.denoiser.device.warm_up import Choices, open_steps  # noqa: PLC0415
        from benchmarks.jobs import make_plain_job  # noqa: PLC0415
    except ImportError as error:
        raise Missing(f"it needs onnx and onnxruntime: {error}") from error
    frames = _TINY_FRAMES if bench.tiny else _FRAMES
    card = replace(_read_card(), max_frames=frames)
    network = _REPOSITORY / "starter_transformer" / "1" / "model.onnx"
    choices = Choices(lengths=(frames,), step_batch=1)
    steps = open_steps(network, card, Device(name=bench.device, threads=1), choices).steps
    job = make_plain_job(card, card.window_seconds, n_steps=MAX_STEPS, scale=3.0)

    def step() -> None:
        (failure,) = steps.take([job], lambda *_: None)
        if failure is not None:
            raise failure

    decode = open_decoder(bench.device, frames)
    yield {"frames": frames, "decoding": "alone", "decode_ms": 1000 * bench.seconds(decode)}
    besides: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "not at all": _nothing,
        "on a second stream": lambda: _in_thread(decode),
        "in another process": lambda: _in_process(bench.device, frames),
    }
    for where, beside in besides.items():
        with beside():
            taken_s = bench.seconds(step)
        yield {"frames": frames, "decoding": where, "step_ms": 1000 * taken_s}


def open_decoder(device: str, frames: int) -> Decode:
    """Return what decodes so many latent frames of the starter, the first time behind it."""
    from backends.onnxruntime.session import open_session  # noqa: PLC0415

    path = _REPOSITORY / "starter_vae_decoder" / "1" / "model.onnx"
    session = open_session(path, threads=1, device=device)
    feed: dict[str, Any] = {
        LATENTS: np.zeros((1, _read_card().latent_channels, frames), np.float32)
    }

    def decode() -> object:
        return session.run(None, feed)

    decode()
    return decode


def _read_card() -> ModelCard:
    card = read_card((_REPOSITORY / "starter" / "config.pbtxt").read_text())
    if card is None:
        raise Missing("the starter is not published")
    return card


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _in_thread(decode: Decode) -> Iterator[None]:
    is_over = threading.Event()

    def loop() -> None:
        while not is_over.is_set():
            decode()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _in_process(device: str, frames: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.gpu_items.decoding", device, str(frames)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        try:
            if process.stdout.readline().strip() != _READY:
                raise Missing("another process did not begin to decode")
            yield
        finally:
            process.stdin.close()  # at which it ends


def main(device: str, frames: int) -> None:
    """Decode until the input ends."""
    with _in_thread(open_decoder(device, frames)):
        sys.stdout.write(_READY + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""The denoiser's own steps on the device, on the starter's transformer: as they are served."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gpu_items.bench import Bench, Figures, Missing
from benchmarks.jobs import make_plain_job
from tritone.card import ModelCard, read_card
from tritone.sampling import Latents

if TYPE_CHECKING:
    from backends.denoiser.steps import Steps

_REPOSITORY = Path(__file__).parents[2] / "model_repository"
_NETWORK = _REPOSITORY / "starter_transformer" / "1" / "model.onnx"
_FRAMES = 65
_STEPS = 8


def measure_device_steps(bench: Bench) -> Iterator[Figures]:
    """Give milliseconds of a step by rows, and how far a sound is from the host's.

    Opening them captures each, compares its replays with the step uncaptured, and two prompts with
    each other: what is wrong there ends the item with its reason.
    """
    try:
        from backends.denoiser.device.session import Device  # noqa: PLC0415
        from backends.denoiser.device.warm_up import Choices, open_steps  # noqa: PLC0415
        from backends.denoiser.predict.onnx import OnnxTransformer  # noqa: PLC0415
        from backends.denoiser.steps import HostSteps  # noqa: PLC0415
    except ImportError as error:
        raise Missing(f"it needs onnx and onnxruntime: {error}") from error
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415
    from time import perf_counter  # noqa: PLC0415

    card = read_card((_REPOSITORY / "starter" / "config.pbtxt").read_text())
    if card is None:
        raise Missing("the starter is not published")
    card = replace(card, max_frames=_FRAMES)
    device = Device(name=bench.device, threads=2)
    choices = Choices(lengths=(_FRAMES,), step_batch=bench.rows[-1])
    opened = open_steps(_NETWORK, card, device, choices)
    for shape, seconds in sorted(opened.seconds.items()):
        figures = {"rows": shape.rows, "frames": shape.frames, "guided": shape.is_guided}
        yield {**figures, "captured": bench.is_gpu, "ms": 1000 * seconds}
    host = HostSteps(
        OnnxTransformer(_NETWORK.parent, card, threads=2), ThreadPoolExecutor(1), perf_counter
    )
    sounds = [
        _make_sound(card, steps, prompt) for steps in (opened.steps, host) for prompt in (0, 1)
    ]
    yield {
        "off_host": max(_relative(sounds[i], sounds[i + 2]) for i in (0, 1)),
        "prompts_differ_by": _relative(sounds[1], sounds[0]),
    }


def _make_sound(card: ModelCard, steps: "Steps", prompt: int) -> Latents:
    job = make_plain_job(card, card.window_seconds, n_steps=_STEPS, scale=3.0, prompt=prompt)
    while not job.trajectory.is_done:
        (failure,) = steps.take([job], lambda *_: None)
        if failure is not None:
            raise failure
    return job.trajectory.latents


def _relative(found: Latents, expected: Latents) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))

"""From a denoiser's configuration to steps on a device that are ready."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.denoiser import parameters
from backends.denoiser.device.session import Device
from backends.denoiser.device.warm_up import Choices, open_steps
from backends.denoiser.job import Rounding
from backends.denoiser.steps import OneLane
from backends.onnxruntime.session import InvalidModel, find_model_file, read_device_options
from tritone.card import ModelCard
from tritone.placement import CPU


def open_one_lane(
    version_folder: Path,
    config: dict[str, Any],
    card: ModelCard,
    device_name: str,
    say: Callable[[str], None],
) -> OneLane:
    """Return the steps of a version's transformer, every shape captured, checked and timed.

    Raises:
        InvalidModel: there is no network, or it does not go onto the device as it should.
        InvalidParameter: the configuration has one without a meaning.
    """

    def find(key: str) -> str | None:
        entry = config.get("parameters", {}).get(key)
        return None if entry is None else str(entry["string_value"])

    is_gpu = device_name != CPU
    lengths = parameters.read_lengths(find(parameters.LENGTHS), card)
    choices = Choices(
        lengths=lengths,
        step_batch=parameters.read_step_batch(find(parameters.STEP_BATCH) or "1"),
        slowdown=parameters.read_slowdown(find(parameters.SLOWDOWN)),
    )
    device = Device(
        name=device_name,
        options=read_device_options(config),
        captures=find(parameters.CAPTURE) != "false",
        threads=int(find("intra_op_thread_count") or len(os.sched_getaffinity(0))),
    )
    path = find_model_file(version_folder, {"name": version_folder.parent.name})
    try:
        opened = open_steps(path, card, device, choices, say)
    except InvalidModel as error:
        if not (is_gpu and device.captures):
            raise
        opened = open_steps(path, card, replace(device, captures=False), choices, say)
        say(f"steps are not captured: {error}")
    slowest = max(opened.seconds, key=lambda shape: opened.seconds[shape])
    say(
        f"{len(opened.seconds)} steps are ready on {device_name}, for {lengths} latent frames and "
        f"up to {opened.step_batch} jobs; the slowest takes {1000 * opened.seconds[slowest]:.1f} ms"
    )
    decoded = parameters.read_decode_bucket(find(parameters.DECODED), card, is_gpu=is_gpu)
    return OneLane(opened.steps, opened.step_batch, Rounding(lengths, decoded))

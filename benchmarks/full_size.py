"""`python -m benchmarks.full_size`: full-size transformers with random weights, as far as serving.

Exports Stable Audio Open 1.0's and Stable Audio 3 medium's, reads off what GPU engines lack for
them, and takes steps, guided and not, on the host and on the device `cpu`: each stage in a process
of its own, so that its peak of memory is its own, one of each length that steps are opened for.
Takes half an hour each, and 6 GB of disk.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from backends.denoiser.steps import Steps
    from tritone.card import ModelCard

FAMILIES = ("stable_audio", "stable_audio_3")
LENGTHS = {"device-32": 32, "device-64": 64}
"""Latent frames that steps are opened for, by stage: a whole window takes a CPU minutes."""

_ASKED = 3 / 4  # of a length is asked for, and rounded up to it
_N_STEPS = 2
_SCALES = (1.0, 7.0)  # not guided, and guided
_THREADS = 2
_EXPORT, _HOST = "export", "host"
_STAGES = (_EXPORT, "lint", _HOST, *LENGTHS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a JSON line for each stage: seconds, the peak of memory in bytes, what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=FAMILIES, help="one of them")
    parser.add_argument("--stage", choices=_STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where files go until the end")
    options = parser.parse_args(arguments)
    if options.stage:
        sys.stdout.write(json.dumps(_run_stage(options.stage, options.only, options.folder)))
        return
    for family in FAMILIES if options.only is None else (options.only,):
        folder = Path(tempfile.mkdtemp(prefix="full-size-", dir=options.folder))
        try:
            for stage in _STAGES:
                line = {"network": f"{family}/transformer", "stage": stage}
                sys.stdout.write(json.dumps(line | _measure(stage, family, folder)) + "\n")
                sys.stdout.flush()
        finally:
            shutil.rmtree(folder)


def _measure(stage: str, family: str, folder: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.full_size", f"--stage={stage}"]
    command += [f"--only={family}", f"--folder={folder}"]
    begin = time.monotonic()
    with (folder / "found").open("w+") as out, (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{stage} of {family} failed: {(folder / 'log').read_text()[-2000:]}")
        out.seek(0)
        found: dict[str, object] = json.loads(out.read().splitlines()[-1])
    measured = {"seconds": round(time.monotonic() - begin), "peak_bytes": usage.ru_maxrss * 1024}
    return measured | found


def _run_stage(stage: str, family: str, folder: Path) -> dict[str, object]:
    path = folder / "model.onnx"
    if stage == _EXPORT:
        from export.full_size_network import main as export  # noqa: PLC0415

        export(f"{family}/transformer", "fp32", folder)
        measured = json.loads((folder / "results.json").read_text())
        return {name: measured[name] for name in ("parameters", "error", "file_bytes")}
    if stage == "lint":
        return _lint(path)
    card = _make_card(family)
    return _step_on_host(path, card) if stage == _HOST else _step_on_device(path, card, stage)


def _lint(path: Path) -> dict[str, object]:
    import onnx  # noqa: PLC0415

    from export.lint import Engine, lint  # noqa: PLC0415

    engines: tuple[Engine, ...] = ("tensorrt", "onnxruntime_cuda")
    return {
        engine: [str(each) for each in lint(onnx.load(path, load_external_data=False), engine)]
        for engine in engines
    }


def _make_card(family: str) -> "ModelCard":
    from export.full_size_models import full_size_card, make_pipeline  # noqa: PLC0415

    card = full_size_card(family, make_pipeline(family))
    return replace(card, max_frames=max(LENGTHS.values()), frame_bucket=1)


def _step_on_host(path: Path, card: "ModelCard") -> dict[str, object]:
    """Keep the latents of every sound beside the network, for the device to be compared with."""
    from backends.denoiser.predict.onnx import OnnxTransformer  # noqa: PLC0415
    from backends.denoiser.steps import HostSteps  # noqa: PLC0415

    # The network lies where a version of it would.
    network = OnnxTransformer(path.parent, card, threads=_THREADS)
    steps = HostSteps(network, ThreadPoolExecutor(1), time.perf_counter)
    seconds: dict[str, float] = {}
    for frames in LENGTHS.values():
        for scale in _list_scales(card):
            latents, taken_s = _make_sound(steps, card, frames, scale)
            np.save(_sound_file(path.parent, frames, scale), latents)
            seconds[_describe(frames, scale)] = taken_s
    return {"step_seconds": seconds}


def _step_on_device(path: Path, card: "ModelCard", stage: str) -> dict[str, object]:
    from backends.denoiser.device.session import Device  # noqa: PLC0415
    from backends.denoiser.device.warm_up import Choices, open_steps  # noqa: PLC0415

    frames = LENGTHS[stage]
    choices = Choices(lengths=(frames,), step_batch=1)
    opened = open_steps(path, card, Device(threads=_THREADS), choices)
    seconds, off, same = {}, [], True
    for scale in _list_scales(card):
        latents, taken_s = _make_sound(opened.steps, card, frames, scale)
        expected = np.load(_sound_file(path.parent, frames, scale))
        off.append(float(np.linalg.norm(latents - expected) / np.linalg.norm(expected)))
        same = same and np.array_equal(latents, expected)
        seconds[_describe(frames, scale)] = taken_s
    return {"step_seconds": seconds, "off_host": max(off), "same_bits": same}


def _make_sound(
    steps: "Steps", card: "ModelCard", frames: int, scale: float
) -> tuple[NDArray[np.float32], float]:
    """Return the latents of a sound, and the seconds that a step took."""
    from backends.denoiser.job import Rounding  # noqa: PLC0415
    from benchmarks.jobs import make_plain_job  # noqa: PLC0415

    seconds = _ASKED * frames * card.samples_per_frame / card.sample_rate
    rounding = Rounding(tuple(LENGTHS.values()))
    job = make_plain_job(card, seconds, n_steps=_N_STEPS, scale=scale, rounding=rounding)
    begin = time.perf_counter()
    while not job.trajectory.is_done:
        (failure,) = steps.take([job], lambda *_: None)
        if failure is not None:
            raise failure
    return job.trajectory.latents, (time.perf_counter() - begin) / _N_STEPS


def _list_scales(card: "ModelCard") -> tuple[float, ...]:
    return _SCALES if card.guidance else _SCALES[:1]


def _sound_file(folder: Path, frames: int, scale: float) -> Path:
    return folder / f"host-{frames}-{scale:g}.npy"


def _describe(frames: int, scale: float) -> str:
    return f"{frames} frames, {'guided' if scale > 1 else 'not guided'}"


if __name__ == "__main__":
    main()

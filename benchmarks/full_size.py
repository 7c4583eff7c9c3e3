"""`python -m benchmarks.full_size`: full-size transformers with random weights, as far as serving.

Exports Stable Audio Open 1.0's and Stable Audio 3 medium's, reads off what GPU engines lack for
them, and takes a step on the device `cpu`: each stage in a process of its own, so that its peak of
memory is its own. Takes a quarter of an hour each, and 6 GB of disk.
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
from dataclasses import replace
from pathlib import Path

FAMILIES = ("stable_audio", "stable_audio_3")
_FRAMES = 32  # of the step: a whole window takes a CPU minutes
_EXPORT = "export"
_STAGES = (_EXPORT, "lint", "step")


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
    return _lint(path) if stage == "lint" else _step(path, family)


def _lint(path: Path) -> dict[str, object]:
    import onnx  # noqa: PLC0415

    from export.lint import Engine, lint  # noqa: PLC0415

    engines: tuple[Engine, ...] = ("tensorrt", "onnxruntime_cuda")
    return {
        engine: [str(each) for each in lint(onnx.load(path, load_external_data=False), engine)]
        for engine in engines
    }


def _step(path: Path, family: str) -> dict[str, object]:
    from backends.denoiser.device.session import Device  # noqa: PLC0415
    from backends.denoiser.device.warm_up import Choices, open_steps  # noqa: PLC0415
    from export.full_size_models import full_size_card, make_pipeline  # noqa: PLC0415

    card = replace(full_size_card(family, make_pipeline(family)), max_frames=_FRAMES)
    choices = Choices(lengths=(_FRAMES,), step_batch=1)
    opened = open_steps(path, card, Device(threads=2), choices)
    return {
        "steps": {
            f"{shape.frames} frames, {'guided' if shape.is_guided else 'not guided'}": seconds
            for shape, seconds in opened.seconds.items()
        }
    }


if __name__ == "__main__":
    main()

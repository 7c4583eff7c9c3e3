"""`python -m benchmarks.device_step`: a step whose job lives on a device, beside one on the host.

The device is the CPU, so both compute the same: the ratio is what slots, binding and solver in the
graph cost or save. Steps of both take turns, so that whatever else the machine does meets both.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median

from backends.denoiser.device.session import Device
from backends.denoiser.device.warm_up import Choices, open_steps
from backends.denoiser.predict.onnx import OnnxTransformer
from backends.denoiser.steps import HostSteps, Steps
from benchmarks.jobs import make_plain_job
from tritone.card import ModelCard, read_card
from tritone.limits import MAX_STEPS

_REPOSITORY = Path(__file__).parents[1] / "model_repository"


def measure(card: ModelCard, network: Path, seconds: float, *, threads: int, steps: int) -> str:
    """Return a row of the table for sounds of `seconds`, guided and not."""
    host: Steps = HostSteps(
        OnnxTransformer(network.parent, card, threads=threads),
        ThreadPoolExecutor(1),
        time.perf_counter,
    )
    frames = make_plain_job(card, seconds, n_steps=1, scale=1.0).shape[1]
    choices = Choices(lengths=(frames,), step_batch=1)
    device: Steps = open_steps(network, card, Device(threads=threads), choices).steps
    cells = []
    for scale in (1.0, 3.0):
        taken: dict[str, list[float]] = {"host": [], "device": []}
        ways = {"host": host, "device": device}
        jobs = {
            name: make_plain_job(card, seconds, n_steps=MAX_STEPS, scale=scale) for name in ways
        }
        for i in range(steps):
            for name in sorted(ways, reverse=bool(i % 2)):
                begin = time.perf_counter()
                (failure,) = ways[name].take([jobs[name]], lambda *_: None)
                taken[name].append(time.perf_counter() - begin)
                assert failure is None  # noqa: S101
        ms = {name: 1000 * median(each) for name, each in taken.items()}
        ratio = median(d / h for d, h in zip(taken["device"], taken["host"], strict=True))
        cells.append(f"{ms['host']:.1f} | {ms['device']:.1f} | {ratio:.3f}")
    return f"| {seconds:g} s, {threads} threads | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="of each kind (60)")
    parser.add_argument("--threads", type=int, default=1, help="of a step (1)")
    options = parser.parse_args(arguments)
    card = read_card((_REPOSITORY / "starter" / "config.pbtxt").read_text())
    assert card is not None  # noqa: S101
    # Every step guided, or none, as a job asks for.
    always = replace(card.schedule, guidance_min_sigma=0.0, guidance_max_sigma=None)
    card = replace(card, schedule=always)
    network = _REPOSITORY / "starter_transformer" / "1" / "model.onnx"
    sys.stdout.write("| | host, ms | device, ms | ratio | guided: host | device | ratio |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for seconds in (1.0, 5.0, 15.0):
        row = measure(card, network, seconds, threads=options.threads, steps=options.steps)
        sys.stdout.write(row + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""`python -m benchmarks.device_step`: a step whose job lives on a device, beside one on the host.

The device is the CPU, so both compute the same: the ratio is what slots, binding and solver in the
graph cost or save. Steps of both take turns, so that whatever else the machine does meets both.
Both are opened several times: where a network's weights happen to lie makes one copy of it several
percent faster than another of the very same, and ratios of single pairs differ by as much.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from backends.denoiser.device.session import Device
from backends.denoiser.device.warm_up import Choices, open_steps
from backends.denoiser.predict.onnx import OnnxTransformer
from backends.denoiser.steps import HostSteps, Steps
from benchmarks.jobs import make_plain_job
from tritone.card import ModelCard, read_card
from tritone.limits import MAX_STEPS

_SCALES = (1.0, 3.0)  # not guided, and guided
_REPOSITORY = Path(__file__).parents[1] / "model_repository"


@dataclass(frozen=True, slots=True)
class Pair:
    """What one opening of both took: medians of its steps."""

    host_ms: float
    device_ms: float
    ratio: float  # of steps that followed each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What both are to take."""

    card: ModelCard
    network: Path
    seconds: float  # of sound
    threads: int
    steps: int  # of each kind and pair
    pairs: int


def measure(course: Course) -> str:
    """Return a row of the table, guided and not."""
    cells: dict[float, list[Pair]] = {scale: [] for scale in _SCALES}
    for _ in range(course.pairs):
        ways = open_both(course)
        for scale, measured in cells.items():
            measured.append(compare(course, ways, scale))
    title = f"{course.seconds:g} s, {course.threads} threads"
    return f"| {title} | {' | '.join(map(_show, cells.values()))} |"


def open_both(course: Course) -> dict[str, Steps]:
    """Return steps on the host and on the device."""
    card, network, threads = course.card, course.network, course.threads
    host = HostSteps(
        OnnxTransformer(network.parent, card, threads=threads),
        ThreadPoolExecutor(1),
        time.perf_counter,
    )
    frames = make_plain_job(card, course.seconds, n_steps=1, scale=1.0).shape[1]
    choices = Choices(lengths=(frames,), step_batch=1)
    device = open_steps(network, card, Device(threads=threads), choices).steps
    return {"host": host, "device": device}


def compare(course: Course, ways: dict[str, Steps], scale: float) -> Pair:
    """Take turns with both."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    jobs = {
        name: make_plain_job(course.card, course.seconds, n_steps=MAX_STEPS, scale=scale)
        for name in ways
    }
    for i in range(course.steps):
        for name in sorted(ways, reverse=bool(i % 2)):
            begin = time.perf_counter()
            (failure,) = ways[name].take([jobs[name]], lambda *_: None)
            taken[name].append(time.perf_counter() - begin)
            assert failure is None  # noqa: S101
    host_ms, device_ms = (1000 * median(each) for each in taken.values())
    ratio = median(d / h for d, h in zip(taken["device"], taken["host"], strict=True))
    return Pair(host_ms, device_ms, ratio)


def _show(pairs: list[Pair]) -> str:
    host, device = (median(getattr(p, n) for p in pairs) for n in ("host_ms", "device_ms"))
    ratios = sorted(pair.ratio for pair in pairs)
    spread = f"{median(ratios):.3f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"{host:.1f} | {device:.1f} | {spread}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="of each kind and pair (60)")
    parser.add_argument("--pairs", type=int, default=6, help="how often both are opened (6)")
    parser.add_argument("--seconds", type=float, action="append", help="of sound (1, 5 and 15)")
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
    for seconds in options.seconds or (1.0, 5.0, 15.0):
        course = Course(
            card=card,
            network=network,
            seconds=seconds,
            threads=options.threads,
            steps=options.steps,
            pairs=options.pairs,
        )
        row = measure(course)
        sys.stdout.write(row + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

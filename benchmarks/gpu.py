"""`python -m benchmarks.gpu`: what a GPU does with our networks, in at most nine minutes.

    python -m benchmarks.gpu                        # on a machine with a GPU
    python -m benchmarks.gpu --device cpu --tiny    # to see that it works

Writes a JSON line after each figure. Items come in order of value; each has its own time, and what
it did not manage is left out: whatever happens, the lines so far are there. An item that lacks
something says what. Needs torch and, for the networks, diffusers.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType

from benchmarks.gpu_items import (
    ceilings,
    decoding,
    device,
    exactness,
    networks,
    onnx,
    trajectories,
    triton,
)
from benchmarks.gpu_items.bench import Bench, Figures, Item, Missing

TOTAL_S = 520.0
_GRACE_S = 15.0  # what hangs in a library for longer ends the whole command

_SAO, _SA3 = networks.FAMILIES

ITEMS = (
    Item("machine", 15, ceilings.measure_machine),
    Item("copies", 10, ceilings.measure_copies),
    Item("products", 15, ceilings.measure_products),
    Item("answers on the device", 45, triton.measure_answers),
    Item("steps on the device", 60, device.measure_device_steps),
    Item("trajectory, Stable Audio 3", 70, partial(trajectories.measure_trajectory, _SA3)),
    Item("trajectory, Stable Audio", 70, partial(trajectories.measure_trajectory, _SAO)),
    Item("transformer, Stable Audio", 60, partial(networks.measure_transformer, _SAO)),
    Item("transformer, Stable Audio 3", 60, partial(networks.measure_transformer, _SA3)),
    Item("steps on ONNX Runtime", 30, onnx.measure_steps),
    Item("steps beside a decoder", 30, decoding.measure_decoding),
    Item("rows together, Stable Audio", 20, partial(exactness.measure_rows, _SAO)),
    Item("precision, Stable Audio 3", 30, partial(exactness.measure_precision, _SA3)),
    Item("precision, Stable Audio", 30, partial(exactness.measure_precision, _SAO)),
    Item("exported, Stable Audio", 30, partial(exactness.measure_exported, _SAO)),
    Item("exported, Stable Audio 3", 30, partial(exactness.measure_exported, _SA3)),
    Item("decoder, Stable Audio", 25, partial(networks.measure_decoder, _SAO)),
    Item("decoder, Stable Audio 3", 25, partial(networks.measure_decoder, _SA3)),
    Item("compiled, Stable Audio", 20, partial(networks.measure_compiled, _SAO)),
)


class OutOfTime(BaseException):
    """An item's time is over. No Exception: nothing on the way may take it for its own."""


def run(
    items: Sequence[Item], bench: Bench, total_s: float, write: Callable[[Figures], None]
) -> None:
    """Measure the items one after the other; write each figure at once, and how each item ended."""
    end_at = time.monotonic() + total_s
    for item in items:
        start = time.monotonic()
        box_s = min(item.box_s, end_at - start)
        ended = "out of time"
        if box_s > 0:
            ended = _measure(item, bench, box_s, write)
        write({"item": item.name, "ended": ended, "seconds": round(time.monotonic() - start, 2)})


def _measure(item: Item, bench: Bench, box_s: float, write: Callable[[Figures], None]) -> str:
    try:
        with _time_box(box_s):
            for figures in item.measure(bench):
                write({"item": item.name, **figures})
    except OutOfTime:
        return "out of time"
    except Missing as error:
        return f"skipped: {error}"
    except Exception as error:  # whatever one item breaks, the others are measured
        return f"failed: {type(error).__name__}: {error}"
    return "done"


@contextmanager
def _time_box(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the body when its time is over; where that does not help, end all."""

    def on_alarm(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, on_alarm)
    hung = threading.Timer(seconds + _GRACE_S, os._exit, (3,))
    hung.daemon = True
    hung.start()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        hung.cancel()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything that fits, or the items named by --only."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="as torch calls it (cuda)")
    parser.add_argument("--tiny", action="store_true", help="small networks: to see that it works")
    parser.add_argument("--seconds", type=float, default=TOTAL_S, help=f"in all ({TOTAL_S:g})")
    parser.add_argument("--only", action="append", help="part of an item's name; may be repeated")
    options = parser.parse_args(arguments)
    names = options.only or [""]
    items = [item for item in ITEMS if any(part in item.name for part in names)]
    bench = Bench(device=options.device, tiny=options.tiny)

    def write(figures: Figures) -> None:
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()

    run(items, bench, options.seconds, write)


if __name__ == "__main__":
    main()

"""How exact a step is: rows alone and in a batch, and half precision beside float32."""

from collections.abc import Iterator

from benchmarks.gpu_items.bench import Bench, Figures
from benchmarks.gpu_items.networks import DTYPES, list_frames, place
from benchmarks.gpu_items.trajectories import relative


def measure_rows(family: str, bench: Bench) -> Iterator[Figures]:
    """Give how far a row in a batch is from the same row alone; 0: the same bits."""
    network = place(family, "transformer", bench, DTYPES[0])
    frames = list_frames(family, network.card, bench)[0]
    for rows in bench.rows[1:]:
        together = network.draw(rows, frames)
        answer = network.call(together)
        alone = network.call([each[:1].contiguous() for each in together])
        error = relative(answer[:1], alone)
        yield {"family": family, "dtype": DTYPES[0], "rows": rows, "row_off_alone": error}


def measure_precision(family: str, bench: Bench) -> Iterator[Figures]:
    """Give how far a step in half precision is from one in float32."""
    exact = place(family, "transformer", bench, "float32")
    frames = list_frames(family, exact.card, bench)[0]
    inputs = exact.draw(1, frames)
    expected = exact.call(inputs)
    del exact
    for dtype in DTYPES:
        found = place(family, "transformer", bench, dtype).call(inputs)
        yield {
            "family": family,
            "dtype": dtype,
            "off_float32": relative(found, expected),
            "is_finite": bool(found.isfinite().all()),
        }

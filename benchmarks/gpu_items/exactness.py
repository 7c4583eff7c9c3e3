"""How exact a step is: rows alone and in a batch, and half precision beside float32."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.gpu_items.bench import Bench, Figures, Missing
from benchmarks.gpu_items.networks import DTYPES, list_frames, place
from benchmarks.gpu_items.trajectories import relative

if TYPE_CHECKING:
    from export.precision import Precision
    from export.sessions import Run

_EXPORTED: "tuple[Precision, ...]" = ("fp32", "fp16", "bf16")


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


def measure_exported(family: str, bench: Bench) -> Iterator[Figures]:
    """Give how far exported files are from PyTorch in float32, on ONNX Runtime on the device.

    Of small networks: that a device takes the operators of a precision does not depend on sizes.
    """
    try:
        from export.comparing import relative_error  # noqa: PLC0415
        from export.full_size_models import make_graph  # noqa: PLC0415
        from export.onnx_files import choose_opset, finish, write_onnx  # noqa: PLC0415
        from export.verify import ask_pytorch  # noqa: PLC0415
    except ImportError as error:
        raise Missing(f"it needs the extra 'export': {error}") from error
    for precision in _EXPORTED:
        graph, card = make_graph(family, "transformer", precision, tiny=True)
        cases = ask_pytorch(graph, card, max_batch=2)
        with TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            write_onnx(graph, card, path, opset=choose_opset(precision))
            finish(path, graph.component, precision)
            run = _open(path, bench)
            worst = max(
                relative_error(run(case.inputs)[name], expected)
                for case in cases
                for name, expected in case.expected.items()
            )
        yield {"family": family, "precision": precision, "off_pytorch": worst}


def _open(path: Path, bench: Bench) -> "Run":
    from export.sessions import open_network  # noqa: PLC0415

    if not bench.is_gpu:
        return open_network(path)
    from backends.onnxruntime.session import open_session  # noqa: PLC0415

    session = open_session(path, device=bench.device)
    outputs = [each.name for each in session.get_outputs()]
    return lambda given: dict(zip(outputs, session.run(outputs, dict(given)), strict=True))

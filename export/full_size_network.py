"""One full-size network, exported and verified in a process of its own by `export.full_size`."""

import json
import sys
import time
from pathlib import Path
from typing import get_args

from export.full_size_models import make_graph
from export.graphs import release
from export.onnx_files import choose_opset, finish, write_onnx
from export.precision import Precision
from export.verify import ask_pytorch, verify_component

MAX_BATCH = 4


def main(name: str, precision: Precision, folder: Path) -> None:
    """Write `model.onnx` and, when it is verified, `results.json` into the folder.

    Raises:
        ExportError: it cannot be exported, or is too far from PyTorch.
    """
    path = folder / "model.onnx"
    started = time.monotonic()
    family, network = name.split("/")
    graph, card = make_graph(family, network, precision)
    parameters = sum(parameter.numel() for parameter in graph.module.parameters())
    built = time.monotonic()
    cases = ask_pytorch(graph, card, MAX_BATCH)
    asked = time.monotonic()
    write_onnx(graph, card, path, opset=choose_opset(precision))
    release(graph.module)
    release(graph.reference)
    finish(path, network, precision)
    written = time.monotonic()
    error = verify_component(network, cases, path, precision)
    measured = {
        "parameters": parameters,
        "build_seconds": built - started,
        "export_seconds": written - asked,
        "verify_seconds": time.monotonic() - written + asked - built,
        "error": error,
        "file_bytes": sum(each.stat().st_size for each in folder.glob("model.onnx*")),
    }
    (folder / "results.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    _, chosen_name, chosen_precision, chosen_folder = sys.argv
    for known in get_args(Precision):
        if known == chosen_precision:
            main(chosen_name, known, Path(chosen_folder))

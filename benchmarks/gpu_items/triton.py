"""A model of a real Triton that leaves its answer on the device, and who can read it from another.

Without asking for CPU memory, a caller cannot (fault A): every step of a denoiser would fail.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu_items.bench import Bench, Figures, Missing

_START_S = 60.0
_CONFIG = """backend: "python" max_batch_size: 0
input [ {{ name: "x" data_type: {type} dims: [ 1 ] }} ]
output [ {{ name: "y" data_type: {type} dims: [ 1 ] }} ]
instance_group [ {{ kind: {kind} count: 1 }} ]
"""
_ON_DEVICE = """import triton_python_backend_utils as pb_utils
import numpy as np
class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([self.answer()]) for _ in requests]
    def answer(self):
        if {is_gpu}:
            import torch
            from torch.utils.dlpack import to_dlpack
            return pb_utils.Tensor.from_dlpack("y", to_dlpack(torch.ones(1, device="cuda")))
        return pb_utils.Tensor("y", np.ones(1, np.float32))
"""
_CALLER = """import triton_python_backend_utils as pb_utils
import numpy as np
class TritonPythonModel:
    def execute(self, requests):
        said = {"plain": self.ask(), "cpu": self.ask(preferred_memory=pb_utils.PreferredMemory(
            pb_utils.TRITONSERVER_MEMORY_CPU, 0))}
        text = str(said).encode()
        y = pb_utils.Tensor("y", np.array([text], np.object_))
        return [pb_utils.InferenceResponse([y]) for _ in requests]
    def ask(self, **how):
        request = pb_utils.InferenceRequest(model_name="on_device", requested_output_names=["y"],
            inputs=[pb_utils.Tensor("x", np.ones(1, np.float32))], **how)
        response = request.exec()
        if response.has_error():
            return response.error().message()
        try:
            return float(response.output_tensors()[0].as_numpy()[0])
        except Exception as error:
            return str(error)
"""


def measure_answers(bench: Bench) -> Iterator[Figures]:
    """Give what a caller reads, plainly and with CPU memory preferred."""
    with tempfile.TemporaryDirectory(prefix="tritone-gpu-") as folder:
        command, environment = _find_triton(Path(folder, "backends"))
        repository = Path(folder, "models")
        kind = "KIND_GPU" if bench.is_gpu else "KIND_CPU"
        _write(repository / "on_device", _ON_DEVICE.format(is_gpu=bench.is_gpu), "TYPE_FP32", kind)
        _write(repository / "caller", _CALLER, "TYPE_STRING", "KIND_CPU")
        port = _free_port()
        flags = [f"--model-repository={repository}", f"--http-port={port}"]
        flags += ["--allow-grpc=false", "--allow-metrics=false", "--exit-timeout-secs=5"]
        with Path(folder, "log").open("w+") as log:
            server = subprocess.Popen(
                [*command, *flags], env=environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                yield {"device": bench.device, **_ask(port, server, Path(folder, "log"))}
            finally:
                server.terminate()
                server.wait(20)


def _find_triton(backends: Path) -> tuple[list[str], dict[str, str]]:
    if found := shutil.which("tritonserver"):
        return [found], dict(os.environ)
    try:
        from ops.errors import CannotStart  # noqa: PLC0415
        from ops.triton.home import libpython_folder, triton_home  # noqa: PLC0415

        home, library = triton_home(), libpython_folder()
    except (ImportError, CannotStart) as error:
        raise Missing(f"there is no Triton here: {error}") from error
    from ops.triton.backend_directory import prepare  # noqa: PLC0415

    prepare(backends, home)
    # Isolated, the stub finds its packages by the first Python on the path.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "LD_LIBRARY_PATH": f"{library}:{home / 'external_libs'}",
    }
    return [str(home / "bin" / "tritonserver"), f"--backend-directory={backends}"], environment


def _write(folder: Path, code: str, kind: str, device: str) -> None:
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(_CONFIG.format(type=kind, kind=device))
    (folder / "1" / "model.py").write_text(code)


def _ask(port: int, server: "subprocess.Popen[bytes]", log: Path) -> Figures:
    url = f"http://127.0.0.1:{port}/v2/models/caller"
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=2):  # noqa: S310
                break
        except OSError:
            time.sleep(0.2)
    else:
        raise Missing(f"Triton does not start: {log.read_text()[-500:]}")
    request = urllib.request.Request(f"{url}/generate", json.dumps({"x": ["ask"]}).encode())  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return {"caller_reads": json.loads(answer.read())["y"]}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])

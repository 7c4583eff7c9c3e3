"""`--gpu`: one clear sentence where there is none, and nothing started."""

import ctypes
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.errors import CannotStart
from ops.triton import gpu
from tests.export.fake_tensorrt import FakeDriver


def without_driver(name: str) -> None:
    raise OSError(f"{name}: cannot open shared object file")


def test_a_gpu_is_said_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", FakeDriver)
    monkeypatch.setattr(gpu, "_list_providers", lambda: ["CUDAExecutionProvider"])
    assert str(gpu.require_gpu(None)) == "NVIDIA H200 (sm_90, 141 GiB)"


def test_without_a_driver_nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ctypes, "CDLL", without_driver)
    state = {"TRITONE_STATE_DIRECTORY": str(tmp_path)}

    ended = CliRunner().invoke(app, ["up", "--gpu"], env=state)

    assert ended.exit_code == 1
    assert "there is no NVIDIA driver here (libcuda.so.1); without --gpu everything" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_without_a_gpu_the_drivers_error_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", FakeDriver)
    monkeypatch.setattr(FakeDriver, "cuInit", lambda *_: 100)
    with pytest.raises(CannotStart, match=r"no usable NVIDIA GPU here \(CUDA error 100\)"):
        gpu.require_gpu(None)


def test_an_onnx_runtime_for_cpus_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", FakeDriver)
    with pytest.raises(CannotStart, match=r"pip install 'tritone\[gpu\]'"):
        gpu.require_gpu(None)


def test_another_triton_decides_for_itself() -> None:
    with pytest.raises(CannotStart, match="the Triton at host:8001 decides for itself"):
        gpu.require_gpu("host:8001")

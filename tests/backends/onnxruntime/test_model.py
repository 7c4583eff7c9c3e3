"""The stand-in for ONNX Runtime's backend, over a stand-in for Triton's module."""

import json
from pathlib import Path

import pytest

from backends.onnxruntime import model
from tests.backends.fake_pb_utils import Logger
from tritone.placement import LARGE_BYTES


@pytest.mark.parametrize(
    ("n_bytes", "has_gpu", "warns"),
    [(LARGE_BYTES + 1, True, True), (LARGE_BYTES + 1, False, False), (1_000, True, False)],
)
def test_a_large_network_on_the_cpu_beside_a_gpu_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, n_bytes: int, has_gpu: bool, warns: bool
) -> None:
    (tmp_path / "1").mkdir()
    with (tmp_path / "1" / "model.onnx").open("wb") as file:
        file.truncate(n_bytes)  # takes no room
    monkeypatch.setattr(model, "open_configured_session", lambda *_: None)
    monkeypatch.setattr(model, "check_tensors", lambda *_: None)
    monkeypatch.setattr(model, "has_gpu", lambda: has_gpu)
    monkeypatch.setattr(Logger, "lines", [])
    config = {"name": "a_transformer", "output": [], "max_batch_size": 1}

    model.TritonPythonModel().initialize(
        {
            "model_config": json.dumps(config),
            "model_repository": str(tmp_path),
            "model_version": "1",
        }
    )

    assert [level for level, _ in Logger.lines] == ["warning"] * warns

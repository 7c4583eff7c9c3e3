"""A version whose networks are plans, on a real Triton; only TensorRT itself is a stand-in."""

import ctypes
import shutil
import sys
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from export import tensorrt_library
from export.engine import Engine, build_version
from export.profiles import EngineOptions
from export.published import find_source
from tests.acceptance.stack import running
from tests.acceptance.test_versions import Operations
from tests.acceptance.versions import traffic
from tests.export.fake_tensorrt import FakeDriver, FakeTensorRT

pytestmark = [pytest.mark.triton, pytest.mark.export, pytest.mark.drill]

STAND_IN = Path(__file__).parent / "tensorrt_stand_in" / "model.py"
RELEASE = "10.14.1"


@pytest.fixture(scope="module")
def published(repository: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("plans") / "models"
    shutil.copytree(repository, target)
    with pytest.MonkeyPatch.context() as patch:
        fake = FakeTensorRT(RELEASE)
        patch.setitem(sys.modules, "tensorrt", fake)
        patch.setattr(tensorrt_library, "read_served_release", lambda _: (10, 14, 1))
        patch.setattr(ctypes, "CDLL", FakeDriver)
        engine = Engine.open(Path("/"))
        source = find_source(target, model, None)
        build_version(source, engine, EngineOptions(max_batch=2), lambda _stage: None)
    return target


@pytest.fixture(scope="module")
def operations(
    published: Path, model: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operations]:
    folder = tmp_path_factory.mktemp("plans_stack")
    variables = {"TRITONE_JOBS__EMBEDDED": "false", "TRITONE_TRITON__REFRESH_S": "0.3"}
    with running(published, folder, "--quiet", **variables) as stack:
        assert stack.address  # from here on its backends are there
        (backends,) = (folder / "run").glob("*/backends")
        (backends / "tensorrt").mkdir()
        shutil.copy(STAND_IN, backends / "tensorrt" / "model.py")
        yield Operations(stack, folder / "run", model)


def sound(operations: Operations) -> tuple[str, NDArray[np.int16]]:
    """Return the version that made a sound, and its samples."""
    body = {"input": "rain on a roof", "audio_length": 2.0, "seed": 42}
    answer = httpx2.post(
        f"http://{operations.stack.address}/v1/audio/generate", json=body, timeout=60
    )
    answer.raise_for_status()
    with wave.open(BytesIO(answer.content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return answer.headers["x-tritone-model-version"], samples


def test_plans_are_promoted_and_rolled_back_under_traffic(operations: Operations) -> None:
    version, of_onnx = sound(operations)
    assert version == "1"

    with traffic(operations.stack.address) as seen:
        assert operations.do("promote", "2") == {1: "previous", 2: "serving"}
        version, of_plans = sound(operations)
        assert version == "2"
        assert operations.do("rollback") == {1: "serving", 2: "previous"}
        version, again = sound(operations)
        assert version == "1"

    assert not seen.failures
    assert np.abs(of_plans.astype(int) - of_onnx).max() <= 1  # the same networks
    assert np.array_equal(again, of_onnx)


def test_what_runs_where_is_shown(operations: Operations) -> None:
    code, out, err = operations.run("show", operations.model, "2")
    assert code == 0, err
    assert out.count(f"TensorRT {RELEASE} on NVIDIA H200 (sm_90)") == 3

"""Plans on disk: which may be served here."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from export.plans import PlanMismatch, PlanRecord, check_plan
from tritone.gpu import Gpu

H200 = Gpu(name="NVIDIA H200", architecture="sm_90", multiprocessors=132, n_bytes=141 << 30)
RECORD = PlanRecord(
    tensorrt="10.14.1",
    gpu="NVIDIA H200",
    architecture="sm_90",
    multiprocessors=132,
    mig=None,
    network_sha256="0" * 64,
    plan_sha256=hashlib.sha256(b"a plan").hexdigest(),
    profile={"latents": [[1, 8, 25], [4, 8, 125], [8, 8, 250]]},
    error=1e-5,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.plan").write_bytes(b"a plan")
    RECORD.write(tmp_path / "plan.json")
    return tmp_path


def check(folder: Path, tensorrt: str = "10.14.1", device: Gpu = H200) -> PlanRecord:
    return check_plan(folder, tensorrt=tensorrt, device=device)


def test_a_plan_of_this_machine_may_be_served(folder: Path) -> None:
    assert check(folder) == RECORD


def test_a_plan_of_another_tensorrt_is_refused(folder: Path) -> None:
    with pytest.raises(PlanMismatch, match=r"TensorRT was 10.14.1, here it is 11.4.0"):
        check(folder, tensorrt="11.4.0")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (replace(H200, architecture="sm_80"), "architecture was sm_90, here it is sm_80"),
        (replace(H200, name="NVIDIA H100"), "the GPU was NVIDIA H200, here it is NVIDIA H100"),
        (replace(H200, name="NVIDIA H200 MIG 1g.18gb"), "here it is NVIDIA H200 MIG 1g.18gb"),
        (replace(H200, multiprocessors=114), "multiprocessors was 132, here it is 114"),
    ],
)
def test_a_plan_for_another_gpu_is_refused(folder: Path, device: Gpu, message: str) -> None:
    with pytest.raises(PlanMismatch, match=message):
        check(folder, device=device)


def test_a_changed_or_missing_plan_is_refused(folder: Path) -> None:
    (folder / "model.plan").write_text("something else")
    with pytest.raises(PlanMismatch, match=r"model\.plan was"):
        check(folder)
    (folder / "model.plan").unlink()
    with pytest.raises(PlanMismatch, match="here it is no file"):
        check(folder)


@pytest.mark.parametrize("text", [None, "{", "{}", '{"tensorrt": 1}'])
def test_a_missing_or_broken_record_is_refused(folder: Path, text: str | None) -> None:
    record = folder / "plan.json"
    record.unlink()
    if text is not None:
        record.write_text(text)

    with pytest.raises(PlanMismatch, match="build"):
        check(folder)

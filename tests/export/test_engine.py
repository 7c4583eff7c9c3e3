"""TensorRT plans, with a stand-in for the library and for the driver."""

import ctypes
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from export.configs import ServingOptions, config_texts, model_name
from export.engine import app
from export.plans import PlanMismatch, PlanRecord, check_plan
from export.tensorrt_builder import NETWORKS, EngineOptions, make_profile
from tests.export.fake_tensorrt import FakeTensorRT
from tritone.card import ModelCard

VERSION, ARCHITECTURE = "10.14.1", "sm_90"


class FakeDriver:
    """libcuda.so.1 of a machine with one H200."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cuInit(self, flags: int) -> int:
        return flags

    def cuDeviceGetAttribute(self, value: object, attribute: int, device: int) -> int:
        value._obj.value = {75: 9, 76: 0}[attribute]  # type: ignore[attr-defined]
        return device


@pytest.fixture
def repository(tmp_path: Path, card: ModelCard) -> Path:
    for component, text in config_texts(card, ServingOptions()).items():
        folder = tmp_path / model_name(card, component)
        for version in ("1", "2"):
            (folder / version).mkdir(parents=True)
            (folder / version / "model.onnx").write_text(f"{component} {version}")
        (folder / "config.pbtxt").write_text(text)
    return tmp_path


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    return install(monkeypatch, FakeTensorRT(VERSION))


def install(monkeypatch: pytest.MonkeyPatch, fake: FakeTensorRT) -> FakeTensorRT:
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    monkeypatch.setattr(ctypes, "CDLL", FakeDriver)
    return fake


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def folder_of(repository: Path, component: str = "transformer", version: int = 2) -> Path:
    return repository / f"starter_{component}" / str(version)


@pytest.mark.usefixtures("tensorrt")
def test_the_newest_version_of_every_network_gets_a_plan(repository: Path) -> None:
    result = run("build", repository, "starter")

    assert result.exit_code == 0, result.stderr
    for component in NETWORKS:
        folder = folder_of(repository, component)
        assert (folder / "model.plan").read_bytes() == b"plan of network"
        record = json.loads((folder / "plan.json").read_text())
        assert (record["tensorrt"], record["architecture"]) == (VERSION, ARCHITECTURE)
        assert not (folder_of(repository, component, 1) / "model.plan").exists()


def test_one_network_of_one_version_can_be_asked_for(
    repository: Path, tensorrt: FakeTensorRT
) -> None:
    result = run("build", repository, "starter", "--component", "vae_decoder", "--version", "1")

    assert result.exit_code == 0
    assert tensorrt.told["parsed"] == folder_of(repository, "vae_decoder", 1) / "model.onnx"
    assert not (folder_of(repository, "transformer", 1) / "model.plan").exists()


def test_profiles_span_from_the_shortest_sound_to_the_whole_window(card: ModelCard) -> None:
    profile = make_profile(card, "transformer", EngineOptions(usual_batch=2, max_batch=6))

    assert set(profile) == {spec.name for spec in NETWORKS["transformer"](card).inputs}
    assert profile["latents"] == ((1, 8, 25), (2, 8, 125), (6, 8, 250))
    assert profile["sigma"] == ((1, 1), (2, 1), (6, 1))
    assert profile["conditioning"] == ((1, 34, 64), (2, 34, 64), (6, 34, 64))


def test_a_decoder_may_be_asked_for_a_single_frame(card: ModelCard) -> None:
    assert make_profile(card, "vae_decoder", EngineOptions())["latents"][0] == (1, 8, 1)


def test_the_builder_is_told_everything_explicitly(
    repository: Path, tensorrt: FakeTensorRT, tmp_path: Path
) -> None:
    cache = tmp_path / "timing.cache"
    cache.write_bytes(b"known")

    run("build", repository, "starter", "--workspace-gib", "2", "--timing-cache", cache)

    told = tensorrt.told
    assert told["pool"] == ("workspace", 2 * 2**30)
    assert set(told["shapes"]) >= {"latents"}
    assert told["known_timings"] in {b"known", b"timings"}
    assert told["ignores_mismatch"] is False
    assert cache.read_bytes() == b"timings"


@pytest.mark.parametrize(("version", "flags"), [("10.12.0", 2), ("10.14.1", 2), ("11.4.0", 0)])
def test_networks_are_strongly_typed_in_every_release(
    repository: Path, monkeypatch: pytest.MonkeyPatch, version: str, flags: int
) -> None:
    fake = install(monkeypatch, FakeTensorRT(version))

    assert run("build", repository, "starter").exit_code == 0
    assert fake.told["flags"] == flags


def test_an_old_tensorrt_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeTensorRT("10.9.0"))

    result = run("build", repository, "starter")

    assert result.exit_code == 1
    assert "TensorRT 10.9.0 is older than 10.12" in result.stderr


def test_without_tensorrt_the_place_to_run_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", FakeDriver)
    monkeypatch.setitem(sys.modules, "tensorrt", None)

    result = run("build", repository, "starter")

    assert result.exit_code == 1
    assert "run this inside the container image that serves" in result.stderr


def test_without_a_gpu_it_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeTensorRT(VERSION))
    monkeypatch.setattr(FakeDriver, "cuInit", lambda self, flags: 100)

    result = run("build", repository, "starter")

    assert result.exit_code == 1
    assert "no usable NVIDIA GPU here (CUDA error 100)" in result.stderr


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (FakeTensorRT(VERSION, parses=False), "cannot read"),
        (FakeTensorRT(VERSION, builds=False), "cannot build"),
    ],
)
def test_a_failed_build_leaves_no_plan(
    repository: Path, monkeypatch: pytest.MonkeyPatch, fake: FakeTensorRT, message: str
) -> None:
    install(monkeypatch, fake)

    result = run("build", repository, "starter")

    assert result.exit_code == 1
    assert message in result.stderr
    assert [path.name for path in folder_of(repository).iterdir()] == ["model.onnx"]


@pytest.mark.usefixtures("tensorrt")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent",), "there is no model absent of ours"),
        (("starter", "--version", "7"), "there is no starter_text_encoder version 7"),
    ],
)
def test_what_is_not_published_cannot_be_built(
    repository: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run("build", repository, *arguments)

    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.usefixtures("tensorrt")
def test_a_plan_that_fits_passes_the_check(repository: Path) -> None:
    run("build", repository, "starter")

    result = run("check", repository, "starter")

    assert result.exit_code == 0
    assert f"fits TensorRT {VERSION} on {ARCHITECTURE}" in result.stdout


@pytest.fixture
def built(repository: Path, tensorrt: FakeTensorRT) -> Path:
    run("build", repository, "starter")
    return folder_of(repository)


def check(folder: Path, tensorrt_version: str = VERSION, architecture: str = ARCHITECTURE) -> None:
    check_plan(folder, tensorrt_version=tensorrt_version, architecture=architecture)


def test_a_plan_of_another_tensorrt_is_refused(built: Path) -> None:
    with pytest.raises(PlanMismatch, match=r"TensorRT was 10.14.1, here it is 11.4.0"):
        check(built, tensorrt_version="11.4.0")


def test_a_plan_for_another_gpu_is_refused(built: Path) -> None:
    with pytest.raises(PlanMismatch, match="architecture was sm_90, here it is sm_80"):
        check(built, architecture="sm_80")


@pytest.mark.parametrize("file", ["model.onnx", "model.plan"])
def test_a_plan_of_other_files_is_refused(built: Path, file: str) -> None:
    (built / file).write_text("something else")

    with pytest.raises(PlanMismatch, match=file):
        check(built)


def test_a_missing_plan_is_refused(built: Path) -> None:
    (built / "model.plan").unlink()

    with pytest.raises(PlanMismatch, match="here it is no file"):
        check(built)


@pytest.mark.parametrize("text", [None, "{", "{}", '{"tensorrt": 1}'])
def test_a_missing_or_broken_record_is_refused(built: Path, text: str | None) -> None:
    record = built / "plan.json"
    record.unlink()
    if text is not None:
        record.write_text(text)

    with pytest.raises(PlanMismatch, match="build"):
        check(built)


def test_a_record_survives_its_file(built: Path) -> None:
    record = PlanRecord.read(built / "plan.json")

    record.write(built / "copy.json")

    assert PlanRecord.read(built / "copy.json") == record

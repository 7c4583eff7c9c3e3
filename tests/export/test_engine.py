"""Plans as versions, with a stand-in for TensorRT and for the driver."""

import ctypes
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig
from typer.testing import CliRunner, Result

from export import tensorrt_library
from export.engine_cli import app
from export.profiles import NETWORKS, EngineOptions, make_profile
from tests.export.fake_tensorrt import RELEASES, Arrays, FakeDriver, FakeTensorRT
from tests.export.small_networks import fingerprint_anew, publish
from tritone.card import ModelCard
from tritone.tensors import DENOISED, PCM

RELEASE = "10.14.1"
PLANS = ("starter_text_encoder_plan", "starter_transformer_plan", "starter_vae_decoder_plan")


@pytest.fixture
def repository(tmp_path: Path, card: ModelCard) -> Path:
    return publish(tmp_path / "models", card)


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    return install(monkeypatch, FakeTensorRT(RELEASE))


def install(monkeypatch: pytest.MonkeyPatch, fake: FakeTensorRT) -> FakeTensorRT:
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    release = tensorrt_library.parse_release(fake.__version__)
    monkeypatch.setattr(tensorrt_library, "read_served_release", lambda _: release)
    monkeypatch.setattr(ctypes, "CDLL", FakeDriver)
    return fake


def run(repository: Path, *arguments: str | Path) -> Result:
    words = [str(repository), "starter", *map(str, arguments)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"})


def snapshot(repository: Path) -> dict[str, bytes]:
    return {
        path.relative_to(repository).as_posix(): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file()
    }


def manifest(repository: Path, version: int = 2) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (repository / "starter" / str(version) / "manifest.json").read_text()
    )
    return found


def config(repository: Path, model: str) -> ModelConfig:
    return text_format.Parse((repository / model / "config.pbtxt").read_text(), ModelConfig())


@pytest.mark.usefixtures("tensorrt")
def test_plans_are_a_new_version_and_the_old_one_is_untouched(repository: Path) -> None:
    before = snapshot(repository)

    result = run(repository)

    assert result.exit_code == 0, result.stderr
    assert "tritone models promote starter 2" in result.stdout
    after = snapshot(repository)
    assert {path: after[path] for path in before} == before
    new = {path for path in after if path not in before}
    assert new >= {f"{model}/2/model.plan" for model in PLANS}
    assert new >= {"starter/2/manifest.json", "starter_tokenizer/2/tokenizer.json"}
    assert not {path for path in new if path.endswith("model.onnx")}
    assert after["starter_denoiser/2/transformer"] == b"starter_transformer_plan"
    assert [path for path in repository.parent.iterdir() if path != repository] == []


@pytest.mark.usefixtures("tensorrt")
def test_the_border_of_a_plan_is_what_triton_is_told(repository: Path) -> None:
    run(repository)

    decoder = config(repository, "starter_vae_decoder_plan")
    assert decoder.platform == "tensorrt_plan"
    assert decoder.output[0].data_type == 8  # TYPE_INT32
    assert list(decoder.version_policy.specific.versions) == [2]
    assert config(repository, "starter_vae_decoder").output[0].data_type == 7  # TYPE_INT16


@pytest.mark.usefixtures("tensorrt")
def test_a_version_says_what_it_was_built_with_and_for(repository: Path) -> None:
    run(repository)

    fields = manifest(repository)
    assert fields["built_from"] == 1
    record = fields["plans"]["transformer"]
    assert (record["tensorrt"], record["gpu"]) == (RELEASE, "NVIDIA H200")
    assert (record["architecture"], record["multiprocessors"]) == ("sm_90", 132)
    assert record["mig"] is None
    assert record["profile"]["latents"] == [[1, 8, 25], [4, 8, 125], [8, 8, 250]]
    assert fields["artifacts"].keys() == fields["sizes"].keys()
    assert "starter_transformer_plan/2/model.plan" in fields["artifacts"]
    assert fields["fingerprint"] == manifest(repository, 1)["fingerprint"]


@pytest.mark.usefixtures("tensorrt")
def test_the_part_of_a_gpu_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDriver, "GPU", "NVIDIA H200 MIG 1g.18gb")
    run(repository)
    assert manifest(repository)["plans"]["transformer"]["mig"] == "1g.18gb"


@pytest.mark.usefixtures("tensorrt")
@pytest.mark.parametrize(("capability", "exit_code"), [((7, 5), 1), ((8, 0), 0), ((12, 0), 0)])
def test_bf16_is_for_gpus_that_compute_in_it(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capability: tuple[int, int],
    exit_code: int,
) -> None:
    monkeypatch.setattr(FakeDriver, "CAPABILITY", capability)
    path = repository / "starter" / "1" / "manifest.json"
    path.write_text(json.dumps({**manifest(repository, 1), "precision": "bf16"}))

    result = run(repository)

    assert result.exit_code == exit_code, result.stderr
    if exit_code:
        assert "(sm_75) does not compute in bf16" in result.stderr
        assert "--precision fp16" in result.stderr
    else:
        assert manifest(repository)["precision"] == "bf16"


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_builds(
    repository: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    fake = install(monkeypatch, FakeTensorRT(release))

    result = run(repository, "--workspace-gib", "2")

    assert result.exit_code == 0, result.stderr
    assert fake.told["pool"] == (fake.MemoryPoolType.WORKSPACE, 2 * 2**30)
    assert fake.told["cleared"] == fake.BuilderFlag.TF32
    assert fake.told["flags"] == (0 if release.startswith("11") else 2)  # strongly typed


def louder(answers: Arrays) -> Arrays:
    return {name: array * 2 if name == DENOISED else array for name, array in answers.items()}


def not_finite(answers: Arrays) -> Arrays:
    return {
        n: array * np.float32("nan") if n == DENOISED else array for n, array in answers.items()
    }


def always_the_same(answers: Arrays) -> Arrays:
    return {n: np.full_like(array, 9) if n == PCM else array for n, array in answers.items()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (louder, "transformer's plan is 1.0e[+]00 off its ONNX file"),
        (not_finite, "transformer's plan gives numbers that are not finite"),
        (always_the_same, "vae_decoder's plan is"),
    ],
)
def test_a_plan_that_is_not_its_network_is_not_published(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: Callable[[Arrays], Arrays],
    message: str,
) -> None:
    install(monkeypatch, FakeTensorRT(RELEASE, changes=changes))
    before = snapshot(repository)

    result = run(repository)

    assert result.exit_code == 1
    assert re.search(message, result.stderr), result.stderr
    assert snapshot(repository) == before


@pytest.mark.usefixtures("tensorrt")
def test_one_sound_for_two_prompts_is_not_published(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.engine.compare_networks", lambda *_: 0.0)
    fake = sys.modules["tensorrt"]
    fake.behaviour.changes = always_the_same

    result = run(repository)

    assert result.exit_code == 1
    assert "two prompts give one sound" in result.stderr


@pytest.mark.usefixtures("tensorrt")
def test_a_network_that_tensorrt_does_not_take_stays_an_onnx_file(
    repository: Path, card: ModelCard
) -> None:
    path = repository / "starter_text_encoder" / "1" / "model.onnx"
    model = onnx.load(str(path))
    sine = next(node for node in model.graph.node if node.op_type == "Sin")
    compress = onnx.helper.make_node("Compress", ["a_sine", "rows"], sine.output[:], axis=1)
    sine.output[0] = "a_sine"
    model.graph.node.insert(3, compress)
    rows = onnx.numpy_helper.from_array(np.array([True, True]), "rows")
    model.graph.initializer.append(rows)
    onnx.save(model, str(path))
    fingerprint_anew(repository, card)

    result = run(repository)

    assert result.exit_code == 0, result.stderr
    assert "text_encoder: stays an ONNX file; TensorRT lacks 1 Compress" in result.stdout
    assert (repository / "starter_text_encoder" / "2" / "model.onnx").is_file()
    assert not (repository / "starter_text_encoder_plan").exists()
    assert set(manifest(repository)["plans"]) == {"transformer", "vae_decoder"}


@pytest.mark.parametrize("release", ["10.14.1", "11.4.0"])
def test_what_tensorrt_said_is_kept(
    repository: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    install(monkeypatch, FakeTensorRT(release))
    monkeypatch.setattr("export.engine.read_for_tensorrt", lambda path: onnx.load(str(path)))
    monkeypatch.setattr("export.engine.lint", lambda *_: [])

    result = run(repository)

    assert result.exit_code == 1
    assert "TensorRT cannot read" in result.stderr
    (said,) = [line for line in result.stderr.splitlines() if line.startswith("details: ")]
    log = Path(said.removeprefix("details: "))
    assert log.read_text() == "Unsupported ONNX data type: INT16"
    log.unlink()


def test_a_network_that_cannot_be_built_publishes_nothing(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, FakeTensorRT(RELEASE, builds=False))
    before = snapshot(repository)

    result = run(repository)

    assert result.exit_code == 1
    assert "TensorRT cannot build the network" in result.stderr
    assert snapshot(repository) == before


def test_timings_are_kept_for_the_next_build(
    repository: Path, tensorrt: FakeTensorRT, tmp_path: Path
) -> None:
    cache = tmp_path / "timing.cache"
    cache.write_bytes(b"known")

    assert run(repository, "--timing-cache", cache).exit_code == 0

    assert tensorrt.told["known_timings"][0] == b"known"
    assert tensorrt.told["ignores_mismatch"] is False
    assert cache.read_bytes() == b"timings"


def test_timings_of_another_gpu_are_left_out_and_said(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, FakeTensorRT(RELEASE, keeps_timings=False))
    cache = tmp_path / "timing.cache"
    cache.write_bytes(b"of another GPU")

    result = run(repository, "--timing-cache", cache)

    assert result.exit_code == 0, result.stderr
    assert "the timing cache was of another GPU" in result.stdout
    assert cache.read_bytes() == b"timings"


def test_a_plan_does_not_depend_on_its_timings(
    repository: Path, tensorrt: FakeTensorRT, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "tests.export.fake_tensorrt.IBuilderConfig.get_timing_cache", lambda self: None
    )

    assert run(repository, "--timing-cache", tmp_path / "timing.cache").exit_code == 0


def test_profiles_span_from_the_shortest_sound_to_the_whole_window(card: ModelCard) -> None:
    profile = make_profile(card, "transformer", EngineOptions(usual_batch=2, max_batch=6))

    assert set(profile) == {spec.name for spec in NETWORKS["transformer"](card).inputs}
    assert profile["latents"] == ((1, 8, 25), (2, 8, 125), (6, 8, 250))
    assert profile["sigma"] == ((1, 1), (2, 1), (6, 1))
    assert profile["conditioning"] == ((1, 34, 64), (2, 34, 64), (6, 34, 64))


def test_a_decoder_may_be_asked_for_a_single_frame(card: ModelCard) -> None:
    assert make_profile(card, "vae_decoder", EngineOptions())["latents"][0] == (1, 8, 1)


@pytest.mark.usefixtures("tensorrt")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--version", "7"), "there is no version 7 of starter"),
        (("--check",), "there are no plans of starter"),
    ],
)
def test_what_is_not_published_cannot_be_built(
    repository: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run(repository, *arguments)

    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.usefixtures("tensorrt")
def test_plans_are_built_of_onnx_files_only(repository: Path) -> None:
    run(repository)

    refused, again = run(repository, "--version", "2"), run(repository)

    assert "version 2 of starter has no model.onnx of: text_encoder" in refused.stderr
    assert again.exit_code == 0
    assert manifest(repository, 3)["built_from"] == 1


def test_without_a_gpu_it_says_so(
    repository: Path, tensorrt: FakeTensorRT, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDriver, "cuInit", lambda self, flags: 100)

    result = run(repository)

    assert result.exit_code == 1
    assert "no usable NVIDIA GPU here (CUDA error 100)" in result.stderr


@pytest.mark.usefixtures("tensorrt")
def test_plans_that_fit_pass_the_check(repository: Path) -> None:
    run(repository)

    result = run(repository, "--check")

    assert result.exit_code == 0
    assert result.stdout.count(f"fits TensorRT {RELEASE} on NVIDIA H200") == 3


@pytest.mark.usefixtures("tensorrt")
def test_plans_of_another_release_fail_the_check(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(repository)
    install(monkeypatch, FakeTensorRT("11.4.0"))

    result = run(repository, "--check")

    assert result.exit_code == 1
    assert "TensorRT was 10.14.1, here it is 11.4.0" in result.stderr

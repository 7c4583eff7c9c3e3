"""Versions some of whose networks are TensorRT plans: promoted and rolled back like any."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from export.configs import ServingOptions, config_texts, model_name, plan_config_text
from ops.models.actions import Operator
from ops.models.errors import Refused
from ops.models.fleet import Fleet
from ops.models.fleet_store import FleetStore
from ops.models.overview import rows
from ops.models.removal import plan_removal
from ops.models.repository import Repository
from ops.triton.published import read_published
from tests.ops.models.test_actions import lineup, sounds
from tests.ops.models.triton import FakeTriton
from tritone.card import ModelCard, component_name
from tritone.plans import plan_of
from tritone.tensors import PCM

PLANS = ("transformer", "vae_decoder")
RECORD = {
    "tensorrt": "10.14.1",
    "gpu": "NVIDIA H200",
    "architecture": "sm_90",
    "multiprocessors": 132,
    "profile": {
        "latents": [[1, 8, 25], [4, 8, 125], [8, 8, 250]],
        "sigma": [[1, 1], [4, 1], [8, 1]],
    },
}


@pytest.fixture
def repository(tmp_path: Path, card: ModelCard) -> Path:
    """Versions 1, 3 and 4 of ONNX files, version 2 with two plans."""
    for component, text in config_texts(card, ServingOptions()).items():
        folder = tmp_path / model_name(card, component)
        for version in "1234":
            (folder / version).mkdir(parents=True)
        (folder / "config.pbtxt").write_text(text)
    for component in PLANS:
        folder = tmp_path / component_name("starter", plan_of(component))
        (folder / "2").mkdir(parents=True)
        (folder / "config.pbtxt").write_text(plan_config_text(card, component, 8, 2))
    (tmp_path / "starter_denoiser" / "2" / "transformer").write_text("starter_transformer_plan")
    for version in "1234":
        plans = dict.fromkeys(PLANS, RECORD) if version == "2" else {}
        fields = {"plans": plans, "precision": "fp16"}
        (tmp_path / "starter" / version / "manifest.json").write_text(json.dumps(fields))
    return tmp_path


@pytest.fixture
def triton(card: ModelCard, repository: Path) -> FakeTriton:
    return make_triton(card, repository)


def make_triton(card: ModelCard, repository: Path) -> FakeTriton:
    triton = FakeTriton(card, on_disk={1, 2, 3, 4})
    for component in PLANS:
        name = component_name("starter", plan_of(component))
        text = (repository / name / "config.pbtxt").read_text()
        triton.beside[name] = text_format.Parse(text, ModelConfig())
    return triton


@pytest.fixture
def operator(triton: FakeTriton, repository: Path) -> Operator:
    return make_operator(triton, repository)


def make_operator(triton: FakeTriton, repository: Path) -> Operator:
    return Operator(
        control=triton.control,
        repository=Repository(repository),
        timeout_s=1.0,
        look_s=0.0,
        needs_fingerprint=False,
    )


def steps(config: ModelConfig) -> dict[str, int]:
    return {step.model_name: step.model_version for step in config.ensemble_scheduling.step}


def pcm_type(config: ModelConfig) -> str:
    (output,) = (each for each in config.output if each.name == PCM)
    return str(DataType.Name(output.data_type))


async def test_a_version_with_plans_is_promoted_and_rolled_back(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = [
        sound.astype(np.int32) if not isinstance(sound, str) else sound for sound in sounds()
    ]

    served, _ = await operator.promote("starter", 2)

    assert served.version == 2
    assert steps(triton.configs["starter"]) == {
        "starter_tokenizer": 2,
        "starter_text_encoder": 2,
        "starter_denoiser": 2,
        "starter_vae_decoder_plan": 2,
    }
    assert pcm_type(triton.configs["starter"]) == "TYPE_INT32"
    assert lineup(triton).plans == {2: PLANS}
    assert triton.loaded["starter_transformer_plan"] == {2}
    assert triton.loaded["starter_vae_decoder"] == {1}
    assert triton.loaded["starter_text_encoder"] == {1, 2}

    await operator.rollback("starter")

    assert "starter_vae_decoder" in steps(triton.configs["starter"])
    assert pcm_type(triton.configs["starter"]) == "TYPE_INT16"
    assert triton.loaded["starter_vae_decoder_plan"] == {2}  # to roll back to


async def test_plans_are_loaded_before_the_ensemble_that_needs_them(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)
    order = [name for name, _ in triton.loads]
    assert order.index("starter_transformer_plan") < order.index("starter@2")


async def test_a_restart_serves_the_plans(
    triton: FakeTriton, operator: Operator, repository: Path
) -> None:
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)

    written = (repository / "starter" / "config.pbtxt").read_text()
    assert steps(text_format.Parse(written, ModelConfig())) == steps(triton.configs["starter"])
    assert pcm_type(text_format.Parse(written, ModelConfig())) == "TYPE_INT32"
    (model,) = read_published([repository]).models
    assert model.callees == ("starter_transformer_plan",)
    assert "starter_vae_decoder_plan" in model.components


async def test_plans_that_nobody_needs_are_unloaded(triton: FakeTriton, operator: Operator) -> None:
    for version in (2, 3, 4):
        triton.sounds[f"starter@{version}"] = sounds()
        await operator.promote("starter", version)
    assert "starter_transformer_plan" not in triton.loaded
    assert "starter_vae_decoder_plan" not in triton.loaded
    assert triton.loaded["starter_vae_decoder"] == {3, 4}
    assert lineup(triton).plans == {}


async def test_plans_that_are_no_good_are_unloaded_again(
    triton: FakeTriton, operator: Operator
) -> None:
    triton.sounds["starter@2"] = ["the plan is of another GPU"]
    with pytest.raises(Refused, match="another GPU"):
        await operator.promote("starter", 2)
    assert "starter_vae_decoder_plan" not in triton.loaded
    assert triton.pinned() == {1}


async def test_a_triton_follows_to_a_version_with_plans_without_its_manifest(
    card: ModelCard, repository: Path, tmp_path: Path
) -> None:
    tritons = [make_triton(card, repository) for _ in range(2)]
    fleet = Fleet(
        operators={"a:8001": make_operator(tritons[0], repository)},
        store=FleetStore(str(tmp_path / "fleet.json")),
        look_s=0.0,
    )
    for triton in tritons:
        triton.sounds["starter@2"] = sounds()
    await fleet.promote("starter", 2)
    without = replace(make_operator(tritons[1], repository), repository=None)
    await replace(fleet, operators={"b:8001": without}).follow()
    assert steps(tritons[1].configs["starter"]) == steps(tritons[0].configs["starter"])
    assert tritons[1].loaded["starter_transformer_plan"] == {2}


async def test_showing_a_version_says_what_its_networks_run_on(
    triton: FakeTriton, operator: Operator, repository: Path
) -> None:
    text_encoder = triton.configs["starter_text_encoder"]
    text_encoder.instance_group.add(kind="KIND_GPU")
    text_encoder.runtime = "libtriton_onnxruntime.so"
    triton.sounds["starter@2"] = sounds()
    await operator.promote("starter", 2)

    first, second, *_ = await rows(triton.control, [Repository(repository)], "starter")

    assert second.networks == {
        "text_encoder": "ONNX Runtime on the GPU",
        "transformer": "TensorRT 10.14.1 on NVIDIA H200 (sm_90), latents 1x8x25 to 8x8x250",
        "vae_decoder": "TensorRT 10.14.1 on NVIDIA H200 (sm_90), latents 1x8x25 to 8x8x250",
    }
    assert second.precision == "fp16"
    assert first.networks is not None
    assert first.networks["vae_decoder"] == "ONNX Runtime on the CPU"  # our stand-in


async def test_a_transformer_in_the_denoisers_process_is_said_to_be_on_the_cpu(
    triton: FakeTriton, repository: Path
) -> None:
    triton.loaded["starter_transformer"] = set()
    first, *_ = await rows(triton.control, [Repository(repository)], "starter")
    assert first.networks is not None
    assert first.networks["transformer"] == "ONNX Runtime on the CPU, in the denoiser's process"


async def test_a_removed_version_takes_its_plans_away(triton: FakeTriton, repository: Path) -> None:
    removal = await plan_removal(triton.control, Repository(repository), "starter", 2)
    assert repository / "starter_vae_decoder_plan" / "2" in removal.folders
    whole = await plan_removal(triton.control, Repository(repository), "starter", None)
    assert repository / "starter_transformer_plan" in whole.folders


async def test_our_own_backends_may_compute_on_the_gpu(
    triton: FakeTriton, repository: Path
) -> None:
    triton.loaded["starter_transformer"] = set()
    first, *_ = await rows(triton.control, [Repository(repository)], "starter", "cuda")
    assert first.networks == {
        "text_encoder": "ONNX Runtime on the GPU",
        "transformer": "ONNX Runtime on the GPU, in the denoiser's process",
        "vae_decoder": "ONNX Runtime on the GPU",
    }

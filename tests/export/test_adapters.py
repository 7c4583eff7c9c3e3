"""LoRA adapters, fused into a transformer that stands for any."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel
from safetensors.torch import save_file

from export.adapters import CONFIG_FILE, fuse_adapter
from export.errors import InvalidCheckpoint

pytestmark = pytest.mark.export

LAYER = "layers.0.self_attn.to_q"
RANK = 2


@pytest.fixture
def pipeline() -> Any:  # noqa: ANN401
    torch.manual_seed(0)
    transformer = AceStepTransformer1DModel(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=4,
        in_channels=12,
        audio_acoustic_hidden_dim=4,
    )
    loader = AceStepPipeline.lora_state_dict
    return SimpleNamespace(transformer=transformer, lora_state_dict=loader)


def factors(prefix: str = f"transformer.{LAYER}", width: int = 16) -> dict[str, torch.Tensor]:
    return {
        f"{prefix}.lora_A.weight": torch.randn(RANK, width),
        f"{prefix}.lora_B.weight": torch.randn(8, RANK),
    }


def written(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    save_file(tensors, folder / "jazz.safetensors")
    return folder / "jazz.safetensors"


@pytest.mark.parametrize(("alpha", "scale"), [(None, 1.0), (4 * RANK, 4.0)])
def test_a_layer_gets_the_product_of_its_factors(
    pipeline: Any,  # noqa: ANN401
    tmp_path: Path,
    alpha: float | None,
    scale: float,
) -> None:
    made = factors()
    down, up = made.values()
    before = pipeline.transformer.get_submodule(LAYER).weight.clone()
    others = pipeline.transformer.layers[0].self_attn.to_k.weight.clone()
    if alpha is not None:
        (tmp_path / CONFIG_FILE).write_text(json.dumps({"lora_alpha": alpha}))

    fuse_adapter(pipeline, written(tmp_path, made))

    after = pipeline.transformer.get_submodule(LAYER).weight
    torch.testing.assert_close(after, before + scale * up @ down)
    assert torch.equal(pipeline.transformer.layers[0].self_attn.to_k.weight, others)


def test_names_of_the_authors_own_trainer_are_understood(
    pipeline: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    before = pipeline.transformer.get_submodule(LAYER).weight.clone()
    made = factors("base_model.model.layers.0.self_attn.q_proj")

    fuse_adapter(pipeline, written(tmp_path, made))

    assert not torch.equal(pipeline.transformer.get_submodule(LAYER).weight, before)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        pytest.param(factors("transformer.layers.7.mlp.up_proj"), "does not have", id="layer"),
        pytest.param(factors(width=8), "of another size", id="size"),
        pytest.param({"transformer.x.lora_A.weight": torch.ones(1)}, "pairs", id="half"),
        pytest.param({"weight": torch.ones(1)}, "something else", id="no-adapter"),
    ],
)
def test_what_is_no_adapter_of_the_transformer_is_refused(
    pipeline: Any,  # noqa: ANN401
    tmp_path: Path,
    tensors: dict[str, torch.Tensor],
    said: str,
) -> None:
    with pytest.raises(InvalidCheckpoint, match=said):
        fuse_adapter(pipeline, written(tmp_path, tensors))


def test_a_pipeline_without_adapters_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match="takes no adapters"):
        fuse_adapter(object(), written(tmp_path, factors()))

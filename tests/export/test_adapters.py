"""LoRA adapters, fused into a transformer that stands for any."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel
from safetensors.torch import save_file

from export.adapters import CONFIG_FILE, HEADER, fuse_adapter
from export.cards import Choices, make_card
from export.checkpoint import open_checkpoint
from export.comparing import relative_error
from export.errors import InvalidCheckpoint
from export.families import EXPORTERS
from export.loading import load
from export.references import ace_step
from export.tokenizers import write_tokenizer
from export.trials import Files, condition, denoise, make_trial
from tests import checkpoints
from tests.adapters import attach, write_adapter
from tests.export.comparing import run
from tritone.families import FAMILIES

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


def written(
    folder: Path, tensors: dict[str, torch.Tensor], header: dict[str, str] | None = None
) -> Path:
    save_file(tensors, folder / "jazz.safetensors", header)
    return folder / "jazz.safetensors"


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        pytest.param(None, 1.0, id="none"),
        pytest.param({"lora_alpha": 4 * RANK}, 4.0, id="alpha"),
        pytest.param({"lora_alpha": 4, "use_rslora": True}, 4 / RANK**0.5, id="rslora"),
        pytest.param({"lora_alpha": 4, "alpha_pattern": {"to_q": 6}}, 6 / RANK, id="pattern"),
    ],
)
@pytest.mark.parametrize("where", ["header", "beside"])
def test_a_layer_gets_the_product_of_its_factors(
    pipeline: Any,  # noqa: ANN401
    tmp_path: Path,
    config: dict[str, Any] | None,
    scale: float,
    where: str,
) -> None:
    made = factors()
    down, up = made.values()
    before = pipeline.transformer.get_submodule(LAYER).weight.clone()
    others = pipeline.transformer.layers[0].self_attn.to_k.weight.clone()
    header = None
    if config is not None and where == "header":
        header = {HEADER: json.dumps({f"transformer.{key}": each for key, each in config.items()})}
    elif config is not None:
        (tmp_path / CONFIG_FILE).write_text(json.dumps(config))

    fuse_adapter(pipeline, written(tmp_path, made, header))

    after = pipeline.transformer.get_submodule(LAYER).weight
    torch.testing.assert_close(after, before + scale * up @ down)
    assert torch.equal(pipeline.transformer.layers[0].self_attn.to_k.weight, others)


@pytest.mark.parametrize("pattern", ["q_proj", "^layers.0.self_attn.q_proj", "to_q"])
def test_names_of_the_authors_own_trainer_are_understood(
    pipeline: Any,  # noqa: ANN401
    tmp_path: Path,
    pattern: str,
) -> None:
    before = pipeline.transformer.get_submodule(LAYER).weight.clone()
    made = factors("base_model.model.layers.0.self_attn.q_proj")
    down, up = made.values()
    config = {"lora_alpha": 4, "alpha_pattern": {pattern: 6}}
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))

    fuse_adapter(pipeline, written(tmp_path, made))

    after = pipeline.transformer.get_submodule(LAYER).weight
    torch.testing.assert_close(after, before + 6 / RANK * up @ down)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        pytest.param(factors("transformer.layers.7.mlp.up_proj"), "does not have", id="layer"),
        pytest.param(factors(width=8), "of another size", id="size"),
        pytest.param({"transformer.x.lora_A.weight": torch.ones(1)}, "pairs", id="half"),
        pytest.param({"weight": torch.ones(1)}, "something else", id="no-adapter"),
        pytest.param({f"{LAYER}.dora_scale": torch.ones(1)}, "DoRA", id="dora"),
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


def test_a_scale_of_a_layer_that_is_not_adapted_is_refused(
    pipeline: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    (tmp_path / CONFIG_FILE).write_text(json.dumps({"alpha_pattern": {"q_proj": 8}}))
    with pytest.raises(InvalidCheckpoint, match="scales q_proj"):
        fuse_adapter(pipeline, written(tmp_path, factors()))


def test_a_fused_adapter_makes_the_latents_of_one_beside_the_weights(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(str(checkpoints.ace_step(tmp_path / "song")))
    fused, beside = load(checkpoint), load(checkpoint)
    adapter = write_adapter(fused, tmp_path)
    exporter = EXPORTERS["ace_step"]
    card = make_card("song", FAMILIES["ace_step"], exporter.facts(fused), Choices(seconds=1.0))
    trial = replace(make_trial(card), latent_frames=26, seconds=1.04)
    plain = ace_step(beside, card, trial)

    fuse_adapter(fused, adapter)
    attach(beside, adapter)

    adapted = ace_step(beside, card, trial)
    write_tokenizer(fused.tokenizer, card, tmp_path / "tokenizer.json")
    graphs = {
        "text_encoder": exporter.text_encoder(fused, card),
        "transformer": exporter.transformer(fused, card, "fp32"),
    }
    paths = {name: Path(name) for name in graphs} | {"tokenizer": tmp_path / "tokenizer.json"}
    files = Files(paths, open=lambda path: partial(run, graphs[path.name]))
    latents = denoise(files, card, trial, condition(files, card, trial))
    assert relative_error(latents, adapted.latents) < 1e-5
    assert relative_error(plain.latents, adapted.latents) > 1e-2


def test_a_pipeline_without_adapters_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match="takes no adapters"):
        fuse_adapter(object(), written(tmp_path, factors()))

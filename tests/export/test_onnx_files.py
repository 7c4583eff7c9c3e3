"""Clean ONNX files: dynamic where the card says so, the same every time, no host paths."""

import gc
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest
import torch
from diffusers import StableAudioPipeline
from onnxruntime import InferenceSession
from torch import Tensor, nn

from export import onnx_files
from export.comparing import relative_error
from export.errors import ExportError
from export.families import EXPORTERS
from export.graphs import Graph
from export.sessions import open_network
from export.verify import ask_pytorch, verify_component
from tests.export.exports import Exported
from tritone import tensors
from tritone.card import ModelCard

pytestmark = pytest.mark.export


class Halved(nn.Module):
    """The innocent chunk(2) over a doubled batch, at which torch.export freezes the batch."""

    def forward(self, latents: Tensor) -> Tensor:
        first, second = torch.cat([latents, latents * 2.0]).chunk(2)
        return (first + second).to(torch.int16)


class Mixed(nn.Module):
    """A small module with the decoder's border and a weight of a chosen size."""

    def __init__(self, channels: int, width: int = 1) -> None:
        super().__init__()
        self.mix = nn.Conv1d(channels, width, kernel_size=1, bias=False)
        nn.init.constant_(self.mix.weight, 1.0 / width)

    def forward(self, latents: Tensor) -> Tensor:
        mixed: Tensor = self.mix(latents)
        return mixed.sum(dim=1, keepdim=True).round().to(torch.int16)


class Wide(nn.Module):
    """A small module whose weight the exporter writes transposed, as a copy."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widen = nn.Linear(channels, width)

    def forward(self, latents: Tensor) -> Tensor:
        wide: Tensor = self.widen(latents.transpose(1, 2))
        return wide.sum(dim=2).unsqueeze(1).round().to(torch.int16)


class Unexportable(nn.Module):
    """A decision over data, which no graph can hold."""

    def forward(self, latents: Tensor) -> Tensor:
        print("torch says a lot")  # noqa: T201
        return latents if latents.sum() > 0 else -latents


def graph_of(module: nn.Module, card: ModelCard) -> Graph:
    return Graph(
        component="vae_decoder", io=tensors.vae_decoder(card), module=module, reference=module
    )


def test_a_frozen_batch_is_refused(card: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"dimension 0 of 'latents' froze at 3"):
        onnx_files.write_onnx(graph_of(Halved(), card), card, tmp_path / "model.onnx")


def test_a_missing_tensor_is_refused(card: ModelCard, tiny: Exported) -> None:
    with pytest.raises(ExportError, match=r"has no tensor 'latents'"):
        onnx_files.check_dynamic(tiny.artifact("text_encoder"), tensors.vae_decoder(card))


def test_what_torch_said_is_kept_for_the_error(
    card: ModelCard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExportError, match="torch could not export the vae_decoder") as caught:
        onnx_files.write_onnx(graph_of(Unexportable(), card), card, tmp_path / "model.onnx")

    assert "torch says a lot" in caught.value.detail
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("component", ["text_encoder", "transformer", "vae_decoder"])
def test_files_hold_neither_host_paths_nor_stale_shapes(tiny: Exported, component: str) -> None:
    path = tiny.artifact(component)
    model = onnx.load(path)

    assert not model.graph.value_info
    assert not any(node.metadata_props for node in model.graph.node)
    assert model.opset_import[0].version == onnx_files.OPSET
    assert b"site-packages" not in path.read_bytes()
    assert str(Path.home()).encode() not in path.read_bytes()


@pytest.mark.drill
def test_two_exports_are_the_same_to_the_byte(
    pipeline: StableAudioPipeline, tiny: Exported, tmp_path: Path
) -> None:
    decoder = EXPORTERS["stable_audio"].vae_decoder(pipeline, tiny.card)
    path = tmp_path / "model.onnx"

    onnx_files.write_onnx(decoder, tiny.card, path)

    assert path.read_bytes() == tiny.artifact("vae_decoder").read_bytes()


def test_weights_go_to_a_file_of_their_own_when_asked(card: ModelCard, tmp_path: Path) -> None:
    module, path = Mixed(card.latent_channels, width=4096), tmp_path / "model.onnx"
    weight_bytes = module.mix.weight.numel() * 4

    onnx_files.write_onnx(graph_of(module, card), card, path, external_data=True)

    assert path.stat().st_size < weight_bytes
    assert (tmp_path / "model.onnx.data").stat().st_size >= weight_bytes
    latents = np.ones((1, card.latent_channels, 2), np.float32)
    found = open_network(path)({tensors.LATENTS: latents})
    assert found[tensors.PCM].tolist() == [[[card.latent_channels] * 2]]


def test_no_copy_of_the_weights_outlives_an_export(card: ModelCard, tmp_path: Path) -> None:
    module = Wide(card.latent_channels, width=10_000)
    weight_bytes = module.widen.weight.nbytes

    onnx_files.write_onnx(graph_of(module, card), card, tmp_path / "model.onnx")

    gc.collect()
    kept = [each for each in gc.get_objects() if type(each) is onnx_ir.Tensor]
    assert not any(each.nbytes >= weight_bytes for each in kept)


def test_small_weights_stay_inside(card: ModelCard, tmp_path: Path) -> None:
    module = Mixed(card.latent_channels)

    onnx_files.write_onnx(graph_of(module, card), card, tmp_path / "model.onnx")

    assert os.listdir(tmp_path) == ["model.onnx"]


@pytest.mark.drill
def test_half_precision_keeps_its_border_in_float32(
    pipeline: StableAudioPipeline, tiny: Exported, tmp_path: Path
) -> None:
    card = replace(tiny.card, guidance=False)
    transformer = EXPORTERS["stable_audio"].transformer(pipeline, card, "fp16")
    path = tmp_path / "model.onnx"

    onnx_files.write_onnx(transformer, card, path)

    types = {value.type for value in InferenceSession(path).get_inputs()}
    assert types == {"tensor(float)"}
    assert path.stat().st_size < 0.7 * tiny.artifact("transformer").stat().st_size
    cases = ask_pytorch(transformer, card, max_batch=2)
    error = verify_component("transformer", cases, path, "fp16")
    assert 1e-5 < error < 1e-2  # it is half precision, and no worse


@pytest.mark.drill
def test_attention_can_be_one_operator_and_is_as_exact(
    pipeline: StableAudioPipeline, tiny: Exported, tmp_path: Path
) -> None:
    transformer = EXPORTERS["stable_audio"].transformer(pipeline, tiny.card, "fp32")
    path = tmp_path / "model.onnx"

    onnx_files.write_onnx(transformer, tiny.card, path, opset=onnx_files.FUSED_OPSET)

    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert "Attention" in operators
    assert "Softmax" not in operators
    cases = ask_pytorch(transformer, tiny.card, max_batch=2)
    assert verify_component("transformer", cases, path, "fp32") < 1e-5


def test_quantised_networks_are_small_and_close(tiny: Exported, tmp_path: Path) -> None:
    original, path = tiny.artifact("transformer"), tmp_path / "model.onnx"
    path.write_bytes(original.read_bytes())
    shapes = InferenceSession(original).get_inputs()
    random = np.random.default_rng(0)
    sizes = {"batch": 2, "guided": 1, "frames": 9}
    inputs = {
        value.name: random.standard_normal([sizes.get(d, d) for d in value.shape]).astype(
            np.float32
        )
        for value in shapes
    }

    onnx_files.quantize(path)

    assert os.listdir(tmp_path) == ["model.onnx"]
    assert path.stat().st_size < 0.5 * original.stat().st_size
    found, expected = (open_network(p)(inputs)[tensors.DENOISED] for p in (path, original))
    assert 1e-4 < relative_error(found, expected) < 0.2

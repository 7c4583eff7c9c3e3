"""Exports in bf16 as a whole: near to PyTorch, and what GPUs take."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from diffusers import StableAudio3Pipeline, StableAudioPipeline
from onnxruntime import InferenceSession

from backends.denoiser.device.step_graph import StepShape, make_step, read_network
from export import facts
from export.bf16 import read_for_cpu
from export.cards import Choices, make_card
from export.comparing import relative_error
from export.families import EXPORTERS
from export.graphs import Graph
from export.lint import lint
from export.onnx_files import choose_opset, finish, write_onnx
from export.probes import Probe
from export.sessions import open_network
from export.verify import ask_pytorch, verify_component
from tritone.card import ModelCard
from tritone.families import FAMILIES

pytestmark = [pytest.mark.export, pytest.mark.drill]


def write(graph: Graph, card: ModelCard, path: Path) -> None:
    write_onnx(graph, card, path, opset=choose_opset("bf16"))
    finish(path, graph.component, "bf16")


def check_serves_on_gpus(path: Path, card: ModelCard) -> None:
    """Check borders, and the graph of a step as a device would get it."""
    borders = {value.type for value in InferenceSession(*_for_cpu(path)).get_inputs()}
    assert borders <= {"tensor(float)", "tensor(int64)"}
    assert lint(onnx.load(path), "tensorrt") == []
    shape = StepShape(16, 2, is_guided=card.guidance)
    step = make_step(read_network(path), card, shape, 5, lacks_atan=True)
    assert lint(step, "onnxruntime_cuda") == []


def _for_cpu(path: Path) -> tuple[bytes]:
    return (read_for_cpu(path).SerializeToString(),)


def test_stable_audio_in_bf16_is_checked_and_serves_on_gpus(
    pipeline: StableAudioPipeline, tmp_path: Path
) -> None:
    found = facts.stable_audio(pipeline)
    card = make_card("tiny", FAMILIES["stable_audio"], found, Choices(frame_bucket=16))
    graph = EXPORTERS["stable_audio"].transformer(pipeline, card, "bf16")
    path = tmp_path / "model.onnx"

    write(graph, card, path)

    check_serves_on_gpus(path, card)
    cases = ask_pytorch(graph, card, max_batch=2)
    error = verify_component("transformer", cases, path, "bf16")
    assert 1e-3 < error < 8e-2
    # Rounding where PyTorch rounds, too: its own bf16 is nearer than the exact answer may be far.
    inputs = Probe(card, 2, 9, np.random.default_rng(0)).inputs(graph.io)
    with torch.no_grad():
        native = graph.module(*map(torch.from_numpy, inputs.values())).numpy()
    assert relative_error(open_network(path)(inputs)["denoised"], native) < 2e-2


@pytest.mark.drill
def test_stable_audio_3_in_bf16_is_checked_and_serves_on_gpus(
    pipeline_3: StableAudio3Pipeline, tmp_path: Path
) -> None:
    found = facts.stable_audio_3(pipeline_3)
    card = make_card("tiny3", FAMILIES["stable_audio_3"], found, Choices())
    graph = EXPORTERS["stable_audio_3"].transformer(pipeline_3, card, "bf16")
    path = tmp_path / "model.onnx"

    write(graph, card, path)

    check_serves_on_gpus(path, card)
    cases = ask_pytorch(graph, card, max_batch=2)
    assert 1e-3 < verify_component("transformer", cases, path, "bf16") < 8e-2


def test_neighbouring_noise_levels_stay_apart(pipeline: StableAudioPipeline) -> None:
    found = facts.stable_audio(pipeline)
    card = replace(
        make_card("tiny", FAMILIES["stable_audio"], found, Choices(frame_bucket=16)),
        guidance=False,
    )
    graph = EXPORTERS["stable_audio"].transformer(pipeline, card, "bf16")
    features = graph.module.get_submodule("time_features")
    near, next_to_it = (features(torch.tensor([time])) for time in (0.998, 0.9981))
    assert not torch.equal(near, next_to_it)  # as numbers of bf16 both times are 1

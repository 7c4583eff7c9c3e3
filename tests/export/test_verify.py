"""The gate: what is wrong is found, whatever is wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from diffusers import StableAudioPipeline
from onnx import numpy_helper

from export import verify
from export.comparing import relative_error
from export.errors import VerificationFailed
from export.families import EXPORTERS
from export.references import stable_audio
from export.trials import Files, Sounds, diffusers_card, make_trial
from tests.export.exports import MODELS, Exported
from tritone import tensors

pytestmark = pytest.mark.export


def spoil(source: Path, target: Path, value: float) -> Path:
    """Write a copy of a network, the largest weight of which has one wrong value."""
    model = onnx.load(source)
    weight = max(model.graph.initializer, key=lambda tensor: int(np.prod(tensor.dims)))
    array = numpy_helper.to_array(weight).copy()
    array.flat[array.size // 2] = value
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    onnx.save(model, target)
    return target


@pytest.fixture
def cases(pipeline: StableAudioPipeline, tiny: Exported) -> list[verify.Case]:
    """What PyTorch says about the transformer."""
    graph = EXPORTERS["stable_audio"].transformer(pipeline, tiny.card, "fp32")
    return verify.ask_pytorch(graph, tiny.card, max_batch=2)


def test_relative_error_is_the_ratio_of_norms() -> None:
    expected = np.array([3.0, 4.0], np.float32)

    assert relative_error(expected, expected) == 0.0
    assert relative_error(np.array([3.0, 4.5], np.float32), expected) == pytest.approx(0.1)


def test_samples_may_be_one_step_off_and_no_more() -> None:
    expected = np.array([30, 40, -50], np.int16)

    assert relative_error(expected + np.int16(1), expected) == 0.0
    assert relative_error(expected + np.int16(2), expected) > 0.01


def test_one_wrong_weight_is_found(
    tiny: Exported, cases: list[verify.Case], tmp_path: Path
) -> None:
    path = spoil(tiny.artifact("transformer"), tmp_path / "model.onnx", 3.0)

    with pytest.raises(
        VerificationFailed, match=r"transformer is \d\.\de[+-]\d+ off .*than the tolerance 0\.0001"
    ):
        verify.verify_component("transformer", cases, path, "fp32")


def test_numbers_that_are_not_finite_are_found(
    tiny: Exported, cases: list[verify.Case], tmp_path: Path
) -> None:
    path = spoil(tiny.artifact("transformer"), tmp_path / "model.onnx", float("nan"))

    with pytest.raises(VerificationFailed, match="not finite"):
        verify.verify_component("transformer", cases, path, "fp32")


def test_a_component_is_asked_about_one_row_and_about_many(cases: list[verify.Case]) -> None:
    shapes = [case.inputs[tensors.LATENTS].shape for case in cases]
    guided = [len(case.inputs[tensors.NEGATIVE_CONDITIONING]) for case in cases]

    assert shapes == [(1, 8, 128), (3, 8, 33), (2, 8, 7), (3, 8, 33), (3, 8, 33)]
    assert guided == [1, 3, 2, 1, 0]


@pytest.mark.parametrize("model", MODELS)
def test_the_served_path_is_that_of_diffusers(model: str, request: pytest.FixtureRequest) -> None:
    # 1e-5 is ten times what float32 costs here; the gate itself allows 1e-4.
    exported: Exported = request.getfixturevalue(model)
    measured = exported.published.measured
    assert max(measured.components.values()) < 1e-5
    assert measured.end_to_end.latents_error < 1e-5
    assert measured.end_to_end.pcm_error < 1e-5
    assert measured.end_to_end.two_prompt_difference > 0.01


def test_another_solver_changes_no_network(tiny: Exported, pipeline: StableAudioPipeline) -> None:
    ode = replace(tiny.card, schedule=replace(tiny.card.schedule, eta=0.0))
    card, trial = diffusers_card(ode), make_trial(ode)

    measured = verify.verify_end_to_end(
        Files(tiny.artifacts()), card, "fp32", trial, stable_audio(pipeline, card, trial)
    )

    assert measured.latents_error < 1e-5


def test_a_wrong_path_between_right_networks_is_found(
    tiny: Exported, pipeline: StableAudioPipeline
) -> None:
    card = diffusers_card(tiny.card)
    trial = make_trial(card)
    sounds = stable_audio(pipeline, card, trial)
    louder = Sounds(sounds.latents, sounds.waveforms * np.float32(1.01))

    with pytest.raises(VerificationFailed, match=r"whole pipeline \(samples\) is 9"):
        verify.verify_end_to_end(Files(tiny.artifacts()), card, "fp32", trial, louder)


def test_one_sound_for_two_prompts_is_found(tiny: Exported, pipeline: StableAudioPipeline) -> None:
    card = diffusers_card(tiny.card)
    trial = make_trial(card)
    rain = replace(trial, prompts=trial.prompts[:1] * 2, negative_prompts=("", ""))
    sounds = stable_audio(pipeline, card, rain)

    with pytest.raises(VerificationFailed, match="two prompts give one sound"):
        verify.verify_end_to_end(Files(tiny.artifacts()), card, "fp32", rain, sounds)


def test_another_noise_schedule_is_found(tiny: Exported, pipeline: StableAudioPipeline) -> None:
    card = replace(tiny.card, schedule=replace(tiny.card.schedule, sigma_max=400.0))

    with pytest.raises(VerificationFailed, match="noise levels"):
        stable_audio(pipeline, card, make_trial(card))

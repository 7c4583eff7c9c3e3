"""What a loaded pipeline says about itself, and which schedulers are refused."""

from pathlib import Path

import pytest
from diffusers import StableAudio3Pipeline, StableAudioPipeline

from export import facts
from export.checkpoint import open_checkpoint
from export.errors import InvalidCheckpoint
from export.loading import load
from tests import checkpoints
from tritone.card import ScheduleSettings

pytestmark = pytest.mark.export


def test_the_facts_of_stable_audio(pipeline: StableAudioPipeline) -> None:
    found = facts.stable_audio(pipeline)

    assert (found.sample_rate, found.audio_channels, found.samples_per_frame) == (16000, 2, 512)
    assert (found.latent_channels, found.max_frames) == (8, 128)
    assert (found.prompt_tokens, found.conditioning_tokens) == (32, 34)
    assert (found.conditioning_dim, found.global_dim) == (32, 64)
    assert (found.steps, found.guidance_scale) == (100, 7.0)
    assert not found.is_variable_length


def test_the_facts_of_a_distilled_stable_audio_3(tmp_path: Path) -> None:
    folder = checkpoints.stable_audio_3(tmp_path / "distilled", scheduler={"shift": 2.0})

    found = facts.stable_audio_3(load(open_checkpoint(str(folder))))

    assert (found.steps, found.guidance_scale) == (8, 1.0)
    assert found.schedule == ScheduleSettings(stochastic=True, shift=2.0)
    assert found.is_variable_length


def test_the_facts_of_a_base_stable_audio_3(pipeline_3: StableAudio3Pipeline) -> None:
    found = facts.stable_audio_3(pipeline_3)

    assert (found.sample_rate, found.audio_channels, found.samples_per_frame) == (16000, 2, 512)
    assert (found.latent_channels, found.max_frames) == (8, 125)  # 4 s, the longest duration
    assert (found.prompt_tokens, found.conditioning_tokens) == (32, 33)
    assert found.steps == 100
    assert found.guidance_scale > 1.0
    assert not found.schedule.stochastic


def test_the_schedule_is_read_from_the_scheduler(tmp_path: Path) -> None:
    levels = {"sigma_min": 0.2, "sigma_max": 80.0}
    folder = checkpoints.stable_audio(tmp_path / "narrow", scheduler=levels)

    found = facts.stable_audio(load(open_checkpoint(str(folder))))

    assert found.schedule == ScheduleSettings(sigma_min=0.2, sigma_max=80.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sigma_schedule", "karras"),
        ("solver_type", "heun"),
        ("solver_order", 1),
        ("prediction_type", "epsilon"),
        ("final_sigmas_type", "sigma_min"),
    ],
)
def test_a_solver_that_we_do_not_have_is_refused(tmp_path: Path, key: str, value: object) -> None:
    folder = checkpoints.stable_audio(tmp_path / "other", scheduler={key: value})

    with pytest.raises(InvalidCheckpoint, match=f"scheduler's {key} is {value!r}; supported is"):
        facts.stable_audio(load(open_checkpoint(str(folder))))


@pytest.mark.parametrize(
    ("key", "value"), [("use_karras_sigmas", True), ("use_dynamic_shifting", True)]
)
def test_a_flow_that_we_do_not_have_is_refused(tmp_path: Path, key: str, value: object) -> None:
    folder = checkpoints.stable_audio_3(tmp_path / "other", scheduler={key: value})

    with pytest.raises(InvalidCheckpoint, match=f"scheduler's {key} is {value!r}; supported is"):
        facts.stable_audio_3(load(open_checkpoint(str(folder))))

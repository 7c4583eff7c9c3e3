"""The pipeline whose networks have weights in turns, in the size of a test."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AceStepConditionEncoder,
    AceStepPipeline,
    AceStepTransformer1DModel,
    AutoencoderOobleck,
)
from torch import nn
from transformers import Qwen3Model

from export import full_size_models
from export.checkpoint import open_checkpoint
from export.families import EXPORTERS
from export.full_size import Whole
from export.full_size_models import full_size_card, make_pipeline
from export.full_size_whole import main, make_sleeping_pipeline
from export.loading import load
from export.networks_ace_step import TextEncoder
from export.references import ace_step
from export.trials import make_trial
from tests import checkpoints
from tests.export.comparing import run

pytestmark = [pytest.mark.export, pytest.mark.drill]

FAMILY = "ace_step"
FRAMES, SECONDS = 16, 0.64


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    like = load(open_checkpoint(str(checkpoints.ace_step(tmp_path / "song"))))
    makers = {
        "text_encoder": lambda: Qwen3Model(like.text_encoder.config),
        "condition_encoder": lambda: AceStepConditionEncoder.from_config(
            like.condition_encoder.config
        ),
        "transformer": lambda: AceStepTransformer1DModel.from_config(like.transformer.config),
        "vae": lambda: AutoencoderOobleck.from_config(like.vae.config),
    }
    monkeypatch.setitem(full_size_models._MAKERS, FAMILY, makers)


def weights_of(part: nn.Module) -> int:
    return sum(each.numel() for each in part.parameters())


@pytest.mark.usefixtures("tiny")
def test_weights_come_and_go_and_the_sound_is_that_of_all_at_once() -> None:
    pipeline = make_sleeping_pipeline(FAMILY)
    card = full_size_card(FAMILY, pipeline)
    trial = replace(make_trial(card), latent_frames=FRAMES, seconds=SECONDS, steps=2)
    asleep = [weights_of(part) for part in (pipeline.text_encoder, pipeline.transformer)]

    sounds = ace_step(pipeline, card, trial)

    assert asleep == [0, 0]
    assert weights_of(pipeline.transformer) == 0  # the decoder had the last turn
    names = ("text_encoder", "condition_encoder", "transformer", "vae")
    real = make_pipeline(FAMILY, names)
    parts = {name: getattr(real, name) for name in (*names, "scheduler")}
    all_at_once = AceStepPipeline(**parts, tokenizer=pipeline.tokenizer)
    expected = ace_step(all_at_once, card, trial)
    np.testing.assert_array_equal(sounds.latents, expected.latents)
    np.testing.assert_array_equal(sounds.waveforms, expected.waveforms)


@pytest.mark.usefixtures("tiny")
def test_files_go_from_text_to_samples_as_diffusers_does(tmp_path: Path) -> None:
    real = make_pipeline(FAMILY, ("text_encoder", "condition_encoder", "transformer", "vae"))
    card = full_size_card(FAMILY, real)
    exporter = EXPORTERS[FAMILY]
    graphs = {
        "text_encoder": exporter.text_encoder(real, card),
        "transformer": exporter.transformer(real, card, "fp32"),
    }
    decoder = exporter.vae_decoder(real, card)
    graphs["vae_decoder"] = replace(decoder, module=decoder.reference)  # tiles are another test's

    main(FAMILY, "fp32", tmp_path, lambda path: partial(run, graphs[path.parent.name]))

    whole = Whole(**json.loads((tmp_path / "results.json").read_text()))
    assert max(whole.latents_error, whole.pcm_error) < 1e-4
    assert whole.two_prompt_difference > 2e-3


@pytest.mark.usefixtures("tiny")
def test_a_part_has_the_same_weights_whichever_others_are_real() -> None:
    alone = make_pipeline(FAMILY, ("condition_encoder",))
    beside = make_pipeline(FAMILY, ("text_encoder", "condition_encoder", "transformer"))
    for one, other in zip(
        alone.condition_encoder.state_dict().values(),
        beside.condition_encoder.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(one, other)
    assert float(alone.condition_encoder.silence_latent.abs().max()) > 0
    assert TextEncoder(beside).timbre.isfinite().all()

"""A card to denoise for."""

import pytest

from tritone.card import ModelCard, ScheduleSettings


@pytest.fixture
def card() -> ModelCard:
    """A small model of variable length with guidance."""
    return ModelCard(
        name="small",
        family="stable_audio",
        sample_rate=16000,
        audio_channels=1,
        samples_per_frame=640,
        latent_channels=4,
        max_frames=100,
        frame_bucket=25,
        prompt_tokens=8,
        conditioning_tokens=10,
        conditioning_dim=6,
        global_dim=12,
        guidance=True,
        default_steps=8,
        default_guidance_scale=7.0,
        default_seconds=2.0,
        extendable=True,
        schedule=ScheduleSettings(),
    )

"""Cards to compute with."""

import pytest

from tritone.card import ModelCard, ScheduleSettings

OPEN_CARD = ModelCard(
    name="open",
    family="stable_audio",
    sample_rate=44100,
    audio_channels=2,
    samples_per_frame=2048,
    latent_channels=64,
    max_frames=1024,
    frame_bucket=1024,
    prompt_tokens=128,
    conditioning_tokens=130,
    conditioning_dim=768,
    global_dim=1536,
    guidance=True,
    default_steps=100,
    default_guidance_scale=7.0,
    default_seconds=47.0,
    extendable=False,
    schedule=ScheduleSettings(),
)
"""Stable Audio Open 1.0's geometry: a fixed window of 1024 frames, 47.55 s."""


@pytest.fixture
def open_card() -> ModelCard:
    """A model with guidance and a fixed window."""
    return OPEN_CARD


@pytest.fixture
def flow_card() -> ModelCard:
    """A small rectified-flow model of variable length, without guidance."""
    return ModelCard(
        name="flow",
        family="stable_audio_3",
        sample_rate=16000,
        audio_channels=1,
        samples_per_frame=640,
        latent_channels=8,
        max_frames=375,
        frame_bucket=25,
        prompt_tokens=64,
        conditioning_tokens=65,
        conditioning_dim=32,
        global_dim=32,
        guidance=False,
        default_steps=8,
        default_guidance_scale=1.0,
        default_seconds=5.0,
        extendable=True,
        schedule=ScheduleSettings(),
    )

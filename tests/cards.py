"""Model cards that many tests need."""

from dataclasses import replace

from benchmarks.cards import STABLE_AUDIO_OPEN

OPEN_CARD = STABLE_AUDIO_OPEN

STARTER_LIKE = replace(
    OPEN_CARD,
    name="starter",
    sample_rate=16_000,
    audio_channels=1,
    samples_per_frame=640,
    latent_channels=8,
    max_frames=250,
    frame_bucket=25,
    prompt_tokens=32,
    conditioning_tokens=34,
    conditioning_dim=64,
    global_dim=128,
    default_steps=20,
    default_guidance_scale=5.0,
    default_seconds=5.0,
    extendable=True,
)
"""16 kHz mono, a window of 10 s, guidance, and the right to be extended."""

FLOW_CARD = replace(
    STARTER_LIKE,
    name="flow",
    family="stable_audio_3",
    max_frames=375,
    prompt_tokens=64,
    conditioning_tokens=65,
    conditioning_dim=32,
    global_dim=32,
    guidance=False,
    default_steps=8,
    default_guidance_scale=1.0,
)
"""A small rectified-flow model of variable length, without guidance."""

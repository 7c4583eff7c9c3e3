"""The card of a model that is known well, for whoever needs one without the model."""

from tritone.card import ModelCard, ScheduleSettings

STABLE_AUDIO_OPEN = ModelCard(
    name="open",
    family="stable_audio",
    sample_rate=44_100,
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
"""Stable Audio Open 1.0: a fixed window of 1024 frames, 47.55 s."""

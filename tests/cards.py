"""Model cards that many tests need."""

from tritone.card import ModelCard, ScheduleSettings

STARTER_LIKE = ModelCard(
    name="starter",
    family="stable_audio",
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
    guidance=True,
    default_steps=20,
    default_guidance_scale=5.0,
    default_seconds=5.0,
    extendable=True,
    schedule=ScheduleSettings(),
)
"""16 kHz mono, a window of 10 s, guidance, and the right to be extended."""

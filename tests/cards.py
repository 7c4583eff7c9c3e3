"""Model cards that many tests need."""

from dataclasses import replace

from benchmarks.cards import STABLE_AUDIO_OPEN
from tritone.card import SpeechCard, Voice

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

SONG_CARD = replace(
    FLOW_CARD,
    name="song",
    family="ace_step",
    sample_rate=48_000,
    audio_channels=2,
    samples_per_frame=1920,
    max_frames=15_000,
    frame_bucket=32,
    prompt_tokens=256,
    lyric_tokens=2048,
    conditioning_tokens=0,
    global_dim=0,
    extendable=False,
)
"""A small model of songs: 48 kHz stereo, up to 600 s."""

CODE_CARD = replace(SONG_CARD, name="follower", audio_codes=64_000, frames_per_code=5)
"""The same, for songs that follow audio codes."""

GUIDED_SONG_CARD = replace(
    SONG_CARD,
    name="base",
    guidance=True,
    default_guidance_scale=7.0,
    default_steps=50,
)
"""The same with guidance that has a momentum."""


def voice(voice_id: str, language: str) -> Voice:
    """Return a voice of which nothing but its id and its language matters."""
    return Voice(
        id=voice_id,
        name=voice_id.title(),
        language=language,
        gender="neutral",
        license="Apache-2.0",
        description="A voice for tests.",
    )


TALKER = SpeechCard(
    name="talker",
    engine="hibari",
    voices=(voice("anna", "en-US"), voice("marie", "fr-FR")),
    default_voice="anna",
    sample_rate=24_000,
    audio_channels=1,
    min_speed=0.25,
    max_speed=4.0,
    max_characters=1000,
)
"""24 kHz mono, one American and one French voice."""

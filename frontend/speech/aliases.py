"""Published names of models that speak. `tritone/voices.py` has those of voices."""

from tritone.voices import ELEVENLABS_VOICES, OPENAI_VOICES, KnownVoice

MODEL_ALIASES = frozenset(
    {
        # LocalAI's documented examples
        "tts",
        # OpenAI's
        "tts-1",
        "tts-1-hd",
        "gpt-4o-mini-tts",
        "gpt-4o-mini-tts-2025-12-15",
        # ElevenLabs'
        "eleven_monolingual_v1",
        "eleven_multilingual_v1",
        "eleven_multilingual_v2",
        "eleven_turbo_v2",
        "eleven_turbo_v2_5",
        "eleven_flash_v2",
        "eleven_flash_v2_5",
        "eleven_v3",
    }
)
"""Each stands for the default model that speaks."""

KNOWN_VOICES: dict[str, KnownVoice] = {
    **OPENAI_VOICES,
    **{known.name.lower(): known for known in ELEVENLABS_VOICES.values()},
    **{voice_id.lower(): known for voice_id, known in ELEVENLABS_VOICES.items()},
}
"""Voices of other services, by name and by id, in lower case."""

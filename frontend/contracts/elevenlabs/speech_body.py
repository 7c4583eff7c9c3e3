"""ElevenLabs: what a request to `/v1/text-to-speech/{voice_id}` may say.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech and the requests of the official
clients (Python 0.2 to 2.78, JavaScript 2.73). What our voices have no use for is noted.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from frontend.audio.formats import AudioFormat
from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS, one_of
from frontend.contracts.kit.fields import Integer, Name, Prompt, RequestModel, StrictBody, Text

_MAX_SEED = 4294967295
MAX_LOCATORS = 3
STREAM_FORMATS = {word: each for word, each in OUTPUT_FORMATS.items() if word[:4] != "wav_"}

Share = Annotated[float, Field(ge=0, le=1)]


class VoiceSettingsBody(StrictBody):
    """How a voice speaks. Only its speed has an effect on the installed voices."""

    stability: Share | None = None
    similarity_boost: Share | None = None
    style: Share | None = None
    use_speaker_boost: bool | None = None
    clone_strength: float | None = None
    speed: float = Field(1.0, ge=0.25, le=4.0, description="2 is twice as fast, at equal pitch.")


class DictionaryLocator(StrictBody):
    """A pronunciation dictionary, by its id."""

    pronunciation_dictionary_id: Name
    version_id: Text | None = None


class SpeechBody(StrictBody):
    """What to speak, and how."""

    text: Prompt = Field(description="The text.")
    model_id: Text | None = Field(None, description="A served model, or any `eleven_*`.")
    language_code: Text | None = Field(None, description="ISO 639-1; no other voice is taken.")
    voice_settings: VoiceSettingsBody | None = None
    pronunciation_dictionary_locators: list[DictionaryLocator] = Field(
        default_factory=list, max_length=MAX_LOCATORS
    )
    seed: Integer | None = Field(None, ge=0, le=_MAX_SEED, description="Same seed, same audio.")
    previous_text: Text | None = Field(None, description="Sentences are spoken by themselves.")
    next_text: Text | None = Field(None, description="The same.")
    previous_request_ids: list[Text] = Field(default_factory=list, description="The same.")
    next_request_ids: list[Text] = Field(default_factory=list, description="The same.")
    use_pvc_as_ivc: bool = Field(False, description="Without effect.")
    apply_text_normalization: Literal["auto", "on", "off"] = Field(
        "auto", description="off: numbers and dates are not read as words."
    )
    apply_language_text_normalization: bool = Field(False, description="Without effect.")


class SpeechQuery(RequestModel):
    """How to deliver it."""

    output_format: Annotated[str, AfterValidator(one_of(OUTPUT_FORMATS))] = Field(
        "mp3_44100_128",
        description="codec_rate[_kbps]",
        json_schema_extra={"enum": list(OUTPUT_FORMATS)},
    )
    enable_logging: bool = Field(True, description="Without effect: nothing is retained.")
    optimize_streaming_latency: Integer | None = Field(
        None, ge=0, le=4, description="4: numbers and dates are not read as words."
    )

    @property
    def audio_format(self) -> AudioFormat:
        """The row of the format."""
        return OUTPUT_FORMATS[self.output_format]


class StreamQuery(SpeechQuery):
    """How to deliver what is sent while it is made: without a header that says its length."""

    output_format: Annotated[str, AfterValidator(one_of(STREAM_FORMATS))] = Field(
        "mp3_44100_128",
        description="codec_rate[_kbps]",
        json_schema_extra={"enum": list(STREAM_FORMATS)},
    )

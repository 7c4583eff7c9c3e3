"""Names, types and shapes of the tensors of models that speak. Dims exclude the batch.

docs/speech.md says what each tensor means and shows the JSON that two of them hold.
"""

from tritone.card import SpeechCard
from tritone.tensors import PCM, PROGRESS, SEED, ModelIO, TensorSpec

TEXT = "text"
VOICE = "voice"  # the id of a voice; empty: the card's default
LANGUAGE = "language"  # BCP 47 or ISO 639-1; a voice of another language refuses; empty: any
SPEED = "speed"  # within the card's bounds; 1 is the voice's own pace
OPTIONS = "options"  # JSON, `tritone.speech_options`
TIMINGS = (
    "timings"  # JSON of one chunk, `backends/speech/timings.py`; made only where it is asked for
)

# Request parameters (not tensors), beside those of `tritone.tensors`, and `TIMINGS`: false, for
# those who want none.
WINDOW = "window"  # chunks that may be sent before a grant; absent: all as fast as they are made
GRANT = "grant"  # the job id of a request that may send further chunks
CHUNKS = "chunks"  # how many further ones

# Of the network behind a voice.
IDS = "ids"  # of phonemes, int64 [1, n]
DURATIONS = "durations"  # of each phoneme, in units of the engine
FEATURES = "features"  # of each frame, between the halves of a network, float32 [1, channels, n]
TOKENS = "tokens"  # Kokoro's ids, int64 [1, n]
STYLE = "style"  # of Kokoro's voice for that many ids, float32 [1, 256]
AUDIO = "audio"  # Kokoro's sound, float32 [samples]


def speech(card: SpeechCard) -> ModelIO:
    """A model that speaks: text in, chunks of PCM out; decoupled.

    Every input is optional, because a control request carries one, any one.
    """
    inputs = (
        TensorSpec(TEXT, "STRING", (1,), optional=True),
        TensorSpec(VOICE, "STRING", (1,), optional=True),
        TensorSpec(LANGUAGE, "STRING", (1,), optional=True),
        TensorSpec(SPEED, "FP32", (1,), optional=True),
        TensorSpec(SEED, "INT64", (1,), optional=True),
        TensorSpec(OPTIONS, "STRING", (1,), optional=True),
    )
    outputs = (
        TensorSpec(PCM, "INT16", (card.audio_channels, -1)),
        TensorSpec(TIMINGS, "STRING", (1,)),
        TensorSpec(PROGRESS, "INT32", (2,)),
    )
    return ModelIO(inputs, outputs)

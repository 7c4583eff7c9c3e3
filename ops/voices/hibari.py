"""The voice of the installed package `hibari-tts`: its network, its card."""

import importlib.metadata
import importlib.util
from pathlib import Path

from ops.voices.configuration import NetworkSpec
from ops.voices.graph import with_output
from ops.voices.halves import split
from tritone.card import SpeechCard, Voice
from tritone.placement import FEATURES_FILE, FRAMES_FILE
from tritone.speech_tensors import DURATIONS, FEATURES, IDS, SPEED
from tritone.tensors import TensorSpec

PACKAGE = "hibari"
DISTRIBUTION = "hibari-tts"

# In the package's graph: how many units of 25 ms each phoneme lasts, as the network uses them.
_DURATIONS_TENSOR = "/Clip_output_0"
# And what its convolutions make the spectrum of, frame by frame.
_FEATURES_TENSOR = "/Concat_43_output_0"

CARD = SpeechCard(
    name="hibari",
    engine="hibari",
    voices=(
        Voice(
            id="heart",
            name="Heart",
            language="en-US",
            gender="female",
            license="Apache-2.0",
            description="American English, a clear and friendly woman's voice.",
        ),
    ),
    default_voice="heart",
    sample_rate=24_000,
    audio_channels=1,
    min_speed=0.25,
    max_speed=4.0,
    max_characters=100_000,  # about two hours
)

_SPECTRUM = 601  # bins of a frame
_FRAMES = tuple(
    TensorSpec(name, "FP32", (1, _SPECTRUM, -1)) for name in ("lh", "theta", "ln", "lr", "phi")
)


NETWORK_SPEC = NetworkSpec(
    inputs=(TensorSpec(IDS, "INT64", (1, -1)), TensorSpec(SPEED, "FP32", (1,))),
    outputs=(
        *_FRAMES,
        TensorSpec("f0", "FP32", (1, -1)),
        TensorSpec(DURATIONS, "FP32", (-1,)),
    ),
)


def package_folder() -> Path | None:
    """Return where the package lies, or None: it is not installed. Nothing is imported."""
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None


def version() -> str:
    """Return the version of the installed package."""
    return importlib.metadata.version(DISTRIBUTION)


def network_file(package: Path) -> bytes:
    """Return the network with its durations as a further output."""
    graph = (package / "assets" / "hibari.onnx").read_bytes()
    return with_output(graph, _DURATIONS_TENSOR, DURATIONS, ("L",))


def network_halves(network: bytes) -> dict[str, bytes]:
    """Return the network as two files by name: the begin of a passage needs little of the second.

    What does not depend on the length is 30 % of the network's time for a sentence.
    """
    spectrum = [spec.name for spec in _FRAMES]
    first, second = split(network, at=_FEATURES_TENSOR, name=FEATURES, second=spectrum)
    return {FEATURES_FILE: first, FRAMES_FILE: second}

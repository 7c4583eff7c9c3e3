"""The voice of the installed package `hibari-tts`: its network, its card, its configuration."""

import importlib.metadata
import importlib.util
from pathlib import Path

from ops.voices.graph import with_output
from tritone.card import CARD_PARAMETER, SpeechCard, Voice, component_name
from tritone.placement import NETWORK, NETWORK_IN_PROCESS
from tritone.speech_tensors import DURATIONS, IDS, SPEED, speech
from tritone.tensors import TensorSpec

PACKAGE = "hibari"
DISTRIBUTION = "hibari-tts"

# In the package's graph: how many units of 25 ms each phoneme lasts, as the network uses them.
_DURATIONS_TENSOR = "/Clip_output_0"

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
    return with_output(graph, _DURATIONS_TENSOR, DURATIONS, "L")


def config_texts() -> dict[str, str]:
    """Return the `config.pbtxt` of both Triton models, by name: the network's and the speaker's."""
    network = component_name(CARD.name, NETWORK)
    io = speech(CARD)
    return {
        network: _lines(
            f'name: "{network}"',
            'backend: "onnxruntime"',
            # The graph takes one sentence: its durations and its int8 scales are of a whole run.
            "max_batch_size: 0",
            _tensor_list(
                "input", (TensorSpec(IDS, "INT64", (1, -1)), TensorSpec(SPEED, "FP32", (1,)))
            ),
            _tensor_list(
                "output",
                (
                    *_FRAMES,
                    TensorSpec("f0", "FP32", (1, -1)),
                    TensorSpec(DURATIONS, "FP32", (-1,)),
                ),
            ),
            "instance_group [ { kind: KIND_CPU count: 2 } ]",
            _parameter("intra_op_thread_count", "1"),
        ),
        CARD.name: _lines(
            f'name: "{CARD.name}"',
            'backend: "speech"',
            "max_batch_size: 1",
            _tensor_list("input", io.inputs),
            _tensor_list("output", io.outputs),
            "model_transaction_policy { decoupled: true }",
            # One instance: it owns the queue and the table of jobs.
            "instance_group [ { kind: KIND_CPU count: 1 } ]",
            _parameter(CARD_PARAMETER, CARD.to_json()),
            _parameter(NETWORK, network),
            _parameter(NETWORK_IN_PROCESS, "auto"),
            _parameter("lanes", "0"),  # sentences that are spoken side by side; 0: one a core
            _parameter("max_pending", "64"),
        ),
    }


def _tensor_list(field: str, specs: tuple[TensorSpec, ...]) -> str:
    return f"{field} [\n" + ",\n".join(f"  {{ {_tensor(spec)} }}" for spec in specs) + "\n]"


def _tensor(spec: TensorSpec) -> str:
    dims = ", ".join(map(str, spec.dims))
    optional = " optional: true" if spec.optional else ""
    return f'name: "{spec.name}" data_type: TYPE_{spec.dtype} dims: [ {dims} ]{optional}'


def _parameter(key: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'parameters {{ key: "{key}" value {{ string_value: "{quoted}" }} }}'


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"

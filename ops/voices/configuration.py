"""The `config.pbtxt` of a model that speaks, and of the network behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tritone.card import CARD_PARAMETER, SpeechCard, component_name
from tritone.placement import NETWORK, NETWORK_IN_PROCESS, THREADS
from tritone.speech_tensors import speech
from tritone.tensors import TensorSpec

LANES = "lanes"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """The tensors of a network that takes one passage a call."""

    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    threads: int = 1  # of a call in the speaker's process; those beyond the machine's are not used


def model_config(
    name: str, backend: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> str:
    """Return the text of a model of one of our backends that needs no card."""
    return lines(
        f'name: "{name}"',
        f'backend: "{backend}"',
        "max_batch_size: 0",
        tensor_list("input", inputs),
        tensor_list("output", outputs),
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
    )


def config_texts(
    card: SpeechCard, network: NetworkSpec | None, parameters: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the texts of the Triton models, by name: the network's, if any, and the speaker's."""
    if network is None:
        return {card.name: _speaker(card, parameters or {})}
    name = component_name(card.name, NETWORK)
    threads = str(network.threads)
    placed = {NETWORK: name, NETWORK_IN_PROCESS: "auto", THREADS: threads, **(parameters or {})}
    return {
        name: lines(
            f'name: "{name}"',
            'backend: "onnxruntime"',
            # A graph takes one sentence: its durations and its int8 scales are of a whole run.
            "max_batch_size: 0",
            tensor_list("input", network.inputs),
            tensor_list("output", network.outputs),
            "instance_group [ { kind: KIND_CPU count: 2 } ]",
            parameter("intra_op_thread_count", threads),
        ),
        card.name: _speaker(card, placed),
    }


def _speaker(card: SpeechCard, parameters: Mapping[str, str]) -> str:
    io = speech(card)
    lanes = parameters.get(LANES, "0")  # passages spoken side by side; 0: as cores allow
    others = {key: value for key, value in parameters.items() if key != LANES}
    return lines(
        f'name: "{card.name}"',
        'backend: "speech"',
        "max_batch_size: 1",
        tensor_list("input", io.inputs),
        tensor_list("output", io.outputs),
        "model_transaction_policy { decoupled: true }",
        # One instance: it owns the queue and the table of jobs.
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
        parameter(CARD_PARAMETER, card.to_json()),
        *(parameter(key, value) for key, value in others.items()),
        parameter(LANES, lanes),
        parameter("max_pending", "64"),
    )


def tensor_list(field: str, specs: Sequence[TensorSpec]) -> str:
    """Return the inputs or outputs of a model."""
    return f"{field} [\n" + ",\n".join(f"  {{ {_tensor(spec)} }}" for spec in specs) + "\n]"


def _tensor(spec: TensorSpec) -> str:
    dims = ", ".join(map(str, spec.dims))
    optional = " optional: true" if spec.optional else ""
    return f'name: "{spec.name}" data_type: TYPE_{spec.dtype} dims: [ {dims} ]{optional}'


def parameter(key: str, value: str) -> str:
    """Return one parameter of a model."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'parameters {{ key: "{key}" value {{ string_value: "{quoted}" }} }}'


def lines(*texts: str) -> str:
    """Return lines as the text of a file."""
    return "\n".join(texts) + "\n"

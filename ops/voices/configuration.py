"""The `config.pbtxt` of a model that speaks, and of the speaker and the network behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tritone.card import CARD_PARAMETER, SPEAKER, SpeechCard, component_name
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
    card: SpeechCard,
    network: NetworkSpec | None,
    parameters: Mapping[str, str] | None = None,
    version: int = 1,
) -> dict[str, str]:
    """Return the texts of the Triton models, by name, the ensemble last.

    Each serves one version only, so that one which is published later is not loaded untried.
    """
    name, texts = component_name(card.name, NETWORK), {}
    placed = dict(parameters or {})
    if network is not None:
        threads = str(network.threads)
        placed = {NETWORK: name, NETWORK_IN_PROCESS: "auto", THREADS: threads, **placed}
        texts[name] = _network(name, network, version)
    speaker = component_name(card.name, SPEAKER)
    texts[speaker] = _speaker(speaker, card, placed, version)
    texts[card.name] = _ensemble(card, speaker, version)
    return texts


def _network(name: str, network: NetworkSpec, version: int) -> str:
    return lines(
        f'name: "{name}"',
        'backend: "onnxruntime"',
        # A graph takes one sentence: its durations and its int8 scales are of a whole run.
        "max_batch_size: 0",
        tensor_list("input", network.inputs),
        tensor_list("output", network.outputs),
        "instance_group [ { kind: KIND_CPU count: 2 } ]",
        parameter("intra_op_thread_count", str(network.threads)),
        _policy(version),
    )


def _ensemble(card: SpeechCard, speaker: str, version: int) -> str:
    io = speech(card)
    maps = [
        f'    {kind}_map {{ key: "{each.name}" value: "{each.name}" }}'
        for kind, specs in (("input", io.inputs), ("output", io.outputs))
        for each in specs
    ]
    return lines(
        f'name: "{card.name}"',
        'platform: "ensemble"',
        "max_batch_size: 1",
        tensor_list("input", io.inputs),
        tensor_list("output", io.outputs),
        "model_transaction_policy { decoupled: true }",
        "ensemble_scheduling {",
        "  step {",
        f'    model_name: "{speaker}"',
        f"    model_version: {version}",
        *maps,
        "  }",
        "}",
        parameter(CARD_PARAMETER, card.to_json()),
        _policy(version),
    )


def _speaker(name: str, card: SpeechCard, parameters: Mapping[str, str], version: int) -> str:
    io = speech(card)
    lanes = parameters.get(LANES, "0")  # passages spoken side by side; 0: as cores allow
    others = {key: value for key, value in parameters.items() if key != LANES}
    return lines(
        f'name: "{name}"',
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
        _policy(version),
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


def _policy(version: int) -> str:
    return f"version_policy {{ specific {{ versions: [ {version} ] }} }}"

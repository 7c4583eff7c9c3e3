"""The `config.pbtxt` of each of the six Triton models behind one published model.

Knows no torch: names, types and shapes come from `tritone.tensors`, facts from the card.
Source: model_config.proto of Triton 2.51 (read 2026-11-20).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from export.precision import FOR_GPUS, Precision
from tritone import tensors
from tritone.card import CARD_PARAMETER, ModelCard, component_name
from tritone.lengths import list_decoded_lengths
from tritone.placement import IN_PROCESS, TRANSFORMER
from tritone.plans import PLATFORM, plan_of
from tritone.tensors import ModelIO, TensorSpec
from tritone.versions import VERSIONS_PARAMETER

ENSEMBLE = ""
"""The component without a suffix: the published model itself."""

CARRIES_CARD = (ENSEMBLE, "tokenizer", "denoiser")
"""The components whose configuration holds the card: those with code of ours behind them."""

_STEPS = ("tokenizer", "text_encoder", "denoiser", "vae_decoder")
_STEP_VERSION = re.compile(r"model_version: -?\d+")
_VERSION_LINES = re.compile(
    rf'^(version_policy .*|parameters {{ key: "{VERSIONS_PARAMETER}" .*)\n', re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    """How the models are to be run; written into `config.pbtxt`, where ops may turn them later."""

    max_batch: int = 8  # rows a network may get in one execution
    step_batch: int = 1  # requests that share one diffusion step
    in_process: bool = True  # the denoiser loads the transformer itself: CPUs only, and faster
    lanes: int = 0  # steps that are computed side by side; 0: one for each core, if it pays
    max_pending: int = 32  # requests the denoiser lets wait for a place in the batch
    max_queue: int = 64  # requests the ensemble admits; the next one is told "queue is full"
    threads: int = 2  # CPU threads of one network
    warms_up: bool = False  # Triton decodes each length once before the decoder is ready


def choose_serving(
    precision: Precision,
    options: ServingOptions,
    *,
    in_process: bool | None = None,
    warms_up: bool | None = None,
) -> ServingOptions:
    """Return options with what a precision wants; None: as it wants it.

    Precisions for GPUs want both: steps that may stay on the device, and a decoder that has met
    its lengths.
    """
    is_for_gpus = precision in FOR_GPUS
    alone = is_for_gpus or options.step_batch == 1
    return replace(
        options,
        in_process=alone if in_process is None else in_process,
        warms_up=is_for_gpus if warms_up is None else warms_up,
    )


def model_name(card: ModelCard, component: str) -> str:
    """Return the Triton name of a component, or of the ensemble."""
    return component_name(card.name, component) if component else card.name


def config_texts(card: ModelCard, options: ServingOptions, version: int = 1) -> dict[str, str]:
    """Return the `config.pbtxt` of every component; the ensemble, named `ENSEMBLE`, comes last.

    They serve this version only: a later one lies beside it until it is promoted.
    """
    return {c: _pin(write(card, options), version) for c, write in _WRITERS.items()}


def plan_config_text(card: ModelCard, component: str, max_batch: int, version: int) -> str:
    """Return the `config.pbtxt` of the Triton model that holds a network's plans.

    The border is that of the network, but for int16: TensorRT has none.
    """
    io = _NETWORK_IO[component](card)
    outputs = tuple(
        replace(spec, dtype="INT32") if spec.dtype == "INT16" else spec for spec in io.outputs
    )
    text = _lines(
        f'name: "{model_name(card, plan_of(component))}"',
        f'platform: "{PLATFORM}"',
        f"max_batch_size: {max_batch}",
        *_tensors(ModelIO(io.inputs, outputs)),
        _instances("KIND_AUTO"),
        "dynamic_batching { }",
    )
    return _pin(text, version)


def unpin(config: str) -> str:
    """Return a `config.pbtxt` without what promoting and rolling back change in it."""
    return _VERSION_LINES.sub("", _STEP_VERSION.sub("model_version: -1", config))


def _pin(text: str, version: int) -> str:
    policy = f"version_policy {{ specific {{ versions: [ {version} ] }} }}"
    return _STEP_VERSION.sub(f"model_version: {version}", text) + policy + "\n"


def _ensemble(card: ModelCard, options: ServingOptions) -> str:
    return _lines(
        f'name: "{card.name}"',
        'platform: "ensemble"',
        "max_batch_size: 1",
        *_tensors(tensors.ensemble(card)),
        "model_transaction_policy { decoupled: true }",
        _parameter(CARD_PARAMETER, card.to_json()),
        "ensemble_scheduling {",
        "  step [",
        ",\n".join(_step(card, component) for component in _STEPS),
        "  ]",
        "}",
    )


def _tokenizer(card: ModelCard, options: ServingOptions) -> str:
    # The only queue limit of the pipeline: behind a decoupled step it would drop running requests.
    admission = f"default_queue_policy {{ max_queue_size: {options.max_queue} }}"
    return _lines(
        *_head(card, "tokenizer", "tokenizer", options.max_batch),
        *_tensors(tensors.tokenizer(card)),
        _instances("KIND_CPU"),
        f"dynamic_batching {{ {admission} }}",
        _parameter(CARD_PARAMETER, card.to_json()),
    )


def _text_encoder(card: ModelCard, options: ServingOptions) -> str:
    return _network(card, "text_encoder", options)


def _denoiser(card: ModelCard, options: ServingOptions) -> str:
    return _lines(
        *_head(card, "denoiser", "denoiser", 1),
        *_tensors(tensors.denoiser(card)),
        "model_transaction_policy { decoupled: true }",
        # One instance: it owns the batch and the table of jobs.
        _instances("KIND_CPU"),
        _parameter(CARD_PARAMETER, card.to_json()),
        _parameter(TRANSFORMER, model_name(card, "transformer")),
        _parameter(IN_PROCESS, "auto" if options.in_process else "false"),
        _parameter("intra_op_thread_count", str(options.threads)),
        _parameter("lanes", str(options.lanes if options.in_process else 1)),
        _parameter("step_batch", str(options.step_batch)),
        _parameter("max_pending", str(options.max_pending)),
    )


def _transformer(card: ModelCard, options: ServingOptions) -> str:
    return _network(card, "transformer", options)


def _vae_decoder(card: ModelCard, options: ServingOptions) -> str:
    warm_ups = _warm_ups(card) if options.warms_up else ()
    return _network(card, "vae_decoder", options, *warm_ups)


def _warm_ups(card: ModelCard) -> Iterator[str]:
    """Give a request for each length: convolutions are planned at the first one of a length."""
    (latents,) = tensors.vae_decoder(card).inputs
    for frames in list_decoded_lengths(card):
        dims = ", ".join(str(frames if dim < 0 else dim) for dim in latents.dims)
        what = f"data_type: TYPE_{latents.dtype} dims: [ {dims} ] zero_data: true"
        yield (
            f'model_warmup {{ name: "{frames} latent frames" batch_size: 1 '
            f'inputs {{ key: "{latents.name}" value {{ {what} }} }} }}'
        )


_WRITERS: dict[str, Callable[[ModelCard, ServingOptions], str]] = {
    "tokenizer": _tokenizer,
    "text_encoder": _text_encoder,
    "denoiser": _denoiser,
    "transformer": _transformer,
    "vae_decoder": _vae_decoder,
    ENSEMBLE: _ensemble,
}

_NETWORK_IO: dict[str, Callable[[ModelCard], ModelIO]] = {
    "text_encoder": tensors.text_encoder,
    "transformer": tensors.transformer,
    "vae_decoder": tensors.vae_decoder,
}


def _network(card: ModelCard, component: str, options: ServingOptions, *more: str) -> str:
    return _lines(
        *_head(card, component, "onnxruntime", options.max_batch),
        *_tensors(_NETWORK_IO[component](card)),
        _instances("KIND_AUTO"),
        "dynamic_batching { }",
        *more,
        _parameter("intra_op_thread_count", str(options.threads)),
    )


def _head(card: ModelCard, component: str, backend: str, max_batch: int) -> tuple[str, ...]:
    name = model_name(card, component)
    return f'name: "{name}"', f'backend: "{backend}"', f"max_batch_size: {max_batch}"


def _instances(kind: str) -> str:
    return f"instance_group [ {{ kind: {kind} count: 1 }} ]"


def _parameter(key: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'parameters {{ key: "{key}" value {{ string_value: "{quoted}" }} }}'


def _tensors(io: ModelIO) -> tuple[str, str]:
    return _tensor_list("input", io.inputs), _tensor_list("output", io.outputs)


def _tensor_list(field: str, specs: Iterable[TensorSpec]) -> str:
    return f"{field} [\n" + ",\n".join(f"  {{ {_tensor(spec)} }}" for spec in specs) + "\n]"


def _tensor(spec: TensorSpec) -> str:
    dims = ", ".join(map(str, spec.dims))
    optional = " optional: true" if spec.optional else ""
    return f'name: "{spec.name}" data_type: TYPE_{spec.dtype} dims: [ {dims} ]{optional}'


def _step(card: ModelCard, component: str) -> str:
    io = {"tokenizer": tensors.tokenizer, "denoiser": tensors.denoiser, **_NETWORK_IO}[component]
    # Progress is for control requests; everything else is passed on under its own name.
    passed = [spec for spec in io(card).outputs if spec.name != tensors.PROGRESS]
    maps = [f'      input_map {{ key: "{s.name}" value: "{s.name}" }}' for s in io(card).inputs]
    maps += [f'      output_map {{ key: "{s.name}" value: "{s.name}" }}' for s in passed]
    name = model_name(card, component)
    return _lines(
        "    {", f'      model_name: "{name}"', "      model_version: -1", *maps, "    }"
    )[:-1]


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"

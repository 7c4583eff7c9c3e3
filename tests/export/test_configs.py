"""`config.pbtxt` against `tritone.tensors`, read by Triton's own protobuf."""

from dataclasses import replace
from typing import Any

import pytest

from export.configs import (
    CARRIES_CARD,
    ENSEMBLE,
    ServingOptions,
    choose_serving,
    config_texts,
    model_name,
    plan_config_text,
    unpin,
)
from export.precision import Precision
from tritone import tensors
from tritone.card import CARD_PARAMETER, COMPONENTS, InvalidCard, ModelCard, read_card
from tritone.lengths import list_decoded_lengths
from tritone.tensors import LATENTS, TensorSpec
from tritone.versions import VERSIONS_PARAMETER

text_format = pytest.importorskip("google.protobuf.text_format")
protocol = pytest.importorskip("tritonclient.grpc.model_config_pb2")

IO = {
    "tokenizer": tensors.tokenizer,
    "text_encoder": tensors.text_encoder,
    "denoiser": tensors.denoiser,
    "transformer": tensors.transformer,
    "vae_decoder": tensors.vae_decoder,
    ENSEMBLE: tensors.ensemble,
}
PYTHON_BACKED = ("tokenizer", "denoiser")
NETWORKS = ("text_encoder", "transformer", "vae_decoder")


@pytest.fixture(params=["stable_audio", "stable_audio_3"])
def any_card(request: pytest.FixtureRequest, card: ModelCard) -> ModelCard:
    return replace(card, family=request.param)


def parse(card: ModelCard, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    texts = config_texts(card, ServingOptions(**options))
    return {name: text_format.Parse(text, protocol.ModelConfig()) for name, text in texts.items()}


def spec_of(tensor: Any) -> TensorSpec:  # noqa: ANN401  # a protobuf message
    data_type = protocol.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    return TensorSpec(
        tensor.name, data_type, tuple(tensor.dims), getattr(tensor, "optional", False)
    )


@pytest.mark.parametrize("component", IO)
def test_tensors_are_those_of_the_shared_vocabulary(any_card: ModelCard, component: str) -> None:
    config = parse(any_card)[component]

    assert config.name == model_name(any_card, component)
    assert tuple(map(spec_of, config.input)) == IO[component](any_card).inputs
    assert tuple(map(spec_of, config.output)) == IO[component](any_card).outputs


def test_every_component_has_a_config_and_the_ensemble_comes_last(card: ModelCard) -> None:
    assert [*config_texts(card, ServingOptions())] == [*COMPONENTS, ENSEMBLE]


def test_only_one_version_is_served_and_the_ensemble_names_its_components_versions(
    card: ModelCard,
) -> None:
    for text in config_texts(card, ServingOptions(), 3).values():
        config = text_format.Parse(text, protocol.ModelConfig())
        assert list(config.version_policy.specific.versions) == [3]
        assert {step.model_version for step in config.ensemble_scheduling.step} <= {3}


def test_what_promoting_changes_is_not_compared(card: ModelCard) -> None:
    first, second = (config_texts(card, ServingOptions(), version) for version in (1, 2))
    assert first != second
    for component, text in first.items():
        line = f'parameters {{ key: "{VERSIONS_PARAMETER}" value {{ string_value: "x" }} }}\n'
        assert unpin(text + line) == unpin(second[component])


def test_the_card_travels_in_the_configs_that_are_read_for_it(card: ModelCard) -> None:
    texts = config_texts(card, ServingOptions())

    for component in CARRIES_CARD:
        parameters = parse(card)[component].parameters
        assert parameters[CARD_PARAMETER].string_value == card.to_json()
        assert read_card(texts[component]) == card


def test_a_config_without_a_card_gives_none(card: ModelCard) -> None:
    assert read_card(config_texts(card, ServingOptions())["transformer"]) is None


def test_a_card_of_another_release_is_not_taken(card: ModelCard) -> None:
    text = config_texts(card, ServingOptions())[ENSEMBLE].replace("sample_rate", "tempo")

    with pytest.raises(InvalidCard):
        read_card(text)


def test_python_models_say_that_they_run_on_the_cpu(card: ModelCard) -> None:
    # Without a kind Triton would put them onto the GPU, where there is one.
    configs = parse(card)
    for component in PYTHON_BACKED:
        assert configs[component].backend == component
        assert [(g.kind, g.count) for g in configs[component].instance_group] == [
            (protocol.ModelInstanceGroup.KIND_CPU, 1)
        ]
    for component in NETWORKS:
        assert configs[component].backend == "onnxruntime"
        assert [(g.kind, g.count) for g in configs[component].instance_group] == [
            (protocol.ModelInstanceGroup.KIND_AUTO, 1)
        ]


def test_only_the_tokenizer_limits_its_queue(card: ModelCard) -> None:
    configs = parse(card, max_queue=7)

    limits = {
        component: config.dynamic_batching.default_queue_policy.max_queue_size
        for component, config in configs.items()
    }
    assert limits == {component: 7 if component == "tokenizer" else 0 for component in IO}
    batching = {c for c, config in configs.items() if config.HasField("dynamic_batching")}
    assert batching == {"tokenizer", *NETWORKS}


def test_options_end_up_where_they_are_read(card: ModelCard) -> None:
    configs = parse(card, max_batch=5, step_batch=4, max_pending=3, threads=6)

    denoiser = configs["denoiser"].parameters
    assert denoiser["transformer"].string_value == "starter_transformer"
    assert denoiser["step_batch"].string_value == "4"
    assert denoiser["max_pending"].string_value == "3"
    assert denoiser["transformer_in_process"].string_value == "auto"
    assert denoiser["intra_op_thread_count"].string_value == "6"
    for component in NETWORKS:
        assert configs[component].max_batch_size == 5
        assert configs[component].parameters["intra_op_thread_count"].string_value == "6"
    assert not any(config.response_cache.enable for config in configs.values())
    assert configs[ENSEMBLE].max_batch_size == 1


@pytest.mark.parametrize(
    ("in_process", "place", "lanes"), [(True, "auto", "3"), (False, "false", "1")]
)
def test_only_a_transformer_in_process_has_lanes(
    card: ModelCard, in_process: bool, place: str, lanes: str
) -> None:
    denoiser = parse(card, in_process=in_process, lanes=3)["denoiser"].parameters
    assert denoiser["transformer_in_process"].string_value == place
    assert denoiser["lanes"].string_value == lanes


@pytest.mark.parametrize(
    ("precision", "step_batch", "expected"),
    [
        ("fp32", 1, (True, False)),
        ("fp32", 4, (False, False)),
        ("int8", 4, (False, False)),
        ("fp16", 1, (True, True)),
        ("fp16", 4, (True, True)),
        ("bf16", 4, (True, True)),
    ],
)
def test_what_is_for_gpus_may_stay_there_and_is_warmed_up(
    precision: Precision, step_batch: int, expected: tuple[bool, bool]
) -> None:
    options = ServingOptions(step_batch=step_batch)
    chosen = choose_serving(precision, options)
    assert (chosen.in_process, chosen.warms_up) == expected
    asked = choose_serving(precision, options, in_process=False, warms_up=True)
    assert (asked.in_process, asked.warms_up) == (False, True)


def test_a_gpu_decodes_every_length_before_the_model_is_ready(card: ModelCard) -> None:
    samples = parse(card, warms_up=True)["vae_decoder"].model_warmup

    dims = [list(each.inputs[LATENTS].dims) for each in samples]
    lengths = list_decoded_lengths(card)
    assert dims == [[card.latent_channels, frames] for frames in lengths]
    assert {each.batch_size for each in samples} == {1}
    assert all(each.inputs[LATENTS].zero_data for each in samples)
    assert not any(config.model_warmup for config in parse(card).values())


def test_whatever_an_ensemble_step_needs_comes_from_an_earlier_one(any_card: ModelCard) -> None:
    configs = parse(any_card)
    ensemble = configs[ENSEMBLE]
    known = {tensor.name for tensor in ensemble.input}
    for step in ensemble.ensemble_scheduling.step:
        component = step.model_name.removeprefix(f"{any_card.name}_")
        assert set(step.input_map) == {tensor.name for tensor in configs[component].input}
        assert set(step.input_map.values()) <= known
        known |= set(step.output_map.values())

    assert {tensor.name for tensor in ensemble.output} <= known
    assert ensemble.model_transaction_policy.decoupled
    assert configs["denoiser"].model_transaction_policy.decoupled


# What the backends read of a configuration's `parameters`. Sources: onnxruntime_backend and
# tensorrt_backend, README.md (read 2026-11-29); a key that a backend does not know is not refused.
KNOWN_PARAMETERS = {
    "onnxruntime": {
        "intra_op_thread_count",
        "inter_op_thread_count",
        "execution_mode",
        "enable_mem_arena",
        "enable_mem_pattern",
        "cudnn_conv_algo_search",
        "gpu_mem_limit",
    },
}


@pytest.mark.parametrize("network", NETWORKS)
def test_native_backends_are_told_what_they_understand(card: ModelCard, network: str) -> None:
    onnx = parse(card)[network]
    assert set(onnx.parameters) <= KNOWN_PARAMETERS[onnx.backend]
    plan = text_format.Parse(plan_config_text(card, network, 8, 2), protocol.ModelConfig())
    assert plan.name == f"starter_{network}_plan"
    assert not plan.parameters
    assert {tensor.data_type for tensor in (*plan.input, *plan.output)} <= {
        protocol.TYPE_FP32,
        protocol.TYPE_INT32,
        protocol.TYPE_INT64,
    }

"""What a denoiser's configuration says of steps on a device, and where it acts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.denoiser.device import opening, warm_up
from backends.denoiser.device.session import Device
from backends.denoiser.device.warm_up import Choices, Opened
from backends.denoiser.parameters import (
    read_decode_bucket,
    read_lengths,
    read_slowdown,
    read_step_batch,
)
from backends.denoiser.predict.choose import choose_predictors
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.steps import OneLane
from backends.errors import InvalidParameter
from backends.onnxruntime.session import InvalidModel
from tests.backends.denoiser.device.networks import write_network
from tests.backends.fake_pb_utils import Logger, TritonModelException
from tests.cards import STARTER_LIKE
from tritone import placement
from tritone.card import ModelCard

CARD = STARTER_LIKE  # a window of 250 latent frames, in buckets of 25


@pytest.fixture(autouse=True)
def log() -> Iterator[list[tuple[str, str]]]:
    Logger.lines.clear()
    yield Logger.lines
    Logger.lines.clear()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_network(tmp_path, CARD)
    (tmp_path / "a_denoiser" / "1").mkdir(parents=True)
    return tmp_path


def choose(repository: Path, **parameters: str) -> Predictors | OneLane:
    given = {"transformer": "a_transformer", "transformer_in_process": "true", **parameters}
    config = {"parameters": {key: {"string_value": value} for key, value in given.items()}}
    args = {"model_repository": str(repository / "a_denoiser"), "model_version": "1"}
    return choose_predictors(args, config, CARD)


@pytest.mark.parametrize("parameters", [{}, {"steps_on_device": "false"}])
def test_on_a_cpu_jobs_stay_on_the_host(repository: Path, parameters: dict[str, str]) -> None:
    assert isinstance(choose(repository, **parameters), Predictors)


def test_they_go_onto_the_cpu_as_a_device_where_that_is_said(
    repository: Path, log: list[tuple[str, str]]
) -> None:
    lane = choose(repository, steps_on_device="true", step_lengths="25", step_batch="2")
    assert isinstance(lane, OneLane)
    assert lane.step_batch == 2
    assert lane.rounding.latent_frames == (25, 250)
    assert lane.rounding.decoded_frames == 1
    assert log[-1][1].startswith("8 steps are ready on cpu, for (25, 250) latent frames and up to")


def test_every_knob_of_a_gpu_reaches_where_it_acts(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Device, Choices]] = []

    def open_steps(
        _path: Path, _card: object, device: Device, choices: Choices, _: object
    ) -> Opened:
        asked.append((device, choices))
        raise AssertionError("seen enough")

    monkeypatch.setattr(opening, "open_steps", open_steps)
    monkeypatch.setenv(placement.DEVICE_VARIABLE, "cuda:1")
    with pytest.raises(AssertionError, match="seen enough"):
        choose(
            repository,
            step_batch="auto",
            step_slowdown="1.5",
            step_lengths="50,100",
            cuda_graphs="false",
            gpu_mem_limit="4000000000",
            use_tf32="1",
            cudnn_conv_algo_search="HEURISTIC",
            arena_extend_strategy="kNextPowerOfTwo",
        )
    ((device, choices),) = asked
    assert choices == Choices(lengths=(50, 100, 250), step_batch=None, slowdown=1.5)
    assert (device.name, device.captures) == ("cuda:1", False)
    assert dict(device.options) == {
        "gpu_mem_limit": "4000000000",
        "use_tf32": "1",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kNextPowerOfTwo",
    }


def test_where_captures_fail_steps_are_not_captured(
    repository: Path, monkeypatch: pytest.MonkeyPatch, log: list[tuple[str, str]]
) -> None:
    def open_steps(
        path: Path, card: ModelCard, device: Device, choices: Choices, _say: object
    ) -> Opened:
        if device.captures:
            raise InvalidModel("a replayed step answers two prompts alike")
        return warm_up.open_steps(path, card, Device(), choices)

    monkeypatch.setattr(opening, "open_steps", open_steps)
    monkeypatch.setenv(placement.DEVICE_VARIABLE, "cuda")
    assert isinstance(choose(repository, step_lengths="250", step_batch="1"), OneLane)
    assert any("not captured: a replayed step answers" in said for _, said in log)


def test_without_onnx_it_is_said_what_is_missing(
    repository: Path, monkeypatch: pytest.MonkeyPatch, log: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TritonModelException, match="needs the package onnx"):
        choose(repository, steps_on_device="true")


def test_a_device_that_fails_is_refused_where_it_is_wanted_whatever_else(
    repository: Path,
) -> None:
    (repository / "a_transformer" / "1" / "model.onnx").write_bytes(b"no network")
    with pytest.raises(TritonModelException, match="is no ONNX file"):
        choose(repository, steps_on_device="true")


def test_lengths_are_the_window_and_two_halvings_of_it() -> None:
    assert read_lengths(None, CARD) == (75, 125, 250)
    assert read_lengths("25, 60", CARD) == (25, 60, 250)


def test_decoded_lengths_are_few_on_a_gpu() -> None:
    assert read_decode_bucket(None, CARD, is_gpu=True) == 50
    assert read_decode_bucket(None, CARD, is_gpu=False) == 1
    assert read_decode_bucket("7", CARD, is_gpu=True) == 7


@pytest.mark.parametrize(
    "parameters",
    [
        {"step_lengths": "25,many"},
        {"step_lengths": "0"},
        {"step_lengths": "251"},
        {"step_batch": "some"},
        {"step_batch": "0"},
        {"step_slowdown": "0.5"},
        {"step_slowdown": "nan"},
        {"decode_bucket": "-1"},
    ],
)
def test_a_parameter_without_a_meaning_keeps_the_model_from_loading(
    repository: Path, parameters: dict[str, str]
) -> None:
    with pytest.raises(TritonModelException, match=next(iter(parameters))):
        choose(repository, steps_on_device="true", **{"step_lengths": "250", **parameters})


def test_what_is_left_out_has_a_default() -> None:
    assert read_slowdown(None) == 2.0
    assert read_step_batch("auto") is None
    with pytest.raises(InvalidParameter):
        read_step_batch("")

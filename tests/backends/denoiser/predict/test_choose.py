"""Where a denoiser's transformer runs: by its configuration, its size, its version and the GPU."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.denoiser import model
from backends.denoiser.parameters import ON_DEVICE
from backends.denoiser.predict.bls import BlsTransformer
from backends.denoiser.predict.choose import choose_predictors
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.steps import OneLane
from tests.backends.fake_pb_utils import Logger, TritonModelException
from tests.cards import GUIDED_SONG_CARD, SONG_CARD, STARTER_LIKE
from tritone import placement
from tritone.card import CARD_PARAMETER, ModelCard
from tritone.placement import IN_PROCESS, LARGE_BYTES, TRANSFORMER

IN_THE_PROCESS = Predictors(1, lambda inputs: inputs["latents"], lambda inputs: inputs["latents"])


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    monkeypatch.setattr(
        "backends.denoiser.predict.choose._open_in_process", lambda *_: IN_THE_PROCESS
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    Logger.lines.clear()
    yield Logger.lines
    Logger.lines.clear()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("a_denoiser", "a_transformer"):
        (tmp_path / name / "2").mkdir(parents=True)
    return tmp_path


def choose(
    repository: Path, card: ModelCard, in_process: str = "auto", **more: str
) -> Predictors | OneLane:
    parameters = {TRANSFORMER: "a_transformer", IN_PROCESS: in_process, **more}
    config = {"parameters": {key: {"string_value": value} for key, value in parameters.items()}}
    args = {"model_repository": str(repository / "a_denoiser"), "model_version": "2"}
    return choose_predictors(args, config, card)


def put_network(repository: Path, n_bytes: int) -> None:
    with (repository / "a_transformer" / "2" / "model.onnx").open("wb") as file:
        file.truncate(n_bytes)  # takes no room


@pytest.mark.parametrize(
    ("n_bytes", "has_gpu", "is_in_process"),
    [
        (1_000, False, True),
        (1_000, True, True),  # a small one is as fast on the CPU
        (LARGE_BYTES + 1, False, True),  # there is no other place
        (LARGE_BYTES + 1, True, False),
    ],
)
def test_a_large_network_never_runs_on_the_cpu_beside_a_gpu(
    repository: Path,
    card: ModelCard,
    monkeypatch: pytest.MonkeyPatch,
    *,
    n_bytes: int,
    has_gpu: bool,
    is_in_process: bool,
) -> None:
    monkeypatch.setattr(placement, "has_gpu", lambda: has_gpu)
    put_network(repository, n_bytes)

    chosen = choose(repository, card)

    assert (chosen is IN_THE_PROCESS) is is_in_process
    ((_, said),) = Logger.lines
    assert ("on the CPU" in said) is is_in_process


def test_whoever_wants_it_on_the_cpu_all_the_same_is_warned(
    repository: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.denoiser.predict.choose.has_gpu", lambda: True)
    put_network(repository, LARGE_BYTES + 1)

    assert choose(repository, card, "true") is IN_THE_PROCESS

    ((level, said),) = Logger.lines
    assert level == "warning"
    assert "although there is a GPU" in said


def test_a_process_that_is_told_to_use_the_gpu_keeps_a_large_network(
    repository: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "has_gpu", lambda: True)
    monkeypatch.setenv(placement.DEVICE_VARIABLE, "cuda")
    put_network(repository, LARGE_BYTES + 1)

    assert choose(repository, card) is IN_THE_PROCESS

    (level, said), *_, (warning, reason) = Logger.lines
    assert level == "info"
    assert said.endswith("in the denoiser's process, on cuda")
    # It is no network, so its jobs cannot live on the device; it is served all the same.
    assert warning == "warning"
    assert reason.startswith("jobs keep their state on the host: ")


def test_a_version_whose_transformer_is_a_plan_calls_the_plan(
    repository: Path, card: ModelCard
) -> None:
    put_network(repository, 1_000)
    (repository / "a_denoiser" / "2" / "transformer").write_text("a_transformer_plan\n")

    chosen = choose(repository, card, "true")

    assert isinstance(chosen, Predictors)
    assert isinstance(chosen.one_lane, BlsTransformer)
    ((level, said),) = Logger.lines
    assert level == "info"
    assert said.startswith("the transformer runs where Triton has a_transformer_plan")
    assert ("every row costs a guided step" in said) is card.guidance


def test_conditioning_of_many_lengths_has_no_place_on_a_device(repository: Path) -> None:
    with pytest.raises(TritonModelException, match="comes in many lengths"):
        choose(repository, SONG_CARD, **{ON_DEVICE: "true"})
    assert choose(repository, SONG_CARD) is IN_THE_PROCESS


def test_guidance_with_a_momentum_has_no_place_on_a_device(repository: Path) -> None:
    with pytest.raises(TritonModelException, match="carries tensors from step to step"):
        choose(repository, GUIDED_SONG_CARD, **{ON_DEVICE: "true"})
    assert choose(repository, GUIDED_SONG_CARD) is IN_THE_PROCESS


@pytest.mark.parametrize(
    ("card", "has_onnx"),
    [
        pytest.param(SONG_CARD, True, id="many-lengths"),
        pytest.param(GUIDED_SONG_CARD, True, id="momentum"),
        pytest.param(STARTER_LIKE, False, id="no-onnx"),
        pytest.param(STARTER_LIKE, True, id="no-network"),
    ],
)
def test_a_model_loads_with_rows_as_many_as_pay_where_its_steps_fall_back_to_the_host(
    repository: Path, monkeypatch: pytest.MonkeyPatch, card: ModelCard, *, has_onnx: bool
) -> None:
    monkeypatch.setenv(placement.DEVICE_VARIABLE, "cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: has_onnx or None)
    put_network(repository, 1_000)
    given = {"step_batch": "auto", "max_pending": "3", CARD_PARAMETER: card.to_json()}
    parameters = {TRANSFORMER: "a_transformer", IN_PROCESS: "true", **given}
    config = {"parameters": {key: {"string_value": value} for key, value in parameters.items()}}
    denoiser = model.TritonPythonModel()

    denoiser.initialize(
        {
            "model_repository": str(repository / "a_denoiser"),
            "model_version": "2",
            "model_config": json.dumps({"name": "a_denoiser", **config}),
        }
    )

    denoiser.finalize()
    assert [level for level, _ in Logger.lines] == ["info", "warning", "info"]
    assert "step_batch auto is 1" in Logger.lines[-1][1]

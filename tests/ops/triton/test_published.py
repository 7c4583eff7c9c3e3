from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.triton.published import PublishedModel, list_published_models, read_published
from tritone.placement import LARGE_BYTES

ENSEMBLE = """
name: "rain"
platform: "ensemble"
ensemble_scheduling { step [ { model_name: "rain_denoiser" model_version: -1 } ] }
"""
DENOISER = """
name: "rain_denoiser"
backend: "denoiser"
parameters { key: "transformer" value { string_value: "rain_transformer" } }
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in {"rain": ENSEMBLE, "rain_denoiser": DENOISER}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.pbtxt").write_text(text)
    return tmp_path


def test_a_model_names_what_must_be_loaded_with_it(repository: Path) -> None:
    (model,) = list_published_models(repository)
    assert model == PublishedModel("rain", ("rain_denoiser",), ("rain_transformer",))
    assert model.triton_models == ("rain_transformer", "rain_denoiser", "rain")


@pytest.mark.parametrize(
    ("value", "has_onnxruntime", "is_callee"),
    [("true", False, False), ("auto", True, False), ("auto", False, True), ("false", True, True)],
)
def test_a_transformer_that_its_denoiser_loads_is_not_loaded_twice(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    has_onnxruntime: bool,
    is_callee: bool,
) -> None:
    found = object() if has_onnxruntime else None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    config = repository / "rain_denoiser" / "config.pbtxt"
    flag = f'parameters {{ key: "transformer_in_process" value {{ string_value: "{value}" }} }}'
    config.write_text(DENOISER + flag)
    (model,) = list_published_models(repository)
    assert model.callees == (("rain_transformer",) if is_callee else ())


def test_a_missing_component_is_named(repository: Path) -> None:
    (repository / "rain_denoiser" / "config.pbtxt").unlink()
    with pytest.raises(CannotStart, match="rain: its component rain_denoiser is missing"):
        list_published_models(repository)


def test_a_broken_configuration_is_named(repository: Path) -> None:
    (repository / "rain" / "config.pbtxt").write_text('name: "rain')
    with pytest.raises(CannotStart, match=r"rain/config\.pbtxt is not a model configuration"):
        list_published_models(repository)


def test_a_broken_model_spoils_no_other(repository: Path) -> None:
    for name in ("fire", "wind"):
        (repository / name).mkdir()
        (repository / name / "config.pbtxt").write_text(ENSEMBLE.replace("rain", name))
    (repository / "wind_denoiser").mkdir()
    (repository / "wind_denoiser" / "config.pbtxt").write_text("backend: {")
    found = read_published([repository])
    assert [model.name for model in found.models] == ["rain"]
    assert found.broken["fire"] == "its component fire_denoiser is missing"
    assert "wind_denoiser/config.pbtxt is not a model configuration" in found.broken["wind"]


def test_an_empty_repository_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="publishes no model"):
        list_published_models(tmp_path)


def test_a_missing_repository_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="python -m export"):
        list_published_models(tmp_path / "nowhere")


def test_a_large_transformer_is_left_to_triton_beside_a_gpu(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    config = repository / "rain_denoiser" / "config.pbtxt"
    flag = 'parameters { key: "transformer_in_process" value { string_value: "auto" } }'
    config.write_text(DENOISER + flag)
    network = repository / "rain_transformer" / "1" / "model.onnx"
    network.parent.mkdir(parents=True)
    with network.open("wb") as file:
        file.truncate(LARGE_BYTES + 1)  # takes no room
    callees = []
    for has_gpu in (False, True):
        monkeypatch.setattr("tritone.placement.has_gpu", lambda found=has_gpu: found)
        callees += [list_published_models(repository)[0].callees]
    assert callees == [(), ("rain_transformer",)]


def test_a_version_whose_transformer_is_a_plan_needs_the_plan(repository: Path) -> None:
    (repository / "rain_denoiser" / "1").mkdir()
    (repository / "rain_denoiser" / "1" / "transformer").write_text("rain_transformer_plan")
    (model,) = list_published_models(repository)
    assert model.callees == ("rain_transformer_plan",)

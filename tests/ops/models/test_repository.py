from pathlib import Path

import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.models.errors import ModelsError, Refused
from ops.models.manifests import check_hashes, read_manifest
from ops.models.repository import Repository
from ops.triton.published import list_published_models
from tests.acceptance.conftest import ROOT
from tritone.card import COMPONENTS, component_name
from tritone.versions import VERSIONS_PARAMETER, Lineup

NAMES = [component_name("starter", component) for component in COMPONENTS]


def config(folder: Path, model: str) -> ModelConfig:
    return text_format.Parse((folder / model / "config.pbtxt").read_text(), ModelConfig())


def served_versions(folder: Path, model: str) -> list[int]:
    return list(config(folder, model).version_policy.specific.versions)


def test_what_is_served_is_written_down_and_nothing_else_changes(folder: Path) -> None:
    before = {name: (folder / name / "config.pbtxt").read_text() for name in [*NAMES, "starter"]}
    repository = Repository(folder)
    repository.keep("starter", 2, Lineup(previous=1))
    assert all(served_versions(folder, name) == [1, 2] for name in NAMES)
    ensemble = config(folder, "starter")
    assert list(ensemble.version_policy.specific.versions) == [2]
    assert {step.model_version for step in ensemble.ensemble_scheduling.step} == {2}
    kept = Lineup.from_json(ensemble.parameters[VERSIONS_PARAMETER].string_value)
    assert kept == Lineup(previous=1)
    for name, text in before.items():
        assert (folder / name / "config.pbtxt").read_text().startswith("# kept by hand\n")
        assert len((folder / name / "config.pbtxt").read_text()) - len(text) < 120

    repository.keep("starter", 1, Lineup())
    assert all(served_versions(folder, name) == [1] for name in NAMES)
    assert config(folder, "starter").parameters[VERSIONS_PARAMETER].string_value
    for name in NAMES:
        assert (folder / name / "config.pbtxt").read_text() == before[name]


def test_a_candidate_is_loaded_by_the_next_start_until_it_is_gone(folder: Path) -> None:
    repository = Repository(folder)
    repository.keep("starter", 1, Lineup(candidates={2: 0.3}))
    models = {model.name: model for model in list_published_models(folder)}
    assert models["starter@2"].is_candidate
    assert models["starter@2"].components == models["starter"].components
    assert not models["starter"].is_candidate
    steps = config(folder, "starter@2").ensemble_scheduling.step
    assert {step.model_version for step in steps} == {2}
    assert (folder / "starter@2/2/manifest.json").exists()

    repository.keep("starter", 2, Lineup(previous=1))
    assert [model.name for model in list_published_models(folder)] == ["starter"]


def test_a_configuration_of_another_hand_is_written_anew(folder: Path) -> None:
    path = folder / "starter_transformer" / "config.pbtxt"
    path.write_text(path.read_text().replace("version_policy {", "version_policy: {\n"))
    Repository(folder).keep("starter", 2, Lineup())
    assert served_versions(folder, "starter_transformer") == [2]


def test_a_folder_that_is_closed_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)  # root may write everywhere
    with pytest.raises(ModelsError, match=r"a restart will not: .* \(Permission denied\)"):
        Repository(folder).keep("starter", 2, Lineup())


def test_an_absent_version_is_named_with_those_there_are(folder: Path) -> None:
    with pytest.raises(ModelsError, match="has no version 9 of starter; it has: 1, 2"):
        Repository(folder).manifest("starter", 9)


def test_one_command_at_a_time(folder: Path) -> None:
    repository = Repository(folder)
    with (
        repository.locked(),
        pytest.raises(ModelsError, match="another command is changing"),
        repository.locked(),
    ):
        pass
    with repository.locked():
        pass


def test_the_bundled_manifest_says_everything() -> None:
    manifest = read_manifest(ROOT / "model_repository/starter/1/manifest.json")
    assert manifest.precision == "fp32"
    assert manifest.n_bytes
    assert manifest.errors["latents_error"] < 1e-4
    assert manifest.fingerprint is not None
    assert len(manifest.fingerprint.samples) == len(manifest.fingerprint.questions.prompts)
    check_hashes(ROOT / "model_repository", manifest)


def test_a_changed_and_a_missing_file_are_named(folder: Path) -> None:
    manifest = Repository(folder).manifest("starter", 1)
    with pytest.raises(Refused, match=r"starter_denoiser/1/\.keep cannot be read"):
        check_hashes(folder, manifest)
    for name in manifest.artifacts:
        (folder / name).write_text("")
    with pytest.raises(Refused, match="its hash differs"):
        check_hashes(folder, manifest)


@pytest.mark.parametrize("text", ["{", "[]", '"text"'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ModelsError, match=str(path)):
        read_manifest(path)


def test_a_manifest_of_an_older_exporter_has_no_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"precision": "fp16"}')
    manifest = read_manifest(path)
    assert manifest.fingerprint is None
    assert manifest.n_bytes is None
    path.write_text('{"fingerprint": {}}')
    with pytest.raises(Refused, match="not a fingerprint"):
        _ = read_manifest(path).fingerprint

"""Publishing: a version appears whole or not at all, and never in another's place."""

import shutil
from dataclasses import replace
from errno import ENOSPC
from functools import partial
from pathlib import Path

import pytest

from export.configs import ENSEMBLE, ServingOptions, config_texts, model_name
from export.errors import PublishingRefused
from export.repository import (
    Configs,
    Staging,
    find_noise,
    list_kept_configs,
    next_version,
    staging,
)
from tritone.card import COMPONENTS, ModelCard
from tritone.noise import COUNTER, NOISE_KINDS, SEQUENCE

MODELS = ("starter", *(f"starter_{component}" for component in COMPONENTS))


def configs(card: ModelCard) -> Configs:
    return partial(config_texts, card, ServingOptions())


def fill(staged: Staging, content: str) -> None:
    for component in (*COMPONENTS, ENSEMBLE):
        path = staged.version_folder(component) / "artifact"
        path.write_text(content)
        path.chmod(0o600)


def publish(repository: Path, card: ModelCard, content: str = "first") -> int:
    with staging(repository, card, configs(card)) as staged:
        fill(staged, content)
        staged.publish()
    return staged.version


def fail(repository: Path, card: ModelCard) -> None:
    with staging(repository, card, configs(card)) as staged:
        fill(staged, "broken")
        raise OSError(ENOSPC, "No space left on device")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_the_first_version_brings_all_six_models(repository: Path, card: ModelCard) -> None:
    assert publish(repository, card) == 1

    assert sorted(path.name for path in repository.iterdir()) == sorted(MODELS)
    for name in MODELS:
        assert (repository / name / "config.pbtxt").is_file()
        assert (repository / name / "1" / "artifact").read_text() == "first"


def test_everything_published_can_be_read_by_other_users(repository: Path, card: ModelCard) -> None:
    publish(repository, card)

    for path in repository.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_second_version_leaves_the_first_as_it_is(repository: Path, card: ModelCard) -> None:
    publish(repository, card)
    before = snapshot(repository)

    assert publish(repository, card, "second") == 2

    after = snapshot(repository)
    assert {path: after[path] for path in before} == before
    assert (repository / "starter" / "2" / "artifact").read_text() == "second"


def test_versions_stay_in_lockstep_after_a_torn_publication(
    repository: Path, card: ModelCard
) -> None:
    publish(repository, card)
    (repository / "starter_tokenizer" / "4").mkdir()

    assert next_version(repository, card) == 5
    assert publish(repository, card) == 5


def test_seeds_of_a_published_model_keep_their_meaning(repository: Path, card: ModelCard) -> None:
    assert find_noise(repository, card.name) == COUNTER  # of a new one
    for noise in NOISE_KINDS:
        named = replace(card, name=noise, noise=noise)
        publish(repository, named)
        assert find_noise(repository, noise) == noise
    changed = replace(card, name=SEQUENCE, noise=COUNTER)
    with pytest.raises(PublishingRefused, match="noise: sequence -> counter"):
        publish(repository, changed)


def test_another_card_is_refused_by_the_names_of_its_fields(
    repository: Path, card: ModelCard
) -> None:
    publish(repository, card)
    before = snapshot(repository)
    other = replace(card, default_steps=50, schedule=replace(card.schedule, eta=0.0))

    with pytest.raises(PublishingRefused, match=r"default_steps: 20 -> 50.*eta.*another --name"):
        publish(repository, other)

    assert snapshot(repository) == before


def test_a_failure_leaves_the_repository_as_it_was(repository: Path, card: ModelCard) -> None:
    publish(repository, card)
    before = snapshot(repository)

    with pytest.raises(OSError, match="No space"):
        fail(repository, card)

    assert snapshot(repository) == before


def test_a_failure_removes_a_repository_that_it_created(repository: Path, card: ModelCard) -> None:
    with pytest.raises(OSError, match="No space"):
        fail(repository, card)

    assert not repository.exists()


def test_a_version_that_appeared_meanwhile_is_not_replaced(
    repository: Path, card: ModelCard
) -> None:
    publish(repository, card)
    with staging(repository, card, configs(card)) as staged:
        fill(staged, "slow")
        taken = repository / "starter_transformer" / "2" / "artifact"
        taken.parent.mkdir()
        taken.write_text("somebody else's")
        before = snapshot(repository)
        with pytest.raises(PublishingRefused, match="version 2 of starter"):
            staged.publish()
        assert snapshot(repository) == before


def test_what_a_killed_export_left_behind_is_removed(repository: Path, card: ModelCard) -> None:
    left_behind = repository.parent / ".models-publish-dead"
    (left_behind / "starter" / "1").mkdir(parents=True)

    publish(repository, card)

    assert not left_behind.exists()


def test_triton_never_sees_a_version_under_construction(repository: Path, card: ModelCard) -> None:
    # It would take the folder for a broken model, and not start.
    with staging(repository, card, configs(card)) as staged:
        assert not [*repository.iterdir()]
        assert staged.folder.parent == repository.parent
        assert staged.folder.name.startswith(".")


def test_an_export_that_runs_beside_is_left_alone(repository: Path, card: ModelCard) -> None:
    with staging(repository, card, configs(card)) as slow:
        fill(slow, "slow")
        publish(repository, replace(card, name="fast"))
        slow.publish()

    assert (repository / "starter" / "1" / "artifact").read_text() == "slow"
    assert (repository / "fast" / "1" / "artifact").exists()


def test_a_repository_without_a_parent_is_refused(tmp_path: Path, card: ModelCard) -> None:
    with pytest.raises(PublishingRefused, match=r"there is no folder .*absent"):
        publish(tmp_path / "absent" / "models", card)


def test_a_file_is_not_a_repository(tmp_path: Path, card: ModelCard) -> None:
    path = tmp_path / "models"
    path.touch()

    with pytest.raises(PublishingRefused, match="is not a folder"):
        publish(path, card)


def test_a_card_of_another_release_is_not_overwritten(repository: Path, card: ModelCard) -> None:
    publish(repository, card)
    path = repository / "starter" / "config.pbtxt"
    path.write_text(path.read_text().replace("sample_rate", "tempo"))

    with pytest.raises(PublishingRefused, match="another release"):
        publish(repository, card)


@pytest.mark.parametrize("config", [None, 'name: "starter" backend: "python"'])
def test_a_foreign_model_of_that_name_is_left_alone(
    repository: Path, card: ModelCard, config: str | None
) -> None:
    folder = repository / "starter"
    folder.mkdir(parents=True)
    if config:
        (folder / "config.pbtxt").write_text(config)
    before = snapshot(repository)

    with pytest.raises(PublishingRefused, match="is not a model of ours"):
        publish(repository, card)

    assert snapshot(repository) == before


def test_configs_that_operations_changed_are_kept_and_named(
    repository: Path, card: ModelCard
) -> None:
    publish(repository, card)
    path = repository / "starter_denoiser" / "config.pbtxt"
    changed = path.read_text().replace('string_value: "1"', 'string_value: "4"')
    path.write_text(changed)

    assert list_kept_configs(repository, card, configs(card)(2)) == ["starter_denoiser"]
    publish(repository, card)
    assert path.read_text() == changed


def test_a_second_version_is_published_and_not_served(repository: Path, card: ModelCard) -> None:
    publish(repository, card)
    before = {model: (repository / model / "config.pbtxt").read_text() for model in MODELS}

    assert publish(repository, card, "second") == 2

    for model, text in before.items():
        assert (repository / model / "config.pbtxt").read_text() == text
        assert "version_policy { specific { versions: [ 1 ] } }" in text


def test_a_component_that_is_missing_is_published_with_its_own_version(
    repository: Path, card: ModelCard
) -> None:
    publish(repository, card)
    shutil.rmtree(repository / "starter_vae_decoder")

    publish(repository, card)

    config = (repository / "starter_vae_decoder" / "config.pbtxt").read_text()
    assert "version_policy { specific { versions: [ 2 ] } }" in config


def test_the_name_of_a_component_and_of_the_ensemble(card: ModelCard) -> None:
    assert model_name(card, "denoiser") == "starter_denoiser"
    assert model_name(card, ENSEMBLE) == "starter"


def test_other_advice_is_no_other_card(repository: Path, card: ModelCard) -> None:
    publish(repository, card)
    assert publish(repository, replace(card, prompts=("a bell",))) == 2

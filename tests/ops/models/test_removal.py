from pathlib import Path

import pytest

from ops.models.actions import Operator
from ops.models.errors import ModelsError
from ops.models.removal import Removal, plan_removal, remove
from ops.models.repository import Repository
from ops.triton.published import read_published
from tests.ops.models.triton import FakeTriton
from tritone.card import ModelCard
from tritone.versions import Lineup


@pytest.fixture
def triton(card: ModelCard) -> FakeTriton:
    return FakeTriton(card, on_disk={1, 2})


@pytest.fixture
def operator(triton: FakeTriton, folder: Path) -> Operator:
    repository = Repository(folder)
    return Operator(
        control=triton.control,
        repository=repository,
        timeout_s=1.0,
        look_s=0.0,
        needs_fingerprint=False,
    )


async def plan(operator: Operator, version: int | None, model: str = "starter") -> Removal:
    return await plan_removal(operator.control, operator.repository, model, version)


def versions_in(folder: Path) -> dict[str, set[str]]:
    return {each.name: {v.name for v in each.iterdir() if v.is_dir()} for each in folder.iterdir()}


def publish_as(folder: Path, model: str) -> None:
    """Publish the starter's configurations under another name, too."""
    for each in [*folder.iterdir()]:
        other = folder / each.name.replace("starter", model, 1)
        other.mkdir()
        text = (each / "config.pbtxt").read_text()
        (other / "config.pbtxt").write_text(text.replace("starter", model))


async def test_a_version_that_does_not_serve_is_deleted_with_its_components(
    operator: Operator, folder: Path
) -> None:
    removal = await plan(operator, 2)
    assert removal.n_bytes > 0
    await remove(operator, removal)
    assert len(versions_in(folder)) == 6
    assert all(versions == {"1"} for versions in versions_in(folder).values())


async def test_what_serves_is_refused_and_stays(operator: Operator, folder: Path) -> None:
    before = versions_in(folder)
    with pytest.raises(ModelsError, match=r"version 1 of starter serves; promote another"):
        await plan(operator, 1)
    assert versions_in(folder) == before


async def test_what_gets_a_share_is_refused(operator: Operator, triton: FakeTriton) -> None:
    parameters = triton.configs["starter"].parameters
    parameters["tritone_versions"].string_value = Lineup(candidates={2: 0.05}).to_json()
    with pytest.raises(ModelsError, match=r"gets 5% of the requests"):
        await plan(operator, 2)


async def test_what_came_to_serve_meanwhile_is_refused(
    operator: Operator, triton: FakeTriton, folder: Path
) -> None:
    removal = await plan(operator, 2)
    for step in triton.configs["starter"].ensemble_scheduling.step:
        step.model_version = 2
    with pytest.raises(ModelsError, match=r"version 2 of starter serves"):
        await remove(operator, removal)
    assert (folder / "starter/2").is_dir()


async def test_what_is_loaded_for_a_rollback_is_unloaded_first(
    operator: Operator, triton: FakeTriton, folder: Path
) -> None:
    (folder / "starter/2/manifest.json").write_text("{}")  # no hashes to compare
    await operator.load("starter", 2)
    assert triton.loaded["starter_denoiser"] == {1, 2}
    await remove(operator, await plan(operator, 2))
    assert triton.loaded["starter_denoiser"] == {1}
    assert not (folder / "starter/2").exists()


async def test_a_whole_model_is_taken_out_of_service_callers_first(
    operator: Operator, triton: FakeTriton, folder: Path
) -> None:
    removal = await plan(operator, None)
    await remove(operator, removal)
    assert triton.unloads[0] == "starter"
    assert set(triton.unloads) == {each.name for each in removal.folders}
    assert versions_in(folder) == {}


async def test_another_model_keeps_its_folders(operator: Operator, folder: Path) -> None:
    publish_as(folder, "other")
    await remove(operator, await plan(operator, None))
    assert [model.name for model in read_published([folder]).models] == ["other"]
    assert {name.partition("_")[0] for name in versions_in(folder)} == {"other"}


@pytest.mark.parametrize(("model", "version"), [("nowhere", None), ("starter", 7)])
async def test_what_is_not_there_is_said_with_what_is(
    operator: Operator, model: str, version: int | None
) -> None:
    with pytest.raises(ModelsError, match="it has: "):
        await plan(operator, version, model)


async def test_a_repository_that_is_not_seen_is_asked_for(triton: FakeTriton) -> None:
    with pytest.raises(ModelsError, match="give --repository"):
        await plan_removal(triton.control, None, "starter", 2)

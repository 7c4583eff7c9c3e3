"""Completeness of a family: what `FAMILIES` promises exists."""

import pytest

from tritone.checkpoints import ARCHITECTURES
from tritone.families import FAMILIES, family_of_pipeline
from tritone.schedules import SCHEDULES

DIFFUSION = [name for name, family in FAMILIES.items() if family.schedule != "none"]
OTHERS = [name for name in FAMILIES if name not in DIFFUSION]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_listed_under_its_own_name(name: str) -> None:
    assert FAMILIES[name].name == name


@pytest.mark.parametrize("name", OTHERS)
def test_a_family_without_a_schedule_is_a_checkpoint_of_transformers(name: str) -> None:
    assert ARCHITECTURES[name].task == "sound"
    assert ARCHITECTURES[name].model_class == FAMILIES[name].pipeline_class


@pytest.mark.parametrize("name", DIFFUSION)
def test_a_family_has_a_schedule(name: str) -> None:
    assert FAMILIES[name].schedule in SCHEDULES


@pytest.mark.export
@pytest.mark.parametrize("name", DIFFUSION)
def test_a_family_has_an_exporter_and_a_diffusers_pipeline(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    from export.families import EXPORTERS

    assert name in EXPORTERS
    assert hasattr(diffusers, FAMILIES[name].pipeline_class)


def test_a_pipeline_class_names_its_family() -> None:
    found = family_of_pipeline("StableAudioPipeline")
    assert found is not None
    assert found.name == "stable_audio"
    assert family_of_pipeline("StableDiffusionPipeline") is None

"""Completeness of a family: what `FAMILIES` promises exists."""

import pytest

from tritone.families import FAMILIES, family_of_pipeline
from tritone.schedules import SCHEDULES


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_listed_under_its_own_name(name: str) -> None:
    assert FAMILIES[name].name == name


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_a_schedule(name: str) -> None:
    assert FAMILIES[name].schedule in SCHEDULES


@pytest.mark.export
@pytest.mark.parametrize("name", FAMILIES)
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

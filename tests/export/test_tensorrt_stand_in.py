"""The stand-in for TensorRT against what the real modules of five releases were seen to have."""

import pytest

from tests.export.fake_tensorrt import (
    CLASSES,
    RELEASES,
    FakeTensorRT,
    find_differences,
    read_listing,
)


@pytest.mark.parametrize("release", RELEASES)
def test_the_stand_in_has_nothing_that_the_real_module_lacks(release: str) -> None:
    assert find_differences(CLASSES, read_listing(release)) == []


class Builder:
    def create_network(self, precision: int) -> None: ...  # another argument
    def build_engine(self) -> None: ...  # gone since TensorRT 10
    def create_builder_config(self) -> None: ...


class Parser: ...


def test_another_name_or_argument_is_found() -> None:
    listing = read_listing("11.4.0")
    assert find_differences({"Builder": Builder}, listing) == [
        "Builder.create_network",
        "Builder.build_engine",
    ]


def test_an_unknown_enum_is_unknown_to_the_stand_in_too() -> None:
    fake = FakeTensorRT("11.4.0")
    assert fake.MemoryPoolType.WORKSPACE == 0
    with pytest.raises(AttributeError):
        _ = fake.BuilderFlag.FP16  # gone since TensorRT 11
    with pytest.raises(AttributeError):
        _ = fake.CalibrationAlgoType


@pytest.mark.parametrize("release", RELEASES)
def test_no_release_has_int16(release: str) -> None:
    assert "INT16" not in read_listing(release)["enums"]["DataType"]

"""The setting that says where the Tritons are."""

from typing import Annotated

from pydantic import AfterValidator

from tritone.addresses import parse


def _check(url: str) -> str:
    parse(url)
    return url


TritonUrl = Annotated[str, AfterValidator(_check)]
"""A setting that `tritone.addresses.parse` understands."""

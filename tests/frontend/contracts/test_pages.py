"""Every contract has a page for its users, whose table of errors is complete."""

import re
from pathlib import Path

import pytest

from frontend.contracts import tritone
from frontend.contracts.kit.elevenlabs_formats import MUSIC_FORMATS, OUTPUT_FORMATS
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.table import CONTRACTS
from tests.frontend.contracts.test_routing import OURS, ROOT_PATHS

PAGES = Path(__file__).parents[3] / "docs" / "contracts"
ENVELOPES = [contract.envelope for contract in CONTRACTS]
OF_TRITONE = "jobs"


def _page(name: str) -> str:
    name = OF_TRITONE if name == tritone.CONTRACT.name else name.replace("-", "_")
    return (PAGES / f"{name}.md").read_text()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda envelope: envelope.name)
def test_the_page_lists_every_status(envelope: Envelope) -> None:
    shown = re.findall(r"^\| (\d{3}) \|", _page(envelope.name), re.MULTILINE)
    assert shown == sorted({str(row.status) for row in envelope.table.values()})


@pytest.mark.parametrize("name", [each.name for each in CONTRACTS if each.has_prefix])
def test_the_index_has_the_page_and_both_addresses(name: str) -> None:
    index = _page("README")
    assert f"({name.replace('-', '_')}.md)" in index
    assert f"`http://localhost:8080/{name}`" in index


@pytest.mark.parametrize("name", [*ROOT_PATHS, tritone.CONTRACT.name])
def test_the_page_names_every_path(name: str) -> None:
    page = _page(name)
    for path in ROOT_PATHS.get(name, OURS):
        short = re.sub(
            r"\{\w+\}", lambda found: "{id}" if "token" not in found[0] else found[0], path
        )
        last = short.rpartition("/")[2]
        assert short in page or f"…/{last}" in page, path


def test_the_page_counts_the_formats() -> None:
    page = _page("elevenlabs")
    assert f"{len(OUTPUT_FORMATS)} for effects, {len(MUSIC_FORMATS)} and `auto`" in page

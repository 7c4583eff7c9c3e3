"""Every contract has a page for its users, whose table of errors is complete."""

import re
from pathlib import Path

import pytest

from frontend.contracts import CONTRACTS
from frontend.contracts.kit.envelopes import (
    AIMLAPI,
    ELEVENLABS,
    LOCALAI,
    MUSICGPT,
    TRITONE,
    VLLM_OMNI,
    Envelope,
)
from frontend.contracts.kit.output_formats import MUSIC_FORMATS, OUTPUT_FORMATS
from tests.frontend.contracts.test_routing import OURS, ROOT_PATHS

PAGES = Path(__file__).parents[3] / "docs" / "contracts"
ENVELOPES = [AIMLAPI, ELEVENLABS, LOCALAI, MUSICGPT, VLLM_OMNI, TRITONE]
OF_TRITONE = "jobs"


def _page(name: str) -> str:
    name = OF_TRITONE if name == TRITONE.name else name.replace("-", "_")
    return (PAGES / f"{name}.md").read_text()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda envelope: envelope.name)
def test_the_page_lists_every_status(envelope: Envelope) -> None:
    shown = re.findall(r"^\| (\d{3}) \|", _page(envelope.name), re.MULTILINE)
    assert shown == sorted({str(row.status) for row in envelope.rows.values()})


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_index_has_the_page_and_both_addresses(name: str) -> None:
    index = _page("README")
    assert f"({name.replace('-', '_')}.md)" in index
    assert f"`http://localhost:8080/{name}`" in index


@pytest.mark.parametrize("name", [*ROOT_PATHS, TRITONE.name])
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

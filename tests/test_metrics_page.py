"""docs/metrics.md shows what the code exports."""

import re
from pathlib import Path

from backends.denoiser.metrics import LABELS, MEANINGS, PREFIX
from frontend.http.scrape import described, markdown_table
from frontend.observe.metrics import Described

PAGE = (Path(__file__).parent.parent / "docs/metrics.md").read_text()


def denoiser_metrics() -> list[Described]:
    return [
        Described(name=PREFIX + name, kind=kind, labels=LABELS, meaning=meaning)
        for name, (kind, meaning) in MEANINGS.items()
    ]


def test_the_frontends_table_is_what_the_code_says() -> None:
    assert markdown_table(described()) in PAGE


def test_the_denoisers_table_is_what_the_code_says() -> None:
    assert markdown_table(denoiser_metrics()) in PAGE


def test_the_denoisers_names_follow_the_conventions() -> None:
    for metric in denoiser_metrics():
        assert re.fullmatch(r"tritone_denoiser_[a-z]+(_[a-z]+)*", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total")

"""docs/metrics.md shows what the code exports."""

import re
from pathlib import Path

from backends.denoiser import metrics as denoiser
from backends.speech import metrics as speech
from frontend.http.scrape import list_described, markdown_table
from frontend.observe.metrics import Described

PAGE = (Path(__file__).parent.parent / "docs/metrics.md").read_text()


def denoiser_metrics() -> list[Described]:
    return [
        Described(name=denoiser.PREFIX + name, kind=kind, labels=denoiser.LABELS, meaning=meaning)
        for name, (kind, meaning) in denoiser.MEANINGS.items()
    ]


def speech_metrics() -> list[Described]:
    return [
        Described(name=speech.PREFIX + name, kind=kind, labels=speech.LABELS, meaning=meaning)
        for name, (kind, meaning) in speech.MEANINGS.items()
    ]


def test_the_frontends_table_is_what_the_code_says() -> None:
    assert markdown_table(list_described()) in PAGE


def test_the_denoisers_table_is_what_the_code_says() -> None:
    assert markdown_table(denoiser_metrics()) in PAGE


def test_the_speakers_table_is_what_the_code_says() -> None:
    assert markdown_table(speech_metrics()) in PAGE


def test_the_backends_names_follow_the_conventions() -> None:
    for metric in (*denoiser_metrics(), *speech_metrics()):
        assert re.fullmatch(r"tritone_(denoiser|speech)_[a-z]+(_[a-z]+)*", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total")

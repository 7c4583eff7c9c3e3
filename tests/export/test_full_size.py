"""The full-size check, short of running it: the architectures, and what it does with results."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from export.full_size import FAMILIES, NETWORKS, Result, app
from export.full_size_models import full_size_card, make_pipeline

pytestmark = pytest.mark.export

RESULT = Result(
    parameters=1_057_000_000,
    build_seconds=11.0,
    export_seconds=53.0,
    verify_seconds=100.0,
    error=1.2e-6,
    file_bytes=4_228_000_000,
    peak_bytes=9 * 2**30,
)


def test_stable_audio_open_has_its_published_size() -> None:
    pipeline = make_pipeline("stable_audio")
    card = full_size_card("stable_audio", pipeline)

    parameters = [*pipeline.transformer.parameters()]
    assert sum(p.numel() for p in parameters) == 1_056_939_136
    assert {p.device for p in parameters} == {torch.device("meta")}
    assert (card.sample_rate, card.audio_channels, card.latent_channels) == (44100, 2, 64)
    assert card.window_seconds == pytest.approx(47.55, abs=0.01)
    assert card.frame_bucket == card.max_frames == 1024
    assert card.guidance


def test_stable_audio_3_medium_has_its_published_size() -> None:
    pipeline = make_pipeline("stable_audio_3")
    card = full_size_card("stable_audio_3", pipeline)

    assert sum(p.numel() for p in pipeline.transformer.parameters()) == pytest.approx(
        1.4e9, rel=0.1
    )
    assert (card.sample_rate, card.audio_channels, card.latent_channels) == (44100, 2, 256)
    assert card.window_seconds == pytest.approx(384, abs=0.1)
    assert not card.guidance


def test_ace_step_has_its_published_size() -> None:
    pipeline = make_pipeline("ace_step")
    card = full_size_card("ace_step", pipeline)

    assert sum(p.numel() for p in pipeline.transformer.parameters()) == pytest.approx(
        1.6e9, rel=0.1
    )
    assert (card.sample_rate, card.audio_channels, card.latent_channels) == (48_000, 2, 64)
    assert (card.window_seconds, card.conditioning_dim) == (600, 2048)


def write_results(folder: Path, result: Result) -> Path:
    names = [f"{family}/{net}" for family in FAMILIES for net in NETWORKS]
    (folder / "results.json").write_text(json.dumps({name: asdict(result) for name in names}))
    return folder


def test_what_is_finished_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its width is taken when the module is first imported, whichever test does that.
    monkeypatch.setattr("export.screen._output", Console(soft_wrap=True, width=200))
    result = CliRunner().invoke(app, ["--folder", str(write_results(tmp_path, RESULT))])

    assert result.exit_code == 0
    assert "stable_audio_3/transformer" in result.stdout
    assert "1057 M" in result.stdout
    assert "9.00 GiB" in result.stdout


def test_too_much_memory_is_a_failure(tmp_path: Path) -> None:
    hungry = replace(RESULT, peak_bytes=13 * 2**30)

    result = CliRunner().invoke(app, ["--folder", str(write_results(tmp_path, hungry))])

    assert result.exit_code == 1
    assert "more than 12 GiB" in result.stderr

"""The full-size check, short of running it: the architectures, and what it does with results."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from export import full_size
from export.full_size import FAMILIES, NETWORKS, WHOLE, WHOLE_FAMILIES, Result, Whole, app
from export.full_size_models import full_size_card, make_pipeline

pytestmark = pytest.mark.export

RESULT = Result(
    parameters=1_057_000_000,
    build_seconds=11.0,
    export_seconds=53.0,
    verify_seconds=100.0,
    error=1.2e-6,
    file_bytes=4_228_000_000,
    peak_bytes=9 * 10**9,
)
TO_SAMPLES = Whole(
    latents_error=2e-6,
    pcm_error=3e-6,
    two_prompt_difference=0.5,
    latent_frames=256,
    reference_seconds=100.0,
    served_seconds=90.0,
    peak_bytes=8 * 10**9,
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


@pytest.mark.drill
def test_ace_step_has_its_published_size() -> None:
    pipeline = make_pipeline("ace_step")
    card = full_size_card("ace_step", pipeline)

    assert sum(p.numel() for p in pipeline.transformer.parameters()) == pytest.approx(
        1.6e9, rel=0.1
    )
    assert (card.sample_rate, card.audio_channels, card.latent_channels) == (48_000, 2, 64)
    assert (card.window_seconds, card.conditioning_dim) == (600, 2048)


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep in mind, instead of starting it, what would run for an hour."""
    names: list[str] = []

    def start(_folder: Path, name: str, _precision: str) -> Result | Whole:
        names.append(name)
        return TO_SAMPLES if name.endswith(WHOLE) else RESULT

    monkeypatch.setattr(full_size, "_in_own_process", start)
    # Its width is taken when the module is first imported, whichever test does that.
    monkeypatch.setattr("export.screen._output", Console(soft_wrap=True, width=200))
    return names


def write_results(folder: Path, result: Result, precision: str = "fp32") -> Path:
    stored = {f"{family}/{net}": asdict(result) for family in FAMILIES for net in NETWORKS}
    stored |= {f"{family}/{WHOLE}": asdict(TO_SAMPLES) for family in WHOLE_FAMILIES}
    (folder / precision).mkdir()
    (folder / precision / "results.json").write_text(json.dumps(stored))
    return folder


def test_what_is_finished_is_not_done_again(tmp_path: Path, started: list[str]) -> None:
    result = CliRunner().invoke(app, ["--folder", str(write_results(tmp_path, RESULT))])

    assert result.exit_code == 0
    assert not started
    assert "stable_audio_3/transformer" in result.stdout
    assert "1057 M" in result.stdout
    assert "9.00 GB" in result.stdout
    assert "2.0e-06" in result.stdout


def test_everything_is_done_once_and_the_files_are_there_when_they_are_heard(
    tmp_path: Path, started: list[str]
) -> None:
    result = CliRunner().invoke(app, ["--folder", str(tmp_path)])

    assert result.exit_code == 0
    assert len(started) == len(FAMILIES) * len(NETWORKS) + len(WHOLE_FAMILIES)
    assert started[-4:] == [f"ace_step/{each}" for each in (*NETWORKS, WHOLE)]
    stored = json.loads((tmp_path / "fp32" / "results.json").read_text())
    assert stored["ace_step/whole"] == asdict(TO_SAMPLES)


def test_files_that_the_last_check_needs_are_made_again(tmp_path: Path, started: list[str]) -> None:
    path = write_results(tmp_path, RESULT) / "fp32" / "results.json"
    stored = json.loads(path.read_text())
    del stored["ace_step/whole"]
    path.write_text(json.dumps(stored))
    keep_file(tmp_path / "fp32", "transformer")

    CliRunner().invoke(app, ["--folder", str(tmp_path)])

    assert started == ["ace_step/text_encoder", "ace_step/vae_decoder", "ace_step/whole"]


def keep_file(folder: Path, network: str) -> None:
    kept = folder / "ace_step" / network / "model.onnx"
    kept.parent.mkdir(parents=True)
    kept.touch()


def test_the_last_check_alone_brings_the_files_that_it_needs(
    tmp_path: Path, started: list[str]
) -> None:
    CliRunner().invoke(app, ["--folder", str(tmp_path), "--only", "ace_step/whole"])

    assert started == [f"ace_step/{each}" for each in (*NETWORKS, WHOLE)]


def test_one_network_alone_is_not_done_again_for_a_check_that_nobody_wants(
    tmp_path: Path, started: list[str]
) -> None:
    for _ in range(2):
        CliRunner().invoke(app, ["--folder", str(tmp_path), "--only", "ace_step/transformer"])

    assert started == ["ace_step/transformer"]


def test_a_precision_takes_no_file_and_no_result_of_another(
    tmp_path: Path, started: list[str]
) -> None:
    write_results(tmp_path, RESULT)
    for network in NETWORKS:
        keep_file(tmp_path / "fp32", network)

    asked = ["--folder", str(tmp_path), "--precision", "bf16", "--only", "ace_step"]
    CliRunner().invoke(app, asked)

    assert started == [f"ace_step/{each}" for each in (*NETWORKS, WHOLE)]
    assert len(json.loads((tmp_path / "bf16" / "results.json").read_text())) == len(started)


def test_too_much_memory_is_a_failure(tmp_path: Path) -> None:
    hungry = replace(RESULT, peak_bytes=12 * 10**9 + 1)

    result = CliRunner().invoke(app, ["--folder", str(write_results(tmp_path, hungry))])

    assert result.exit_code == 1
    assert "more than 12 GB" in result.stderr

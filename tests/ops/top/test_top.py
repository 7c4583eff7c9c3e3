"""Readings of real HTTP answers, the figures made of them, and the frame at every width."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from ops.cli import app
from ops.ports import choose_ports
from ops.running_stack import RunningStack, announced
from ops.top.figures import Figures, figures
from ops.top.reading import Reading, Target, read
from ops.top.view import frame

FRONTEND = """\
# TYPE tritone_http_requests counter
tritone_http_requests_total{contract="elevenlabs",status="200"} %(ok)d
tritone_http_requests_total{contract="elevenlabs",status="502"} %(bad)d
tritone_http_requests_total{contract="none",status="200"} %(rows)d
# TYPE tritone_refused counter
tritone_refused_total{contract="elevenlabs",reason="slots"} %(refused)d
# TYPE tritone_generation_duration_seconds histogram
tritone_generation_duration_seconds_bucket{model="starter",version="1",le="1.0"} %(quick)d
tritone_generation_duration_seconds_bucket{model="starter",version="1",le="2.0"} %(ok)d
tritone_generation_duration_seconds_bucket{model="starter",version="1",le="+Inf"} %(ok)d
tritone_generation_duration_seconds_count{model="starter",version="1"} %(ok)d
tritone_generation_duration_seconds_sum{model="starter",version="1"} 1
# TYPE tritone_sound_seconds counter
tritone_sound_seconds_total{model="starter",version="1"} %(sound)d
tritone_triton_up 1
tritone_model_ready{model="starter"} 1
tritone_model_ready{model="large"} 0
tritone_passes_in_flight 3
tritone_passes_waiting 2
tritone_passes_queue_age_seconds 1.5
tritone_jobs{status="queued"} 7
tritone_jobs{status="running"} 4
tritone_jobs_queue_age_seconds 12
tritone_job_consumers 2
tritone_webhooks_pending 1
"""
TRITON = """\
tritone_denoiser_active{model="starter_denoiser",version="1"} 4
tritone_denoiser_pending{model="starter_denoiser",version="1"} 1
# TYPE tritone_denoiser_steps_total counter
tritone_denoiser_steps_total{model="starter_denoiser",version="1"} %(steps)d
# TYPE tritone_denoiser_step_rows_total counter
tritone_denoiser_step_rows_total{model="starter_denoiser",version="1"} %(rows)d
# TYPE tritone_denoiser_cancelled_total counter
tritone_denoiser_cancelled_total{model="starter_denoiser",version="1"} 0
"""
BEFORE = {"ok": 100, "bad": 5, "refused": 1, "quick": 50, "sound": 500, "steps": 1000, "rows": 2000}
NOW = {"ok": 120, "bad": 7, "refused": 5, "quick": 60, "sound": 600, "steps": 1200, "rows": 2500}
runner = CliRunner()


class Pages:
    """What the next answers are."""

    def __init__(self) -> None:
        self.frontend, self.triton = FRONTEND % BEFORE, TRITON % BEFORE
        self.url = ""

    def turn(self) -> None:
        self.frontend, self.triton = FRONTEND % NOW, TRITON % NOW

    @property
    def targets(self) -> list[Target]:
        return [Target("frontend", f"{self.url}/f"), Target("triton", f"{self.url}/t/metrics")]


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving(Pages()) as pages:
        yield pages


@contextmanager
def serving(pages: Pages) -> Iterator[Pages]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/f/metrics": pages.frontend, "/t/metrics": pages.triton}[self.path]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pages.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def after(reading: Reading, earlier: Reading, seconds: float) -> Reading:
    """Return a reading as if it were made so long after another."""
    return Reading(earlier.at + seconds, reading.problems, reading.samples)


def measured(pages: Pages) -> Figures:
    before = read(pages.targets)
    pages.turn()
    return figures(before, after(read(pages.targets), before, 2.0))


def text_of(found: Figures, width: int) -> str:
    console = Console(width=width, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(frame(found, "tritone top"))
    console.file.close()
    return console.export_text()


def test_figures_are_what_happened_between_two_readings(pages: Pages) -> None:
    found = measured(pages)
    assert (found.requests_per_s, found.errors_per_s, found.refused_per_s) == (11.0, 1.0, 2.0)
    assert (found.clips_per_s, found.sound_s_per_s) == (10.0, 50.0)
    assert found.p50_s == 1.0
    assert found.p95_s == pytest.approx(1.9)
    assert not found.latency_since_start
    assert (found.in_flight, found.waiting, found.queue_age_s) == (3, 2, 1.5)
    assert (found.triton_up, found.models) == (True, {"starter": True, "large": False})
    (version,) = found.versions
    assert (version.model, version.version) == ("starter", "1")
    assert (version.step_batch, version.steps_per_s) == (2.5, 100.0)
    assert found.jobs is not None
    assert (found.jobs.queued, found.jobs.running, found.jobs.consumers) == (7, 4, 2)


def test_without_news_latencies_are_of_all_that_was(pages: Pages) -> None:
    before = read(pages.targets)
    found = figures(before, after(read(pages.targets), before, 2.0))
    assert found.latency_since_start
    assert (found.p50_s, found.clips_per_s) == (1.0, 0.0)
    assert found.versions[0].step_batch is None


def test_a_process_that_began_anew_counts_from_zero(pages: Pages) -> None:
    pages.turn()
    before = read(pages.targets)
    pages.frontend = FRONTEND % (BEFORE | {"ok": 30, "bad": 0})
    found = figures(before, after(read(pages.targets), before, 2.0))
    assert found.requests_per_s == 15.0


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_frame_fits_any_width_and_loses_nothing(pages: Pages, width: int) -> None:
    text = text_of(measured(pages), width)
    assert max(map(len, text.splitlines())) <= width
    together = "".join(text.split())
    for part in ("requests", "11/s", "starter", "large", "away"):
        assert part in together


def test_who_does_not_answer_is_named(pages: Pages) -> None:
    port = choose_ports({"": 0})[""]
    targets = [Target("frontend", f"127.0.0.1:{port}"), *pages.targets[1:]]
    before = read(targets)
    found = figures(before, after(read(targets), before, 2.0))
    assert found.requests_per_s is None
    assert found.jobs is None
    text = text_of(found, 80)
    assert f"frontend 127.0.0.1:{port}: does not answer" in text
    assert "starter" in text


def test_what_is_no_metrics_is_named(pages: Pages) -> None:
    pages.frontend = "<!doctype html><p>A gateway time-out {"
    problems = read(pages.targets).problems
    assert problems[pages.targets[0]] == "answers, but not with metrics"
    assert problems[pages.targets[1]] is None


def test_one_frame_of_a_stack_that_is_named(pages: Pages) -> None:
    asked = ["--url", f"{pages.url}/f", "--triton", f"{pages.url}/t", "--interval", "0.2"]
    result = runner.invoke(app, ["top", "--once", *asked])
    assert result.exit_code == 0, result.output
    assert "starter" in result.output
    result = runner.invoke(app, ["top", "--once", "--json", *asked])
    found = json.loads(result.output)
    assert found["jobs"]["queued"] == 7
    assert found["memory_bytes"] is None


def test_the_local_stack_is_found_by_itself(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("TRITONE_STATE_DIRECTORY", str(tmp_path))
    stack = RunningStack(
        pid=os.getpid(),
        triton="127.0.0.1:1",
        triton_metrics=f"{pages.url}/t/metrics",
        frontend=f"{pages.url}/f",
        model_repository=None,
        workers=(f"{pages.url}/f/metrics",),
    )
    with announced(tmp_path, stack):
        result = runner.invoke(app, ["top", "--once", "--json", "--interval", "0.2"])
    found = json.loads(result.output)
    assert len(found["problems"]) == 3
    assert found["memory_bytes"] > 1e6


def test_nobody_there_is_said_and_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITONE_STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("TRITONE_PORT", str(choose_ports({"": 0})[""]))
    result = runner.invoke(app, ["top", "--once", "--interval", "0.2"])
    assert result.exit_code == 1
    assert "does not answer" in result.output

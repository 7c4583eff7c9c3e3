from collections.abc import Iterator

import numpy as np
import pytest

from frontend.observe.metrics import Metrics
from ops.models.errors import ModelsError
from ops.models.traffic import compare
from tests.pages import serving_page
from tritone.pcm import Pcm, loudness_dbfs


def noise(level: float) -> Pcm:
    random = np.random.default_rng(0)
    return (level * 32767 * random.standard_normal((1, 16_000))).astype(np.int16)


@pytest.fixture
def frontend() -> Iterator[str]:
    """A page of the frontend's own metrics, after a few passes."""
    metrics = Metrics()
    for seconds in (0.3, 0.4, 0.9):
        metrics.observe_pass("starter", "1", loudness_dbfs(noise(0.03)), seconds)
    metrics.observe_pass("starter", "2", loudness_dbfs(noise(0.0)), 2.0)
    metrics.observe_pass("starter", "1", loudness_dbfs(noise(0.03)), 0.4)
    metrics.candidate_failures.labels("starter", "2", "GenerationFailed").inc()
    metrics.observe_pass("rain", "7", loudness_dbfs(noise(0.1)), 9.0)

    with serving_page(metrics.exposition, "/metrics") as address:
        yield f"http://{address}"


def test_versions_are_compared_by_what_the_frontend_measured(frontend: str) -> None:
    first, second = compare([frontend], "starter")
    assert (first.version, first.passes, first.failures, first.silent) == ("1", 4, 0, 0)
    assert first.mean_seconds == pytest.approx(0.5)
    # Three of four passes took 0.25 to 0.5 s, the last one 0.5 to 1 s.
    assert first.p50_seconds == pytest.approx(0.25 + 0.25 * 2 / 3)
    assert first.p95_seconds == pytest.approx(0.5 + 0.5 * 0.8)
    assert first.loudness_dbfs == -32.5  # of -35 to -30
    assert (second.version, second.passes, second.failures, second.silent) == ("2", 1, 1, 1)
    assert second.loudness_dbfs == -60.0


def test_frontends_are_added_up(frontend: str) -> None:
    first, second = compare([frontend, frontend.removeprefix("http://")], "starter")
    assert (first.passes, second.passes) == (8, 2)
    assert first.mean_seconds == pytest.approx(0.5)


def test_a_model_that_nobody_asked_for_has_no_figures(frontend: str) -> None:
    assert compare([frontend], "wind") == []


def test_a_frontend_that_is_away_is_named() -> None:
    with pytest.raises(ModelsError, match=r"frontend at 127\.0\.0\.1:1 does not answer"):
        compare(["127.0.0.1:1"], "starter")

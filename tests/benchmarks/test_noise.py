import subprocess
import sys

import psutil
import pytest

from benchmarks.noise import listening, share


@pytest.mark.parametrize(
    ("busy_s", "own_s", "cores_s", "expected"),
    [
        pytest.param(6.0, 4.0, 20.0, 0.1, id="two of twenty core-seconds were others'"),
        pytest.param(4.0, 4.1, 20.0, 0.0, id="ticks"),
        pytest.param(30.0, 0.0, 20.0, 1.0, id="never above all"),
        pytest.param(0.0, 0.0, 0.0, 0.0, id="no time at all"),
    ],
)
def test_share(busy_s: float, own_s: float, cores_s: float, expected: float) -> None:
    assert share(busy_s, own_s, cores_s) == pytest.approx(expected)


def test_a_server_that_ends_meanwhile_does_not_matter() -> None:
    server = subprocess.Popen([sys.executable, "-c", ""])
    with listening(psutil.Process(server.pid)) as noise:
        server.wait()
    assert 0.0 <= noise.others_share <= 1.0

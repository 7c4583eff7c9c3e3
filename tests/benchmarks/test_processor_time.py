import psutil
import pytest

from benchmarks.overhead import Lost
from benchmarks.processor_time import LOAD, role, seconds_by_role


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(["/b/stub", "/m/1/model.py", "rain_denoiser_0_0", "/b"], "rain_denoiser"),
        pytest.param(["/venv/bin/python", "-m", "frontend"], "frontend"),
        pytest.param(["/venv/bin/python", "-m", "frontend.jobs"], "worker"),
        pytest.param(["/opt/tritonserver", "--model-repository=/m"], "tritonserver"),
        pytest.param(["/venv/bin/python", "/venv/bin/tritone", "up"], "tritone up"),
    ],
)
def test_a_process_is_known_by_its_command(command: list[str], expected: str) -> None:
    assert role(command) == expected


def test_the_load_is_this_process() -> None:
    used = seconds_by_role(psutil.Process())
    assert used[LOAD] > 0


def test_what_the_load_took_is_not_the_products() -> None:
    lost = Lost(networks_per_s=4.0, served_per_s=3.6, load_share=0.05)
    assert lost.raw_share == pytest.approx(0.1)
    assert lost.share == pytest.approx(1 - 3.6 / 0.95 / 4)

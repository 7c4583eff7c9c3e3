"""What docs/metrics.md, the dashboard and the alerts count on, in a real Triton's own words."""

import re
import urllib.request

import pytest

from ops.processes.ports import LOOPBACK
from tests.acceptance.client import Ask, Client
from tests.acceptance.stack import Stack
from tests.test_metrics_page import PAGE, denoiser_metrics

pytestmark = pytest.mark.triton


def metrics_of(stack: Stack) -> str:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{stack.metrics_port}/metrics") as answer:
        return str(answer.read().decode())


async def test_triton_exports_every_metric_of_the_page(
    stack: Stack, client: Client, model: str
) -> None:
    await client.generate(Ask())
    text = metrics_of(stack)
    exported = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    documented = set(re.findall(r"^\| `(nv_\w+)`", PAGE, re.MULTILINE))
    assert documented
    assert documented | {metric.name for metric in denoiser_metrics()} <= exported
    # The alert on dead stubs asks for this label.
    assert f'nv_inference_request_failure{{model="{model}_denoiser",reason="BACKEND"' in text

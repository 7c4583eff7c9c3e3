"""The receiver that `docs/webhooks.md` prints works as printed."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from frontend.webhooks.sending import Sender
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.signature import derive_receiver_secret, make_signature_headers

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
SECRET = derive_receiver_secret(b"m" * 32, "alice")
BODY = b'{"type": "job.completed", "data": {"id": "7"}}'


@pytest.fixture
def receiver() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "9000" in program
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program.replace("9000", str(port))],
        env={"SECRET": SECRET, "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/", process
    process.kill()
    process.communicate()


async def test_it_accepts_ours_once_and_refuses_others(
    receiver: tuple[str, subprocess.Popen[str]],
) -> None:
    url, process = receiver
    sender = Sender(WebhookSettings.model_validate({"allow_networks": ["127.0.0.0/8"]}))
    headers = make_signature_headers([SECRET], "msg_1", datetime.now(UTC), BODY)
    for _ in range(2):
        assert (await sender.send(url, headers, BODY)).status_code == 204
    foreign = make_signature_headers(
        [derive_receiver_secret(b"x" * 32, "")], "m", datetime.now(UTC), BODY
    )
    assert (await sender.send(url, foreign, BODY)).status_code == 400
    await sender.close()
    process.terminate()
    output, _ = process.communicate(timeout=10)
    assert output == "job.completed 7\n"

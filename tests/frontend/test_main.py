import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest
from structlog.testing import capture_logs

from frontend.__main__ import CannotListen, listen, main

TIMEOUT_S = 30


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """The program, listening on a free port, with no Triton anywhere."""
    environment = {**os.environ, "TRITONE_PORT": "0", "TRITONE_TRITON__URL": "127.0.0.1:1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "frontend"], env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "listening":
            return int(json.loads(line)["port"])
    raise AssertionError("it did not start")


def test_it_serves_without_triton_and_leaves_on_sigterm(process: subprocess.Popen[str]) -> None:
    address = f"http://127.0.0.1:{port_of(process)}"
    transport = httpx2.HTTPTransport(retries=20)
    with httpx2.Client(transport=transport, timeout=TIMEOUT_S) as client:
        live = client.get(f"{address}/livez")
        assert live.status_code == 200
        assert "server" not in live.headers
        assert client.get(f"{address}/readyz").status_code == 503
        answer = client.post(f"{address}/v1/audio/generate", json={"input": "rain"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT_S) == 0
    assert process.stdout is not None
    for line in process.stdout:
        json.loads(line)  # uvicorn's lines too


def test_a_taken_port_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("TRITONE_PORT", str(port))
        assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tritone: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert "TRITONE_PORT" in line


def test_a_bad_setting_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRITONE_PORT", "http")
    assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tritone: TRITONE_PORT: ")


def test_a_database_that_is_down_is_one_clear_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("frontend.__main__._DATABASE_TIMEOUT_S", 0.1)
    monkeypatch.setenv("TRITONE_PORT", "0")
    monkeypatch.setenv("TRITONE_JOBS__DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/jobs")
    monkeypatch.setattr("frontend.__main__.logs.configure", lambda _level: None)
    with capture_logs() as logged:
        assert main() == 1
    out, err = capfd.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("tritone: the job database cannot be used: ")
    assert line.endswith("; start it, or correct TRITONE_JOBS__DATABASE_URL")
    assert "refused" in line
    assert [each["event"] for each in logged] == ["waiting for the job database"]
    assert "secret" not in out + err + str(logged)


@pytest.mark.parametrize("host", ["not an address", "192.0.2.1", "a" * 300])
def test_a_foreign_address_is_refused(host: str) -> None:
    with pytest.raises(CannotListen, match="TRITONE_HOST"):
        listen(host, 0)


def test_ipv6_is_an_address_too() -> None:
    with listen("::1", 0) as listening:
        assert listening.family is socket.AF_INET6

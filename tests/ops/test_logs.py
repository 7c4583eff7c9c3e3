import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ops import logs


def test_a_full_disk_under_the_log_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Path("/dev/full").open("w")  # noqa: SIM115 -- closing it fails
    monkeypatch.setattr(sys, "stderr", log)
    for _ in range(3):
        logs.show("triton", "x" * 10_000)
    with suppress(OSError):
        log.close()

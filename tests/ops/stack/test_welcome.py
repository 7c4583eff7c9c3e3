import shlex
import sys
from pathlib import Path

import pytest

from ops.stack.welcome import describe


def test_the_request_needs_no_new_curl_and_can_be_pasted() -> None:
    lines = describe("http://127.0.0.1:8080").splitlines()
    (start,) = (i for i, line in enumerate(lines) if line.startswith("try it:"))
    pasted = "\n".join(lines[start : start + 2]).removeprefix("try it:").replace("\\\n", "")
    words = shlex.split(pasted)
    assert words[:2] == ["curl", "http://127.0.0.1:8080/v1/audio/generate"]
    assert set(words[2:]) >= {"-H", "-d", "-o"}
    assert "--json" not in words  # curl 7.82


def test_the_command_is_named_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    assert f"{tmp_path}/.venv/bin/tritone generate" in describe("http://h")
    monkeypatch.chdir(tmp_path)
    assert " .venv/bin/tritone generate" in describe("http://h")

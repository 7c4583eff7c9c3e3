import tempfile
from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.triton.closed_folder import own_folder

MAX_SOCKET_CHARS = 107  # of Linux's sockaddr_un


@pytest.mark.parametrize("name", ["a folder", "long" * 30])
def test_a_socket_has_a_path_that_it_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    with own_folder("tritone_test_") as folder:
        assert len(f"{folder.socket}:8001") <= MAX_SOCKET_CHARS
        assert folder.make_plain(folder.socket.parent) == folder.socket.parent


def test_without_a_place_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with (
        pytest.raises(CannotStart, match=r"No such file or directory\); set TMPDIR"),
        own_folder("tritone_test_"),
    ):
        pass

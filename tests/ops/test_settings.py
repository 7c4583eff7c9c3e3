from pathlib import Path

import pytest

from ops.settings import Settings


def test_defaults_work_on_a_laptop() -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.triton.url is None
    assert settings.triton.grpc_port == 0


def test_groups_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_TRITON__METRICS_PORT", "8002")
    monkeypatch.setenv("TRITONE_JOBS__LEASE_S", "30")  # the frontend's, not ours
    assert Settings().triton.metrics_port == 8002


def test_scratch_lies_in_a_checkout_or_in_the_users_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    assert Settings().resolved_state_directory() == tmp_path / "state" / "tritone"
    (tmp_path / "pyproject.toml").touch()
    assert Settings().resolved_state_directory() == tmp_path / "run"
    monkeypatch.setenv("TRITONE_STATE_DIRECTORY", str(tmp_path / "mine"))
    assert Settings().resolved_state_directory() == tmp_path / "mine"

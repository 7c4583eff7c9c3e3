from pathlib import Path

import pytest

from ops.settings import Settings, TritonSettings
from ops.triton.own_triton import prepare_server

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("exposed", "address"), [(False, "127.0.0.1"), (True, "0.0.0.0")])
def test_triton_is_reached_from_elsewhere_only_when_asked_to(
    tmp_path: Path, exposed: bool, address: str
) -> None:
    settings = Settings(
        model_repository=ROOT / "model_repository",
        state_directory=tmp_path,
        triton=TritonSettings(exposed=exposed),
    )
    with prepare_server(settings, "tritone_test_", logs_info=False) as server:
        command = server.command()
        assert server.url.startswith("127.0.0.1:")
    for api in ("http", "grpc", "metrics"):
        assert f"--{api}-address={address}" in command

from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.processes.ports import choose_ports
from ops.settings import Settings, TritonSettings
from ops.triton.closed_apis import close_apis
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
    for api in ("grpc", "metrics"):
        assert f"--{api}-address={address}" in command


@pytest.mark.parametrize("has_http", [False, True])
def test_the_http_api_is_there_only_with_a_port_of_its_own(tmp_path: Path, has_http: bool) -> None:
    port = choose_ports({"": 0})[""]
    settings = Settings(
        model_repository=ROOT / "model_repository",
        state_directory=tmp_path,
        triton=TritonSettings(http_port=port if has_http else 0),
    )
    with prepare_server(settings, "tritone_test_", logs_info=False) as server:
        command = server.command()
    assert (f"--http-port={port}" in command) == has_http
    assert ("--allow-http=false" in command) != has_http


def test_what_nobody_needs_is_closed_with_another_secret_at_every_start() -> None:
    grpc, http = close_apis()
    assert grpc.startswith("--grpc-restricted-protocol=shared-memory,trace,logging:")
    assert http.startswith("--http-restricted-api=shared-memory,trace,logging:")
    assert len(grpc.rpartition("=")[2]) > 32
    assert close_apis() != [grpc, http]


@pytest.mark.parametrize("name", ["a folder", "it's", "$HOME"])
@pytest.mark.parametrize("variable", ["MODEL_REPOSITORY", "STATE_DIRECTORY"])
def test_a_folder_that_tritons_shell_stumbles_over_is_refused(
    tmp_path: Path, name: str, variable: str
) -> None:
    folders = {"model_repository": ROOT / "model_repository", "state_directory": tmp_path}
    settings = Settings.model_validate({**folders, variable.lower(): tmp_path / name})
    with (
        pytest.raises(CannotStart, match=f"set TRITONE_{variable} to another folder"),
        prepare_server(settings, "tritone_test_", logs_info=False),
    ):
        pass

from pathlib import Path

import pytest

from ops.processes.ports import choose_ports
from ops.settings import Settings, TritonSettings
from ops.triton.closed_apis import close_apis
from ops.triton.own_triton import prepare_server
from tritone.addresses import parse

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


@pytest.mark.parametrize("name", ["a folder", "it's", "$HOME", "a;b"])
def test_tritons_shell_gets_no_path_that_it_stumbles_over(tmp_path: Path, name: str) -> None:
    models = tmp_path / name / "models"
    models.parent.mkdir()
    models.symlink_to(ROOT / "model_repository")
    settings = Settings(model_repository=models, state_directory=tmp_path / name / "run")
    with prepare_server(settings, "tritone_test_", logs_info=False) as server:
        paths = [_find_folders(server.command()) for _ in "two starts"]
        assert paths[0] == paths[1]
        backends, *repositories = paths[0]
        assert not [path for path in paths[0] if name in str(path)]
        assert [path.resolve() for path in repositories] == [
            path.resolve() for path in server.repositories
        ]
        assert (backends / "python" / "libtriton_python.so").is_file()


def _find_folders(command: list[str]) -> list[Path]:
    """Return the folders that Triton is told of: that of the backends, then the repositories."""
    flags = ("--backend-directory=", "--model-repository=")
    found = [each for flag in flags for each in command if each.startswith(flag)]
    return [Path(each.partition("=")[2]) for each in found]


@pytest.mark.parametrize(
    ("triton", "has_socket"),
    [({}, True), ({"grpc_port": 0, "exposed": True}, False), ({"grpc_port": -1}, False)],
)
def test_a_private_triton_has_a_socket_unless_a_port_is_asked_for(
    tmp_path: Path, triton: dict[str, int], has_socket: bool
) -> None:
    if triton.get("grpc_port"):
        triton = {"grpc_port": choose_ports({"": 0})[""]}
    settings = Settings.model_validate(
        {
            "model_repository": ROOT / "model_repository",
            "state_directory": tmp_path,
            "triton": triton,
        }
    )
    with prepare_server(settings, "tritone_test_", logs_info=False, is_private=True) as server:
        assert server.url.startswith("unix:/") is has_socket
        assert parse(server.url).is_single
        socket = server.folder.socket
        assert (f"--grpc-address=unix:{socket}" in server.command()) is has_socket
        assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert not socket.parent.exists()

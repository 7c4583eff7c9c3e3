import base64
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from frontend.playground import fetch
from frontend.playground.fetch import Package, find_registry

SOUGHT = Package(
    name="waves",
    version="1.2.3",
    integrity="",
    files={"LICENSE": "waves.LICENSE", "dist/a.js": "b.js"},
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry with one package."""
    archive = tmp_path / "registry" / "waves" / "-" / "waves-1.2.3.tgz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in {"LICENSE": b"free", "dist/a.js": b"let a;", "evil.js": b"!"}.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    handler = partial(_Quiet, directory=str(tmp_path / "registry"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def _expect(monkeypatch: pytest.MonkeyPatch, registry: str, archive: bytes) -> None:
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    package = Package(
        name="waves", version="1.2.3", integrity=f"sha512-{digest}", files=SOUGHT.files
    )
    monkeypatch.setattr(fetch, "read_package", lambda _name: package)
    monkeypatch.setenv("npm_config_registry", registry)


def _archive(tmp_path: Path) -> bytes:
    return (tmp_path / "registry" / "waves" / "-" / "waves-1.2.3.tgz").read_bytes()


def test_the_wanted_files_come_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: str
) -> None:
    _expect(monkeypatch, registry, _archive(tmp_path))
    assert fetch.main("waves", tmp_path / "out") == 0
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == {"waves.LICENSE": b"free", "b.js": b"let a;"}


def test_another_content_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    registry: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _expect(monkeypatch, registry, _archive(tmp_path) + b"more")
    assert fetch.main("waves", tmp_path / "out") == 1
    assert not (tmp_path / "out").exists()
    assert "waves was refused" in capsys.readouterr().err


def test_without_a_registry_the_installation_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _expect(monkeypatch, "http://127.0.0.1:9/", b"")
    assert fetch.main("waves", tmp_path / "out") == 0
    assert "waves was not fetched" in capsys.readouterr().err


def test_where_no_registry_is_known_the_installation_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _expect(monkeypatch, "", b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch.main("waves", tmp_path / "out") == 0
    assert "set npm_config_registry" in capsys.readouterr().err


def test_the_registry_is_the_one_that_npm_would_ask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho https://$1.$2.$3.example/\n")
    npm.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("npm_config_registry", raising=False)
    assert find_registry() == "https://config.get.registry.example/"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://b.example")
    assert find_registry() == "https://b.example"

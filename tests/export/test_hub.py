"""Hub ids, against a hub of our own on this machine."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from export.checkpoint import COMPONENTS, open_checkpoint
from export.errors import InvalidCheckpoint
from tests.export.test_checkpoint import write_checkpoint

constants = pytest.importorskip("huggingface_hub.constants")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """The repositories of a hub, and which files were asked for."""

    folder: Path
    sent: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """The part of the hub's HTTP that a download needs: somebody/<folder name>."""

    def __init__(self, hub: Hub, *args: object) -> None:
        self.hub = hub
        super().__init__(*args)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        _, *parts = self.path.split("?")[0].removeprefix("/api/models").split("/")
        folder = self.hub.folder / parts[1]
        if "gated" in parts[1]:
            self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif not folder.is_dir():
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif "resolve" in parts:
            name = "/".join(parts[parts.index("resolve") + 2 :])
            self.send(folder / name, name)
        else:
            self.answer(200, json.dumps(self.description(folder, "tree" in parts)).encode(), {})

    def description(self, folder: Path, is_tree: bool) -> object:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        names = {path.relative_to(folder).as_posix(): path for path in files}
        if is_tree:
            return [
                {"type": "file", "path": name, "size": path.stat().st_size, "oid": digest(path)}
                for name, path in names.items()
            ]
        siblings = [{"rfilename": name} for name in names]
        return {"id": f"somebody/{folder.name}", "sha": COMMIT, "siblings": siblings}

    def send(self, path: Path, name: str) -> None:
        if not path.is_file():
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if self.command == "GET":
            self.hub.sent.append(name)
        headers = {"ETag": f'"{digest(path)}"', "X-Repo-Commit": COMMIT}
        self.answer(200, path.read_bytes(), headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def digest(path: Path) -> str:
    # Of the path too: the client keeps files of one digest once.
    content = str(path).encode() + path.read_bytes()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub(tmp_path / "hub")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, served))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_checkpoint_is_downloaded_by_its_id(hub: Hub) -> None:
    folder = write_checkpoint(hub.folder / "sound")
    (folder / "generation_defaults.json").write_text('{"steps": 12}')
    (folder / "model.safetensors").write_text("everything once more, in one file")
    (folder / "vae" / "model.fp16.safetensors").write_text("and in half")

    checkpoint = open_checkpoint("somebody/sound")

    assert checkpoint.source == "somebody/sound"
    assert checkpoint.family.name == "stable_audio"
    assert checkpoint.defaults.steps == 12
    in_components = {path for path in checkpoint.hashes() if "/" in path}
    assert in_components >= {f"{name}/config.json" for name in COMPONENTS["stable_audio"]}
    assert set(hub.sent) == {"model_index.json", "generation_defaults.json", *in_components}
    assert not any("fp16" in path for path in hub.sent)


def test_of_an_unsupported_pipeline_only_the_index_is_downloaded(hub: Hub) -> None:
    write_checkpoint(hub.folder / "other", "AudioLDM2Pipeline")

    with pytest.raises(InvalidCheckpoint, match="somebody/other is a AudioLDM2Pipeline"):
        open_checkpoint("somebody/other")

    assert hub.sent == ["model_index.json"]


@pytest.mark.usefixtures("hub")
def test_a_gated_checkpoint_is_told_how_to_get_in() -> None:
    with pytest.raises(InvalidCheckpoint, match=r"somebody/gated is gated: accept .* HF_TOKEN"):
        open_checkpoint("somebody/gated")


@pytest.mark.usefixtures("hub")
def test_an_unknown_checkpoint_is_neither_folder_nor_model() -> None:
    with pytest.raises(InvalidCheckpoint, match="neither a folder somebody/unknown nor such a"):
        open_checkpoint("somebody/unknown")


def test_without_a_network_the_hub_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(InvalidCheckpoint, match="no folder somebody/sound, and the Hugging Face"):
        open_checkpoint("somebody/sound")


def test_a_hub_that_does_not_answer_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(InvalidCheckpoint, match="hub cannot be reached"):
        open_checkpoint("somebody/sound")

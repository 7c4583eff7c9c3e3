"""Hub ids, against a hub of our own on this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from export.checkpoint import open_checkpoint
from export.errors import InvalidCheckpoint

constants = pytest.importorskip("huggingface_hub.constants")


class Hub(BaseHTTPRequestHandler):
    """Answers every question with the refusal that the repository's name asks for."""

    def do_GET(self) -> None:
        status, code = (403, "GatedRepo") if "gated" in self.path else (404, "RepoNotFound")
        body = json.dumps({"error": "no"}).encode()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


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

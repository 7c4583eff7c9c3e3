"""An OpenAI-compatible speech server for tests: a program of its own, so that it can be killed.

`python -m tests.speech_server` prints its port. The text decides how it behaves: `broken` is
refused, `halt` sends half of its sound and waits for ever.
"""

import json
import struct
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from ops.voices.upstream import name_voices
from tritone.upstream import Upstream

RATE = 22_050
VOICES = {"high": 880.0, "low": 110.0, "silent": 0.0}


class Handler(BaseHTTPRequestHandler):
    """Speaks a tone for each voice, 0.05 s a character, as a stream of chunks."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text, voice = body["input"], body["voice"]
        if self.path != "/v1/audio/speech" or voice not in VOICES or "broken" in text:
            self._answer(400, b'{"error": {"message": "no such voice"}}')
        elif "busy" in text:
            self._answer(503, b"later")
        elif "page" in text:
            self._answer(200, b"<html>hello</html>")
        elif "secret" in text and self.headers["authorization"] != "Bearer key":
            self._answer(401, b"who are you")
        else:
            self._speak(text, VOICES[voice], float(body.get("speed", 1.0)))

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _speak(self, text: str, pitch: float, speed: float) -> None:
        n = round(len(text) * 0.05 * RATE / speed)
        sound = np.sin(2 * np.pi * pitch / RATE * np.arange(n)) * 12_000
        pcm = sound.astype("<i2").tobytes()
        unknown = 0xFFFFFFFF  # as streams have it
        head = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF", unknown, b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data", unknown,
        )  # fmt: skip
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        half = len(pcm) // 4 * 2
        for piece in (head + pcm[:half], pcm[half:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            if "halt" in text:
                time.sleep(600)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server:
    """The server, running."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.speech_server"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def describe(server: Server, *voices: str, **fields: str) -> Upstream:
    return Upstream(url=server.url, model="tts-1", voices=name_voices("up", voices), **fields)  # type: ignore[arg-type]


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()

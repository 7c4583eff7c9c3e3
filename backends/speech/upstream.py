"""The engine `upstream`: another speech server speaks, sentence by sentence.

Everything around it is ours: contracts, keys, jobs, turns, metrics, timings (spread evenly, because
the server says nothing of them). Knows no Triton. Source: OpenAI's API reference, "Create speech".
"""

import http.client
import json
import os
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

import numpy as np

from backends.errors import Code, RequestFailed
from backends.speech.engine import NoiseKey, Parts, Reading, Sound
from backends.speech.script import Piece
from backends.speech.written import read_as_written
from tritone.card import Voice
from tritone.upstream import FILE, PATH, Upstream
from tritone.wav import NoWav, read_wav

_MAX_BYTES = 64 << 20  # of one passage: six minutes at 48 kHz stereo
_BUSY = (429, 503)
_MISTAKES = range(400, 500)


class UpstreamSpeech:
    """One OpenAI-compatible server. Each call has a connection of its own."""

    def __init__(self, parts: Parts) -> None:
        """Read where the server is; it is asked when somebody speaks.

        Raises:
            OSError, ValueError, TypeError: the version's file is missing or broken.
        """
        self._server = Upstream(**json.loads((parts.folder / FILE).read_text("utf-8")))
        self._address = urlsplit(self._server.url)
        self._sample_rate = parts.card.sample_rate

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        """Return a passage as its characters: the server makes its own phonemes."""
        return read_as_written(pieces)

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        """Return what the server says.

        Raises:
            RequestFailed: it is away, refuses, or ends in the middle.
        """
        body = {
            "model": self._server.model,
            "voice": self._server.voices[voice.id],
            "input": reading.text,
            "speed": speed,
            "response_format": "wav",
        }
        content = self._post(json.dumps(body).encode())
        try:
            waveform, rate = read_wav(content)
        except NoWav as error:
            raise RequestFailed(f"the upstream server's answer: {error}", Code.INTERNAL) from error
        if rate != self._sample_rate:
            raise RequestFailed(
                f"the upstream server speaks at {rate} Hz now, not at {self._sample_rate}: "
                "add it again",
                Code.INTERNAL,
            )
        duration_s = len(waveform) / rate
        return Sound(waveform, np.linspace(0.0, duration_s, len(reading.ids) + 1))

    def _post(self, body: bytes) -> bytes:
        connection = _connect(self._address, self._server.timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "audio/wav"}
        if key := os.environ.get(self._server.key_variable):
            headers["Authorization"] = f"Bearer {key}"
        try:
            connection.request("POST", f"{self._address.path.rstrip('/')}{PATH}", body, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            why = str(error) or type(error).__name__
            raise RequestFailed(
                f"the upstream server does not answer: {why}", Code.UNAVAILABLE
            ) from error
        try:
            content = _read(response)
        except (OSError, http.client.HTTPException) as error:
            raise RequestFailed(
                "the upstream server ended in the middle of an answer", Code.UNAVAILABLE
            ) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise _refused(response.status, content)
        return content


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return a whole answer.

    Raises:
        OSError, http.client.HTTPException: its end did not come.
        RequestFailed: it is too long.
    """
    expected = response.length  # None: the server does not say
    content = response.read(_MAX_BYTES)
    if len(content) == _MAX_BYTES:
        raise RequestFailed("the upstream server's answer is too long", Code.INTERNAL)
    if expected is not None and len(content) < expected:
        raise http.client.IncompleteRead(content, expected - len(content))
    return content


def _refused(status: int, content: bytes) -> RequestFailed:
    said = " ".join(content[:300].decode("utf-8", "replace").split())
    code = Code.INTERNAL
    if status in _BUSY:
        code = Code.UNAVAILABLE
    elif status in _MISTAKES and status not in (401, 403, 404):
        code = Code.INVALID_ARG
    return RequestFailed(f"the upstream server refuses with {status}: {said}", code)


def _connect(address: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=timeout_s)

"""The table of peers, and how one is started."""

import os
import struct
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.clips import Clip
from benchmarks.endpoints import Ask, Endpoint, peer
from benchmarks.processes import free_port, running
from benchmarks.stack import LOGS

READY_TIMEOUT_S = 180.0
_HEADER_LENGTH = "inference-header-content-length"


@dataclass(frozen=True, slots=True)
class Peer:
    """Something else that could serve the same checkpoint."""

    key: str
    name: str
    module: str  # of benchmarks.peers
    ask: Ask
    health: str  # path
    trimmed: bool = True
    max_batch: int = 8


async def infer(client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
    """Ask PyTriton over KServe's HTTP protocol; samples come back as binary data."""
    fields = (
        ("prompt", "BYTES", clip.prompt),
        ("seed", "INT64", clip.seed),
        ("seconds", "FP64", clip.seconds),
        ("steps", "INT32", clip.steps),
        ("guidance_scale", "FP32", clip.guidance_scale),
    )
    body = {
        "inputs": [
            {"name": name, "datatype": kind, "shape": [1, 1], "data": [value]}
            for name, kind, value in fields
        ],
        "outputs": [{"name": "pcm", "parameters": {"binary_data": True}}],
    }
    return await client.post("/v2/models/sound/infer", json=body)


def samples_of(answer: httpx2.Response) -> bytes:
    """Return the int16 samples of a peer's or of our answer: WAV, or KServe's binary data."""
    if _HEADER_LENGTH in answer.headers:
        return answer.content[int(answer.headers[_HEADER_LENGTH]) :]
    return wav_samples(answer.content)


def wav_samples(wav: bytes) -> bytes:
    """Return what the `data` chunk of a WAV file holds.

    Raises:
        ValueError: there is none.
    """
    position = 12
    while position + 8 <= len(wav):
        chunk, size = struct.unpack_from("<4sI", wav, position)
        if chunk == b"data":
            return wav[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    raise ValueError("not a WAV file with samples")


PEERS = (
    Peer(
        "fastapi",
        "FastAPI + diffusers",
        "fastapi_diffusers",
        peer,
        "/health",
        trimmed=False,
    ),
    Peer(
        "fastapi_trimmed",
        "FastAPI + diffusers, latents trimmed",
        "fastapi_diffusers",
        peer,
        "/health",
    ),
    Peer("litserve", "LitServe, batching, trimmed", "litserve_batching", peer, "/health"),
    Peer("litserve_steps", "LitServe, continuous loop, trimmed", "litserve_steps", peer, "/health"),
    Peer(
        "pytriton",
        "PyTriton, dynamic batching, trimmed",
        "pytriton_batching",
        infer,
        "/v2/models/sound/ready",
    ),
)


@contextmanager
def running_peer(which: Peer, checkpoint: Path, threads: int) -> Iterator[Endpoint]:
    """Run a peer for the length of the block.

    Raises:
        NotReady: it did not start.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", f"benchmarks.peers.{which.module}"]
    command += ["--checkpoint", str(checkpoint), "--port", str(port), "--threads", str(threads)]
    command += ["--max-batch", str(which.max_batch), *(["--trimmed"] if which.trimmed else [])]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        # The stub of PyTriton's Triton links libpython; another interpreter's would fail.
        "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR")),
    }
    with running(
        command,
        log=LOGS / f"{which.key}.log",
        environment=environment,
        is_ready=lambda: _answers(url + which.health),
        timeout_s=READY_TIMEOUT_S,
    ) as process:
        yield Endpoint(which.name, url, which.ask, process)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2.0, trust_env=False).is_success
    except httpx2.HTTPError:
        return False

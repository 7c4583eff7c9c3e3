"""`python -m benchmarks speech`: the first audio byte, throughput, processor time, and a peer.

All texts are in English and spoken by the default voice. The peer is FastAPI + hibari behind a
lock: the same network, in one process, asked for the same texts in the same run.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import psutil

from benchmarks.processes import family, free_port, processor_s, running
from benchmarks.progress import say
from benchmarks.report import Table, write
from benchmarks.stack import LOGS, running_stack
from benchmarks.summary import percentile

SHORT = (
    "The rain has stopped and the street is quiet. A dog barks somewhere behind the houses. "
    "Soon the shops will open."
)
LONG = " ".join(
    (
        "The ferry leaves the harbour at seven in the morning and returns before sunset.",
        "On board there is a small kitchen, where the cook prepares soup and fresh bread.",
        "Most passengers stand at the railing and watch the gulls follow the ship.",
        "When the wind turns, the captain slows the engine and waits for calmer water.",
    )
)
"""About 20 s of speech."""

N_CLIENTS = 8
_RATE = 24_000  # Hz of the default voice
_TIMEOUT_S = 120.0
_PEER_TIMEOUT_S = 60.0
_MIN_BYTES = 100  # a header alone is no audio


@dataclass(frozen=True, slots=True)
class Server:
    """What is asked, and how."""

    name: str
    url: str
    path: str
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class Spoken:
    """One answer."""

    first_s: float  # from the request to the first bytes of audio
    total_s: float
    audio_s: float  # length; 0 where the format does not tell


def measure(*, quick: bool) -> None:
    """Measure ours and the peer; write tables with the ratios."""
    n_single, n_each = (5, 1) if quick else (40, 4)
    with running_stack("speech") as stack, _running_peer() as peer:
        ours = Server("Tritone", stack.url, "/v1/audio/speech", stack.process)
        rows: list[tuple[str | float, ...]] = []
        figures: dict[str, dict[str, float]] = {}
        for server in (ours, peer):
            say(f"speech: {server.name}")
            asyncio.run(_ask_one_by_one(server, 3, "pcm"))  # warm up
            single = asyncio.run(_ask_one_by_one(server, n_single, "pcm"))
            long = asyncio.run(_ask_one_by_one(server, n_single, "pcm", LONG))
            before = _processor_s(server)
            wall_s, many = asyncio.run(_ask_at_once(server, n_each))
            audio_s = sum(each.audio_s for each in many)
            figures[server.name] = {
                "first_p50_s": percentile([each.first_s for each in single], 50),
                "first_p95_s": percentile([each.first_s for each in single], 95),
                "long_first_p50_s": percentile([each.first_s for each in long], 50),
                "busy_first_p95_s": percentile([each.first_s for each in many], 95),
                "audio_s_per_s": audio_s / wall_s,
                "processor_s_per_audio_s": (_processor_s(server) - before) / audio_s,
            }
            rows.append((server.name, *figures[server.name].values()))
        mp3 = asyncio.run(_ask_one_by_one(ours, n_single, "mp3"))
    mp3_p95_s = percentile([each.first_s for each in mp3], 95)
    mine, others = figures[ours.name], figures[peer.name]
    ratios = {
        "first_sooner": others["first_p50_s"] / mine["first_p50_s"],
        "long_first_sooner": others["long_first_p50_s"] / mine["long_first_p50_s"],
        "throughput": mine["audio_s_per_s"] / others["audio_s_per_s"],
        "mp3_first_p95_s": mp3_p95_s,
    }
    columns = (
        "server",
        "first p50, s",
        "p95, s",
        "20 s text: p50, s",
        f"{N_CLIENTS} clients: first p95, s",
        "audio s/s",
        "processor s per audio s",
    )
    targets = (
        ("first audio, pcm, p95", mine["first_p95_s"], "<= 0.15 s"),
        ("first audio, mp3, p95", mp3_p95_s, "<= 0.15 s"),
        (f"{N_CLIENTS} clients: first audio p95", mine["busy_first_p95_s"], "<= 0.4 s"),
        (f"{N_CLIENTS} clients: audio s/s", mine["audio_s_per_s"], ">= 40"),
        ("three sentences: first audio sooner than the peer's", ratios["first_sooner"], ">= 3"),
        ("20 s: first audio sooner than the peer's", ratios["long_first_sooner"], ">= 3"),
        ("throughput to the peer's", ratios["throughput"], ">= 1.2"),
    )
    tables = [
        Table("Speech", columns, tuple(rows)),
        Table("Promises of speech", ("what", "measured", "must reach"), targets),
    ]
    write("speech", {"servers": figures, "ratios": ratios}, tables, quick=quick)


@contextmanager
def _running_peer() -> Iterator[Server]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "benchmarks.peers.fastapi_hibari", "--port", str(port)]
    with running(
        command,
        log=LOGS / "fastapi_hibari.log",
        environment=dict(os.environ),
        is_ready=lambda: _answers(f"{url}/health"),
        timeout_s=_PEER_TIMEOUT_S,
    ) as process:
        yield Server("FastAPI + hibari, locked", url, "/speak", process)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2.0, trust_env=False).is_success
    except httpx2.HTTPError:
        return False


async def _ask_one_by_one(
    server: Server, n: int, response_format: str, text: str = SHORT
) -> list[Spoken]:
    async with _client(server) as client:
        return [await _ask(client, server, text, response_format) for _ in range(n)]


async def _ask_at_once(server: Server, n_each: int) -> tuple[float, list[Spoken]]:
    async def ask_in_turn(client: httpx2.AsyncClient) -> list[Spoken]:
        return [await _ask(client, server, LONG, "pcm") for _ in range(n_each)]

    begin = time.perf_counter()
    async with _client(server) as client:
        answers = await asyncio.gather(*(ask_in_turn(client) for _ in range(N_CLIENTS)))
    return time.perf_counter() - begin, [each for some in answers for each in some]


def _client(server: Server) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=server.url, timeout=_TIMEOUT_S, trust_env=False)


async def _ask(
    client: httpx2.AsyncClient, server: Server, text: str, response_format: str
) -> Spoken:
    body = {"model": "tts-1", "voice": "heart", "input": text, "response_format": response_format}
    begin, first_s, n_bytes = time.perf_counter(), 0.0, 0
    async with client.stream("POST", server.path, json=body) as response:
        response.raise_for_status()
        async for part in response.aiter_raw():
            n_bytes += len(part)
            if not first_s and n_bytes > _MIN_BYTES:
                first_s = time.perf_counter() - begin
    return Spoken(first_s, time.perf_counter() - begin, n_bytes / 2 / _RATE)


def _processor_s(server: Server) -> float:
    return sum(processor_s(process) for process in family(server.process))

"""How to ask a server for a clip: one function per protocol."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import httpx2
import psutil

from benchmarks.clips import Clip
from benchmarks.load import Send
from benchmarks.stack import Stack

Ask = Callable[[httpx2.AsyncClient, Clip], Awaitable[httpx2.Response]]
"""Sends one request and reads the whole answer."""

TIMEOUT_S = 300.0
_JOB_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and the protocol that it is asked in."""

    name: str
    url: str
    ask: Ask
    process: psutil.Process | None = None  # whose CPU time, with its children's, is the server's

    def client(self) -> httpx2.AsyncClient:
        """Return a client without a limit of connections: the load decides how many there are."""
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        return httpx2.AsyncClient(
            base_url=self.url, timeout=TIMEOUT_S, limits=limits, trust_env=False
        )

    def sender(self, client: httpx2.AsyncClient, clips: Callable[[int], Clip]) -> Send:
        """Return what a load sends: the clip of each index."""

        async def send(index: int) -> int:
            return (await self.ask(client, clips(index))).status_code

        return send


async def vllm_omni(client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
    """WAV through `POST /v1/audio/generate`."""
    body = {
        "input": clip.prompt,
        "audio_length": clip.seconds,
        "seed": clip.seed,
        "num_inference_steps": clip.steps,
        "guidance_scale": clip.guidance_scale,
    }
    return await client.post("/v1/audio/generate", json=body)


async def elevenlabs(client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
    """MP3 through `POST /elevenlabs/v1/sound-generation`; the contract has no steps and no seed."""
    body = {"text": clip.prompt, "duration_seconds": clip.seconds}
    return await client.post("/elevenlabs/v1/sound-generation", json=body)


async def localai(client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
    """WAV through `POST /localai/v1/sound-generation`."""
    body = {"model_id": "sound-model", "text": clip.prompt, "duration_seconds": clip.seconds}
    return await client.post("/localai/v1/sound-generation", json=body)


async def aimlapi(client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
    """A job: `POST /v2/generate/audio`, then asked for until it has ended."""
    body = {
        "model": "stable-audio",
        "prompt": clip.prompt,
        "seconds_total": clip.seconds,
        "steps": clip.steps,
    }
    accepted = await client.post("/v2/generate/audio", json=body)
    if accepted.is_error:
        return accepted
    identifier = accepted.json()["generation_id"]
    while True:
        answer = await client.get("/v2/generate/audio", params={"generation_id": identifier})
        status = answer.json().get("status") if answer.is_success else "error"
        if status == "completed":
            return answer
        if status == "error":
            return httpx2.Response(500, request=answer.request)
        await asyncio.sleep(_JOB_POLL_S)


async def peer(client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
    """WAV from the peers of `benchmarks.peers`: the clip's fields as JSON."""
    return await client.post("/generate", json=asdict(clip))


CONTRACTS: Sequence[tuple[str, Ask]] = (
    ("vLLM-Omni, WAV", vllm_omni),
    ("ElevenLabs, MP3", elevenlabs),
    ("LocalAI, WAV", localai),
    ("AI/ML API, job and polling", aimlapi),
)


def contract_endpoints(stack: Stack) -> list[Endpoint]:
    """Return a endpoint per REST contract of a stack."""
    return [Endpoint(name, stack.url, ask, stack.process) for name, ask in CONTRACTS]


def stack_endpoint(name: str, stack: Stack) -> Endpoint:
    """Return a stack as it is asked where the contract does not matter."""
    return Endpoint(name, stack.url, vllm_omni, stack.process)

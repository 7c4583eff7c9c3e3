"""One load against one endpoint, with a bar."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from benchmarks.endpoints import Endpoint
from benchmarks.load import Answer, Run, Send, closed_loop, open_loop
from benchmarks.noise import listening
from benchmarks.progress import bars
from benchmarks.workload import Clips

_Report = Callable[[Answer], None]


class Refused(RuntimeError):
    """A endpoint does not make what is asked for; the message shows its answer."""


def warm_up(endpoint: Endpoint, clips: Clips, n_requests: int = 2) -> None:
    """Send a few clips and insist on answers: the first of a shape pays its allocations.

    Raises:
        Refused: the endpoint answers with an error.
    """

    async def run() -> None:
        async with endpoint.client() as client:
            for index in range(n_requests):
                answer = await endpoint.ask(client, clips(10_000 + index))
                if answer.is_error:
                    text = answer.text[:500]
                    raise Refused(f"{endpoint.name} answers {answer.status_code}: {text}")

    asyncio.run(run())


def run_closed_loop(endpoint: Endpoint, clips: Clips, *, n_requests: int, concurrency: int) -> Run:
    """Send `n_requests` from `concurrency` clients, each waiting for its answer; show a bar."""
    what = f"{endpoint.name}, {concurrency} clients"

    async def load(send: Send, report: _Report) -> Run:
        return await closed_loop(
            send, n_requests=n_requests, concurrency=concurrency, on_answer=report
        )

    return _with_bar(endpoint, clips, what, n_requests, load)


def run_open_loop(endpoint: Endpoint, clips: Clips, arrivals: Sequence[float]) -> Run:
    """Send at the given times, in seconds since the start, whoever has answered; show a bar."""
    rate = len(arrivals) / arrivals[-1] if arrivals[-1] else 0.0
    what = f"{endpoint.name}, {rate:.2g}/s arriving"

    async def load(send: Send, report: _Report) -> Run:
        return await open_loop(send, arrivals, on_answer=report)

    return _with_bar(endpoint, clips, what, len(arrivals), load)


def _with_bar(
    endpoint: Endpoint,
    clips: Clips,
    what: str,
    n_requests: int,
    load: Callable[[Send, _Report], Awaitable[Run]],
) -> Run:
    async def run() -> Run:
        with bars() as progress:
            task = progress.add_task(what, total=n_requests)
            async with endpoint.client() as client:
                return await load(endpoint.sender(client, clips), lambda _: progress.advance(task))

    with listening(*filter(None, [endpoint.process])) as noise:
        made = asyncio.run(run())
    return replace(made, others_share=noise.others_share)

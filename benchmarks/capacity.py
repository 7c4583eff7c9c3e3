"""What a stack can do: clips per second while several clients keep it busy."""

from benchmarks import drive
from benchmarks.clips import clip
from benchmarks.endpoints import Endpoint
from benchmarks.summary import summarize

CLIENTS = 4


def clips_per_s(endpoint: Endpoint, n_requests: int) -> float:
    """Return the throughput of 5 s clips; the server is warm afterwards."""
    drive.warm_up(endpoint, clip, n_requests=CLIENTS)
    run = drive.run_closed_loop(endpoint, clip, n_requests=n_requests, concurrency=CLIENTS)
    return summarize(run).per_s

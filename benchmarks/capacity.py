"""What a stack can do: clips per second while several clients keep it busy."""

from benchmarks import drive
from benchmarks.clips import clip
from benchmarks.summary import summarize
from benchmarks.targets import Target

CLIENTS = 4


def clips_per_s(target: Target, n_requests: int) -> float:
    """Return the throughput of 5 s clips; the server is warm afterwards."""
    drive.warm_up(target, clip, n_requests=CLIENTS)
    run = drive.closed(target, clip, n_requests=n_requests, concurrency=CLIENTS)
    return summarize(run).per_s

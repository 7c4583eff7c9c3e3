"""Peers side by side in one run: same weights, clips, steps, seeds and threads."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import drive
from benchmarks.arrivals import poisson
from benchmarks.clips import Clip
from benchmarks.peers import same_work
from benchmarks.peers.checkpoint import repository_of, require, window_s
from benchmarks.peers.report import OURS, Result, measured_before, publish
from benchmarks.peers.servers import PEERS, Peer, running_peer
from benchmarks.processes import NotReady
from benchmarks.progress import say
from benchmarks.stack import running_stack
from benchmarks.summary import Summary, summarize
from benchmarks.targets import Target, stack_target
from benchmarks.workload import Amount, amount, clips

CONCURRENCY = 8
OFFERED_SHARE = 0.7  # of what plain FastAPI + diffusers can do: a load that everybody can bear
_N_COMPARED = 4

Sounds = list[same_work.Samples]


class _Reference:
    """Our own sounds, which the peers' are compared with."""

    def __init__(self, ours: Target, window: float) -> None:
        self._clips = [clips()(index) for index in range(_N_COMPARED)]
        self._window = window
        self._two_steps = {
            trimmed: same_work.listen(ours, self._two_steps_clips(trimmed=trimmed))
            for trimmed in (True, False)
        }
        self._full = same_work.listen(ours, self._clips)

    def _two_steps_clips(self, *, trimmed: bool) -> Sequence[Clip]:
        # Who always denoises the whole window draws other noise for a shorter clip.
        seconds = self._clips[0].seconds if trimmed else self._window
        return [replace(clip, steps=same_work.TWO_STEPS, seconds=seconds) for clip in self._clips]

    def compare(self, peer: Peer, target: Target) -> same_work.Likeness:
        two_steps = same_work.listen(target, self._two_steps_clips(trimmed=peer.trimmed))
        full = same_work.listen(target, self._clips)
        return same_work.compare(
            peer.name, (self._two_steps[peer.trimmed], two_steps), (self._full, full)
        )


def measure(checkpoint: Path, *, quick: bool, only: Sequence[str] = ()) -> None:
    """Measure the peers and ourselves.

    Where only some peers are selected, the others' figures are kept if they are of this commit.

    Raises:
        NoCheckpoint: there are no weights for the peers.
    """
    repository, window = repository_of(require(checkpoint)), window_s(checkpoint)
    much, threads = amount(quick=quick), len(os.sched_getaffinity(0))
    with running_stack("peers-reference", repository=repository) as stack:
        reference = _Reference(stack_target(OURS, stack), window)
    selected = {peer.key for peer in PEERS if not only or peer.key in only}
    offered_per_s, results = measured_before(selected, quick=quick)
    left_out: dict[str, str] = {}
    for peer in (peer for peer in PEERS if peer.key in selected):
        try:
            with running_peer(peer, checkpoint, threads) as target:
                likeness = reference.compare(peer, target)
                alone, closed = _closed(target, much)
                offered_per_s = offered_per_s or OFFERED_SHARE * closed.per_s
                offered = _offered(target, offered_per_s, much)
        except (NotReady, same_work.OtherWork, RuntimeError) as error:
            left_out[peer.name] = str(error).splitlines()[0]
            say(f"left out: {peer.name}: {error}")
            continue
        results.append(Result(peer.key, peer.name, alone, closed, offered, likeness))
    with running_stack("peers", repository=repository) as stack:
        target = stack_target(OURS, stack)
        alone, closed = _closed(target, much)
        offered = _offered(target, offered_per_s or OFFERED_SHARE * closed.per_s, much)
    results.append(Result("tritone", OURS, alone, closed, offered, None))
    publish(results, left_out, offered_per_s, quick=quick)


def _closed(target: Target, much: Amount) -> tuple[Summary, Summary]:
    made = clips()
    drive.warm_up(target, made)
    # Batchers meet their largest batch for the first time, too.
    drive.closed(target, made, n_requests=CONCURRENCY, concurrency=CONCURRENCY)
    alone = drive.closed(target, made, n_requests=max(3, much.least // 2), concurrency=1)
    n_requests = much.closed(CONCURRENCY)
    busy = drive.closed(target, made, n_requests=n_requests, concurrency=CONCURRENCY)
    return summarize(alone), summarize(busy)


def _offered(target: Target, per_s: float, much: Amount) -> Summary:
    return summarize(drive.opened(target, clips(), poisson(per_s, much.arrivals, seed=1)))

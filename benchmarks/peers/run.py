"""Peers side by side in one run: same weights, clips, steps, seeds and threads."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import drive
from benchmarks.arrivals import poisson
from benchmarks.clips import Clip
from benchmarks.endpoints import Endpoint, stack_endpoint
from benchmarks.peers import same_work
from benchmarks.peers.checkpoint import (
    EVERY_STEP_GUIDED,
    guide_every_step,
    repository_of,
    require,
    whole_frames_s,
    window_s,
)
from benchmarks.peers.report import OUR_KEY, OURS, Result, publish, read_earlier
from benchmarks.peers.servers import PEERS, Peer, running_peer
from benchmarks.progress import say
from benchmarks.stack import running_stack
from benchmarks.summary import Summary, summarize
from benchmarks.workload import STANDARD, Amount, amount, clips
from tritone.first_line import first_line

CONCURRENCY = 8
OFFERED_SHARE = 0.7  # of what plain FastAPI + diffusers can do: a load that everybody can bear
_N_COMPARED = 4
KEYS = (*(peer.key for peer in PEERS), OUR_KEY)

Sounds = list[same_work.Samples]


class _Reference:
    """Our own sounds, which the peers' are compared with."""

    def __init__(self, ours: Endpoint, trimmed_s: float, whole_s: float) -> None:
        self._clips = [clips()(index) for index in range(_N_COMPARED)]
        self._seconds = {True: trimmed_s, False: whole_s}
        self._two_steps = {
            trimmed: same_work.listen(ours, self._two_steps_clips(trimmed=trimmed))
            for trimmed in (True, False)
        }
        self._full = same_work.listen(ours, self._clips)

    def _two_steps_clips(self, *, trimmed: bool) -> Sequence[Clip]:
        # Who always denoises the whole window draws other noise for a shorter clip.
        seconds = self._seconds[trimmed]
        return [replace(clip, steps=same_work.TWO_STEPS, seconds=seconds) for clip in self._clips]

    def compare(self, peer: Peer, endpoint: Endpoint) -> same_work.Likeness:
        two_steps = same_work.listen(endpoint, self._two_steps_clips(trimmed=peer.trimmed))
        full = same_work.listen(endpoint, self._clips)
        return same_work.compare(
            peer.name, (self._two_steps[peer.trimmed], two_steps), (self._full, full)
        )


def measure(checkpoint: Path, *, quick: bool, only: Sequence[str] = ()) -> None:
    """Measure the peers, and ourselves last; written down after each of them.

    Where only some are selected, the others' figures are kept if they are of this commit.

    Raises:
        NoCheckpoint: there are no weights for the peers.
    """
    repository = guide_every_step(repository_of(require(checkpoint)), EVERY_STEP_GUIDED)
    selected = {*only} or {*KEYS}
    before = read_earlier(selected, quick=quick)
    run = _Run(checkpoint, repository, amount(quick=quick), *before)
    for peer in PEERS:
        if peer.key in selected:
            run.measure(peer)
            publish(run.results, run.left_out, run.offered_per_s, quick=quick)
    if OUR_KEY in selected:
        run.measure_ours()
        publish(run.results, run.left_out, run.offered_per_s, quick=quick)


class _Run:
    """What was measured so far, and what the next one is measured with."""

    def __init__(
        self,
        checkpoint: Path,
        repository: Path,
        much: Amount,
        offered_per_s: float,
        results: list[Result],
    ) -> None:
        self.offered_per_s = offered_per_s  # 0: the first who is measured decides
        self.results = results
        self.left_out: dict[str, str] = {}
        self._checkpoint = checkpoint
        self._repository = repository
        self._much = much
        with running_stack("peers-reference", repository=repository) as stack:
            trimmed_s = whole_frames_s(repository, STANDARD.seconds)
            self._reference = _Reference(
                stack_endpoint(OURS, stack), trimmed_s, window_s(checkpoint)
            )

    def measure(self, peer: Peer) -> None:
        """Measure a peer, or note why it was left out."""
        threads = len(os.sched_getaffinity(0))
        try:
            with running_peer(peer, self._checkpoint, threads) as endpoint:
                likeness = self._reference.compare(peer, endpoint)
                self._add(peer.key, endpoint, likeness)
        except RuntimeError as error:  # not ready, other work, or a refusal
            self.left_out[peer.name] = first_line(error)
            say(f"left out: {peer.name}: {error}")

    def measure_ours(self) -> None:
        """Measure Tritone, whose answers the peers' are compared with."""
        with running_stack("peers", repository=self._repository) as stack:
            self._add(OUR_KEY, stack_endpoint(OURS, stack), None)

    def _add(self, key: str, endpoint: Endpoint, likeness: same_work.Likeness | None) -> None:
        alone, closed = _run_closed_loop(endpoint, self._much)
        self.offered_per_s = self.offered_per_s or OFFERED_SHARE * closed.per_s
        arrivals = poisson(self.offered_per_s, self._much.arrivals, seed=1)
        offered = summarize(drive.run_open_loop(endpoint, clips(), arrivals))
        self.results.append(Result(key, endpoint.name, alone, closed, offered, likeness))


def _run_closed_loop(endpoint: Endpoint, much: Amount) -> tuple[Summary, Summary]:
    made = clips()
    drive.warm_up(endpoint, made)
    # Batchers meet their largest batch for the first time, too.
    drive.run_closed_loop(endpoint, made, n_requests=CONCURRENCY, concurrency=CONCURRENCY)
    alone = drive.run_closed_loop(endpoint, made, n_requests=max(3, much.least // 2), concurrency=1)
    # A machine is seldom all ours: of several rounds the one counts that others disturbed least.
    rounds = [
        drive.run_closed_loop(endpoint, made, n_requests=CONCURRENCY, concurrency=CONCURRENCY)
        for _ in range(much.rounds)
    ]
    return summarize(alone), summarize(min(rounds, key=lambda run: run.others_share))

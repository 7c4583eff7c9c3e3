"""Triton backend `speech`: text to chunks of PCM, sentence by sentence.

Decoupled: `execute` only queues; the speaker's lanes answer. Needs exactly one instance, because it
owns the queue and the table of jobs that control requests address.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.errors import Code, RequestFailed
from backends.queued_requests import DRAIN_SECONDS, accept_each, control, set_turn
from backends.speech.engine import Parts
from backends.speech.engines import UnknownEngine, open_engine
from backends.speech.job import make_job
from backends.speech.job_queue import JobQueue
from backends.speech.networks import find_phonemizer, open_network
from backends.speech.reply import SenderReply
from backends.speech.speaker import Speaker
from backends.speech.triton_metrics import TritonMetrics
from backends.triton import (
    find_parameter,
    read_config,
    read_job_id,
    read_parameters,
    require_parameter,
)
from tritone import speech_refusals as refusals
from tritone.card import CARD_PARAMETER, SpeechCard
from tritone.placement import THREADS
from tritone.speech_tensors import CHUNKS, GRANT, TIMINGS, WINDOW


class TritonPythonModel:
    """The speaker of one model version."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the voice and start the speaker's lanes."""
        config = read_config(args)
        self._card = SpeechCard.from_json(require_parameter(config, CARD_PARAMETER))
        folder = Path(args["model_repository"]) / args["model_version"]
        try:
            network, phonemize = open_network(args, config), find_phonemizer(config)
            engine = open_engine(Parts(self._card, network, folder, phonemize))
        except (UnknownEngine, ImportError, OSError, ValueError) as error:
            raise pb_utils.TritonModelException(
                f"the engine {self._card.engine} cannot be opened: {error}"
            ) from error
        threads = int(find_parameter(config, THREADS) or 1)
        n_lanes = int(find_parameter(config, "lanes") or 0) or _n_lanes(threads)
        max_pending = int(require_parameter(config, "max_pending"))
        self._metrics = TritonMetrics({"model": config["name"], "version": args["model_version"]})
        self._queue = JobQueue(self._metrics, max_jobs=n_lanes + max_pending)
        speaker = Speaker(self._card, engine, self._queue, self._metrics)
        self._lanes = [
            threading.Thread(target=speaker.run, name=f"lane {i}", daemon=True)
            for i in range(n_lanes)
        ]
        for lane in self._lanes:
            lane.start()

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> None:
        """Queue each request, or answer it at once: control requests and refusals."""
        accept_each(requests, _reply_to, self._accept, "speech")

    def _accept(self, request: pb_utils.InferenceRequest, reply: SenderReply) -> None:
        parameters = read_parameters(request)
        if (answer := control(parameters, self._queue)) is not None:
            return reply.report(answer)
        if GRANT in parameters:
            n_chunks = max(0, int(parameters.get(CHUNKS, 1)))
            return reply.report(self._queue.grant(str(parameters[GRANT]), n_chunks))
        reply.wants_timings &= bool(parameters.get(TIMINGS, True))
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        job = make_job(self._card, tensors, read_job_id(request), reply)
        set_turn(job, parameters)
        if WINDOW in parameters:
            job.allowed = max(1, int(parameters[WINDOW]))
        return self._queue.submit(job, timeout_s=request.timeout() / 1e6)

    def finalize(self) -> None:
        """Let the jobs in flight end, fail those that do not, and let go of Triton's objects."""
        self._queue.stop()
        deadline = time.monotonic() + DRAIN_SECONDS
        for lane in self._lanes:
            lane.join(max(0.0, deadline - time.monotonic()))
        for job in self._queue.all_jobs():
            job.end(RequestFailed(refusals.IS_STOPPING, Code.UNAVAILABLE))
        self._metrics.close()


def _reply_to(request: pb_utils.InferenceRequest) -> SenderReply:
    outputs = set(request.requested_output_names())
    return SenderReply(request.get_response_sender(), outputs)


def _n_lanes(threads: int) -> int:
    return max(1, len(os.sched_getaffinity(0)) // threads)

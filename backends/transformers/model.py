"""Triton backend `transformers`: prompts to PCM by a checkpoint that makes sounds.

Decoupled: `execute` only queues; one thread answers. Stands where other models have a denoiser, and
takes the same control requests. Needs exactly one instance, because it owns the queue.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.denoiser.job_queue import JobQueue
from backends.denoiser.triton_metrics import TritonMetrics
from backends.errors import Code, RequestFailed
from backends.sender import GuardedSender
from backends.transformers.generators import open_generator
from backends.transformers.sounds import SoundMaker, make_job
from backends.triton import (
    make_error_response,
    read_card,
    read_config,
    read_job_id,
    read_parameters,
    require_parameter,
)
from tritone.checkpoints import ARCHITECTURES, FILE, Checkpoint
from tritone.pcm import Pcm
from tritone.probes import PROBE
from tritone.tensors import CANCEL, PCM, PRIORITY, PROGRESS, QUERY, SHARE
from tritone.turns import BACKGROUND, INTERACTIVE

DRAIN_SECONDS = 25.0  # less than Triton's own 30 s for leaving


class TritonPythonModel:
    """The maker of one model version."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the checkpoint and start the maker's thread."""
        config = read_config(args)
        self._card = read_card(config)
        path = Path(args["model_repository"]) / args["model_version"] / FILE
        try:
            checkpoint = Checkpoint(**json.loads(path.read_text("utf-8")))
            generator = open_generator(checkpoint)
        except (ImportError, OSError, ValueError, TypeError) as error:
            raise pb_utils.TritonModelException(
                f"the checkpoint cannot be opened: {error}"
            ) from error
        batch = ARCHITECTURES[checkpoint.model_type].batch
        self._metrics = TritonMetrics({"model": config["name"], "version": args["model_version"]})
        max_jobs = batch + int(require_parameter(config, "max_pending"))
        self._queue = JobQueue(self._metrics, step_batch=batch, max_jobs=max_jobs)
        self._maker = SoundMaker(generator.generate, self._queue, self._metrics)  # type: ignore[arg-type]  # of sounds
        self._thread = threading.Thread(target=self._maker.run, name="maker", daemon=True)
        self._thread.start()

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> None:
        """Queue each request, or answer it at once: control requests and refusals."""
        for request in requests:
            reply = SenderReply(request.get_response_sender())
            try:
                self._accept(request, reply)
            except RequestFailed as error:
                reply.fail(error)
            except Exception as error:  # whatever else one request breaks, the others go on
                reply.fail(RequestFailed(f"transformers failed: {error!r}", Code.INTERNAL))

    def _accept(self, request: pb_utils.InferenceRequest, reply: SenderReply) -> None:
        parameters = read_parameters(request)
        if CANCEL in parameters:
            return reply.report(self._queue.cancel(str(parameters[CANCEL])))
        if parameters.get(QUERY) == PROBE:
            return reply.report(self._queue.load)
        if QUERY in parameters:
            return reply.report(self._queue.progress(str(parameters[QUERY])))
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        job = make_job(self._card, tensors, read_job_id(request), reply)
        job.key = str(parameters.get(SHARE, ""))
        job.priority = BACKGROUND if parameters.get(PRIORITY) == BACKGROUND else INTERACTIVE
        return self._queue.submit(job, timeout_s=request.timeout() / 1e6)  # type: ignore[arg-type]  # a job of ours

    def finalize(self) -> None:
        """Let the jobs in flight end, fail those that do not, and let go of Triton's objects."""
        self._queue.stop()
        self._thread.join(DRAIN_SECONDS)
        self._maker.abandon()
        self._metrics.close()


class SenderReply:
    """The one answer to one request. Any thread may use it at any time."""

    def __init__(self, sender: pb_utils.InferenceResponseSender) -> None:
        """Answer through a request's own sender."""
        self._sender = GuardedSender(sender)
        self.is_cancelled = self._sender.is_cancelled

    def succeed(self, pcm: Pcm, progress: tuple[int, int]) -> None:
        """Answer with a sound and its full progress."""
        tensors = [
            pb_utils.Tensor(PCM, np.ascontiguousarray(pcm[np.newaxis])),
            _make_progress(progress),
        ]
        self._sender.send(pb_utils.InferenceResponse(tensors))

    def report(self, progress: tuple[int, int]) -> None:
        """Answer a control request."""
        self._sender.send(pb_utils.InferenceResponse([_make_progress(progress)]))

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""
        self._sender.send(make_error_response(error))


def _make_progress(progress: tuple[int, int]) -> pb_utils.Tensor:
    return pb_utils.Tensor(PROGRESS, np.array([progress], np.int32))

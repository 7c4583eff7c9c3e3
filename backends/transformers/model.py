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
from backends.queued_requests import DRAIN_SECONDS, OneAnswer, accept_each, control, set_turn
from backends.transformers.generators import open_generator
from backends.transformers.sounds import SoundMaker, make_job
from backends.triton import (
    read_card,
    read_config,
    read_job_id,
    read_parameters,
    require_parameter,
)
from tritone.checkpoints import ARCHITECTURES, FILE, Checkpoint
from tritone.pcm import Pcm
from tritone.tensors import PCM


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
        accept_each(requests, _reply_to, self._accept, "transformers")

    def _accept(self, request: pb_utils.InferenceRequest, reply: SenderReply) -> None:
        parameters = read_parameters(request)
        if (answer := control(parameters, self._queue)) is not None:
            return reply.report(answer)
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        job = make_job(self._card, tensors, read_job_id(request), reply)
        set_turn(job, parameters)
        return self._queue.submit(job, timeout_s=request.timeout() / 1e6)  # type: ignore[arg-type]  # a job of ours

    def finalize(self) -> None:
        """Let the jobs in flight end, fail those that do not, and let go of Triton's objects."""
        self._queue.stop()
        self._thread.join(DRAIN_SECONDS)
        self._maker.abandon()
        self._metrics.close()


class SenderReply(OneAnswer):
    """The one answer to one request. Any thread may use it at any time."""

    def succeed(self, pcm: Pcm, progress: tuple[int, int]) -> None:
        """Answer with a sound and its full progress."""
        self.send([pb_utils.Tensor(PCM, np.ascontiguousarray(pcm[np.newaxis]))], progress)


def _reply_to(request: pb_utils.InferenceRequest) -> SenderReply:
    return SenderReply(request.get_response_sender())

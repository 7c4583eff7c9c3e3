"""Triton backend `denoiser`: conditioning to latents, one batch per diffusion step.

Decoupled: `execute` only queues; the scheduler's lanes step and answer. Needs exactly one instance,
because it owns the queue and the table of jobs that control requests address.
"""

from __future__ import annotations

import threading
import time

import triton_python_backend_utils as pb_utils

from backends.denoiser.job import Rounding, make_job
from backends.denoiser.job_queue import JobQueue
from backends.denoiser.predict.choose import (
    choose_decode_bucket,
    choose_predictors,
    choose_step_batch,
)
from backends.denoiser.reply import SenderReply
from backends.denoiser.scheduler import Scheduler
from backends.denoiser.steps import OneLane
from backends.denoiser.triton_metrics import TritonMetrics
from backends.early_cancels import EarlyCancels
from backends.queued_requests import DRAIN_SECONDS, accept_each, control, set_turn
from backends.triton import read_card, read_config, read_job_id, read_parameters, require_parameter


class TritonPythonModel:
    """The scheduler of one model version."""

    def initialize(self, args: dict[str, str]) -> None:
        """Start the scheduler's lanes."""
        config = read_config(args)
        self._card = read_card(config)
        predictors = choose_predictors(args, config, self._card)
        if isinstance(predictors, OneLane):
            lanes, step_batch, self._rounding = 1, predictors.step_batch, predictors.rounding
        else:
            lanes, step_batch = predictors.lanes, choose_step_batch(config)
            self._rounding = Rounding(decoded_frames=choose_decode_bucket(config, self._card))
        self._metrics = TritonMetrics({"model": config["name"], "version": args["model_version"]})
        queue = JobQueue(
            self._metrics,
            step_batch=step_batch,
            max_jobs=lanes * step_batch + int(require_parameter(config, "max_pending")),
            early_cancels=EarlyCancels(),
        )
        self._scheduler = Scheduler(predictors, queue, self._metrics)
        self._lanes = [
            threading.Thread(target=self._scheduler.run, name=f"lane {i}", daemon=True)
            for i in range(lanes)
        ]
        for lane in self._lanes:
            lane.start()

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> None:
        """Queue each request, or answer it at once: control requests and refusals."""
        accept_each(requests, _reply_to, self._accept, "denoiser")

    def _accept(self, request: pb_utils.InferenceRequest, reply: SenderReply) -> None:
        parameters = read_parameters(request)
        if (answer := control(parameters, self._scheduler)) is not None:
            return reply.report(answer)
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        job = make_job(self._card, tensors, read_job_id(request), reply, self._rounding)
        set_turn(job, parameters)
        return self._scheduler.submit(job, timeout_s=request.timeout() / 1e6)

    def finalize(self) -> None:
        """Let the jobs in flight end, fail those that do not, and let go of Triton's objects."""
        self._scheduler.stop()
        deadline = time.monotonic() + DRAIN_SECONDS
        for lane in self._lanes:
            lane.join(max(0.0, deadline - time.monotonic()))
        self._scheduler.abandon()
        self._metrics.close()


def _reply_to(request: pb_utils.InferenceRequest) -> SenderReply:
    return SenderReply(request.get_response_sender())

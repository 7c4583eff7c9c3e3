"""How the denoiser answers: with a job's latents, with an error, with the progress of a job."""

from __future__ import annotations

import numpy as np
import triton_python_backend_utils as pb_utils

from backends.denoiser.job import Job
from backends.queued_requests import OneAnswer
from tritone.tensors import LATENTS, TEXT_USE_OUT


class SenderReply(OneAnswer):
    """The one answer to one request. Any thread may use it at any time."""

    def succeed(self, job: Job) -> None:
        """Answer with the latents to decode and the full progress."""
        tensors = [pb_utils.Tensor(LATENTS, np.ascontiguousarray(job.result[np.newaxis]))]
        if job.text_use is not None:
            tensors.append(pb_utils.Tensor(TEXT_USE_OUT, job.text_use))
        self.send(tensors, job.progress)

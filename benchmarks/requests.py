"""Timed requests against the frontend, and Triton's own account of what the networks cost."""

import time
from dataclasses import dataclass

import httpx2
import tritonclient.grpc as triton
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.stack import Stack

# The transformer is counted by the denoiser, whether it runs in its process or in one of its own.
_TRITON_NETWORKS = ("text_encoder", "vae_decoder")
_STEPS = "tritone_denoiser_steps_total"
_STEP_SECONDS = "tritone_denoiser_step_seconds_total"
_TOLD_WITHIN_S = 2.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one request, in all and in the networks."""

    wall_s: float
    networks_s: float  # compute of the three networks, as Triton and the denoiser count it

    @property
    def overhead_s(self) -> float:
        """Everything but the networks: HTTP, gRPC, ensemble, scheduling, encoding."""
        return self.wall_s - self.networks_s


@dataclass(frozen=True, slots=True)
class _Steps:
    n: float
    seconds: float


class Client:
    """One closed-loop client of a stack."""

    def __init__(self, stack: Stack) -> None:
        """Connect to the frontend and to Triton."""
        self._http = httpx2.Client(base_url=stack.url, timeout=300.0, trust_env=False)
        self._triton = triton.InferenceServerClient(stack.grpc_url)
        self._metrics_url = stack.metrics_url

    def close(self) -> None:
        """Close both connections."""
        self._http.close()
        self._triton.close()

    def generate(self, prompt: str, seconds: float, seed: int, *, steps: int) -> httpx2.Response:
        """Make one sound through the vLLM-Omni contract."""
        body = {"input": prompt, "audio_length": seconds, "seed": seed}
        response = self._http.post(
            "/v1/audio/generate", json={**body, "num_inference_steps": steps}
        )
        response.raise_for_status()
        return response

    def time(self, prompt: str, seconds: float, seed: int, *, steps: int, model: str) -> Timing:
        """Make one sound and return its timing; nobody else may use the stack meanwhile."""
        others_s, before = self._triton_networks_s(model), self._steps()
        started = time.perf_counter()
        self.generate(prompt, seconds, seed, steps=steps)
        wall_s = time.perf_counter() - started
        step_seconds = self._steps_after(before.n + steps).seconds - before.seconds
        return Timing(wall_s, step_seconds + self._triton_networks_s(model) - others_s)

    def _triton_networks_s(self, model: str) -> float:
        total_ns = 0
        for network in _TRITON_NETWORKS:
            stats = self._triton.get_inference_statistics(f"{model}_{network}")
            total_ns += sum(entry.inference_stats.compute_infer.ns for entry in stats.model_stats)
        return total_ns / 1e9

    def _steps_after(self, n_steps: float) -> _Steps:
        # The denoiser tells its counts now and then, off the way of requests.
        deadline = time.monotonic() + _TOLD_WITHIN_S
        while (steps := self._steps()).n < n_steps and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return steps

    def _steps(self) -> _Steps:
        totals = {_STEPS: 0.0, _STEP_SECONDS: 0.0}
        for family in text_string_to_metric_families(self._http.get(self._metrics_url).text):
            for sample in family.samples:
                if sample.name in totals:
                    totals[sample.name] += sample.value
        return _Steps(totals[_STEPS], totals[_STEP_SECONDS])

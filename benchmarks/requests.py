"""Timed requests against the frontend, and Triton's own account of what the networks cost."""

import time
from dataclasses import dataclass

import httpx2
import tritonclient.grpc as triton

NETWORKS = ("text_encoder", "transformer", "vae_decoder")


@dataclass(frozen=True, slots=True)
class Timing:
    """One request."""

    wall_s: float
    networks_s: float  # compute of the three networks, as Triton counts it

    @property
    def overhead_s(self) -> float:
        """Everything but the networks: HTTP, gRPC, ensemble, scheduling, encoding."""
        return self.wall_s - self.networks_s


class Client:
    """One closed-loop client of a stack."""

    def __init__(self, url: str, grpc_url: str) -> None:
        """Connect to the frontend and to Triton."""
        self._http = httpx2.Client(base_url=url, timeout=300.0)
        self._triton = triton.InferenceServerClient(grpc_url)

    def close(self) -> None:
        """Close both connections."""
        self._http.close()
        self._triton.close()

    def _network_ns(self, model: str) -> int:
        total = 0
        for network in NETWORKS:
            stats = self._triton.get_inference_statistics(f"{model}_{network}")
            total += sum(entry.inference_stats.compute_infer.ns for entry in stats.model_stats)
        return total

    def generate(self, prompt: str, seconds: float, seed: int, **fields: object) -> httpx2.Response:
        """Make one sound through the vLLM-Omni contract."""
        body = {"input": prompt, "audio_length": seconds, "seed": seed, **fields}
        response = self._http.post("/v1/audio/generate", json=body)
        response.raise_for_status()
        return response

    def timed(self, prompt: str, seconds: float, seed: int, *, model: str) -> Timing:
        """Make one sound and return its timing; nobody else may use the stack meanwhile."""
        before = self._network_ns(model)
        started = time.perf_counter()
        self.generate(prompt, seconds, seed)
        wall_s = time.perf_counter() - started
        return Timing(wall_s, (self._network_ns(model) - before) / 1e9)

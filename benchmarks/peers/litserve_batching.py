"""LitServe with its batching: requests of a short time share one call of the pipeline."""

from typing import Any

import litserve
from fastapi import Response

from benchmarks.clips import Clip
from benchmarks.peers.options import Options, parse
from benchmarks.peers.sound import Diffusers, to_wav
from tritone.pcm import Pcm

BATCH_TIMEOUT_S = 0.02
REQUEST_TIMEOUT_S = 300


class SoundAPI(litserve.LitAPI):  # type: ignore[misc]  # untyped
    """Clips in, WAV out."""

    def __init__(self, options: Options) -> None:
        super().__init__(
            max_batch_size=options.max_batch, batch_timeout=BATCH_TIMEOUT_S, api_path="/generate"
        )
        self._options = options

    def setup(self, device: str) -> None:
        """Load the weights, in the worker's process."""
        options = self._options
        self._diffusers = Diffusers(options.checkpoint, options.threads, trimmed=options.trimmed)

    def decode_request(self, request: dict[str, Any]) -> Clip:
        """Read a clip."""
        return Clip(**request)

    def batch(self, inputs: list[Clip]) -> list[Clip]:
        """Keep clips as they are: the pipeline takes lists."""
        return inputs

    def predict(self, clips: list[Clip] | Clip) -> list[Pcm] | Pcm:
        """Make the sounds."""
        if isinstance(clips, Clip):  # LitServe does not batch where at most one may share
            return self._diffusers.generate([clips])[0]
        return self._diffusers.generate_grouped(clips)

    def unbatch(self, output: list[Pcm]) -> list[Pcm]:
        """Take the batch apart."""
        return output

    def encode_response(self, pcm: Pcm) -> Response:
        """Answer with WAV."""
        wav = to_wav(pcm, self._diffusers.sample_rate)
        return Response(wav, media_type="audio/wav")


if __name__ == "__main__":
    options = parse(__doc__ or "")
    server = litserve.LitServer(SoundAPI(options), accelerator="cpu", timeout=REQUEST_TIMEOUT_S)
    server.run(host="127.0.0.1", port=options.port, log_level="warning", generate_client_file=False)

"""Plain FastAPI + diffusers: one pipeline, one clip at a time; others wait in the thread pool."""

import threading

import uvicorn
from fastapi import FastAPI, Response

from benchmarks.clips import Clip
from benchmarks.peers.options import Options, parse
from benchmarks.peers.sound import Diffusers, to_wav


def create_app(options: Options) -> FastAPI:
    """Return the application; the weights are loaded."""
    diffusers = Diffusers(options.checkpoint, options.threads, trimmed=options.trimmed)
    lock = threading.Lock()  # the pipeline's scheduler has a state
    app = FastAPI()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/generate")
    def generate(clip: Clip) -> Response:
        with lock:
            pcm = diffusers.generate([clip])[0]
        return Response(to_wav(pcm, diffusers.sample_rate), media_type="audio/wav")

    return app


if __name__ == "__main__":
    options = parse(__doc__ or "")
    app = create_app(options)
    uvicorn.run(app, host="127.0.0.1", port=options.port, timeout_graceful_shutdown=1)

"""Plain FastAPI + hibari: one voice behind a lock; a text is answered when all of it is spoken."""

import argparse
import io
import threading
import wave

import numpy as np
import uvicorn
from fastapi import FastAPI, Response
from hibari import SAMPLE_RATE, Hibari
from pydantic import BaseModel


class Text(BaseModel):
    """What to speak."""

    input: str


def create_app(threads: int) -> FastAPI:
    """Return the application; voice and dictionaries are loaded."""
    voice, lock = Hibari(threads=threads), threading.Lock()
    voice("Warm up.")
    app = FastAPI()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/speak")
    def speak(text: Text) -> Response:
        with lock:
            waveform = voice(text.input, seed=0)
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
        return Response(buffer.getvalue(), media_type="audio/wav")

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--threads", type=int, default=2, help="of ONNX Runtime")
    arguments = parser.parse_args()
    app = create_app(arguments.threads)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, timeout_graceful_shutdown=1)

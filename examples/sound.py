"""One sound with Python's standard library: `python sound.py [prompt] [file]`."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

URL = os.environ.get("TRITONE_URL", "http://localhost:8080")
KEY = os.environ.get("TRITONE_KEY", "none")
ATTEMPTS = 5


def fetch_sound(prompt: str, seconds: float = 5.0, seed: int = 42) -> bytes:
    """Return a WAV file. A busy server says how long to wait before the next attempt."""
    body = {"input": prompt, "audio_length": seconds, "seed": seed}
    request = urllib.request.Request(
        f"{URL}/v1/audio/generate",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
    )
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            wait_s = error.headers.get("Retry-After")
            if wait_s is None or attempt == ATTEMPTS - 1:
                raise SystemExit(f"{error.code}: {error.read().decode()}") from error
            time.sleep(float(wait_s))
    raise AssertionError("the last attempt returned or raised")


def main() -> None:
    """Write one sound into a file."""
    prompt = sys.argv[1] if len(sys.argv) > 1 else "rain falling on a tin roof"
    file = Path(sys.argv[2] if len(sys.argv) > 2 else "rain.wav")
    file.write_bytes(fetch_sound(prompt))
    print(file)


if __name__ == "__main__":
    main()

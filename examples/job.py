"""A sound that is made later: submit a job, follow its events, fetch its file.

python job.py [prompt] [file]
"""

import json
import os
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

URL = os.environ.get("TRITONE_URL", "http://localhost:8080")
HEADERS = {"Authorization": f"Bearer {os.environ.get('TRITONE_KEY', 'none')}"}
Job = dict[str, Any]


def submit(prompt: str, seconds: float) -> Job:
    """Return the accepted job; asking again with the same body gives the same job."""
    body = json.dumps({"prompt": prompt, "seconds": seconds, "formats": ["wav"]}).encode()
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, body.decode()))
    headers = {**HEADERS, "Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(f"{URL}/jobs", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        job: Job = json.load(answer)
        return job


def follow(job_id: str) -> Iterator[Job]:
    """Yield the job at every change until it is over. A lost connection may be opened again."""
    request = urllib.request.Request(f"{URL}/jobs/{job_id}/events", headers=HEADERS)
    with urllib.request.urlopen(request, timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: "):  # the other lines name the event or keep it alive
                yield json.loads(line.removeprefix(b"data: "))


def main() -> None:
    """Make one sound and write it into a file."""
    prompt = sys.argv[1] if len(sys.argv) > 1 else "a church bell"
    file = Path(sys.argv[2] if len(sys.argv) > 2 else "bell.wav")
    job = submit(prompt, seconds=4)
    for change in follow(job["id"]):
        job = change
        print(job["status"], job["steps_done"], "of", job["steps"], "steps")
    if job["status"] != "completed":
        raise SystemExit(f"{job['status']}: {job['error']}")
    with urllib.request.urlopen(job["result"]["files"][0]["url"], timeout=60) as answer:
        file.write_bytes(answer.read())
    print(file)


if __name__ == "__main__":
    main()

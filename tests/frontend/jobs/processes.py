"""Real processes to kill: a worker with a sleeping maker, and a client that submits jobs.

python -m tests.frontend.jobs.processes worker '{"database_url": …}'
python -m tests.frontend.jobs.processes submitter '{"database_url": …}'
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from frontend.jobs.process import run
from frontend.jobs.startup import JobSystemSettings, open_jobs
from frontend.observe import logs
from frontend.passes.caller import Caller
from frontend.sounds.request import GenerationRequest, Sound
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.job_settings import make_job_settings

POISON = "poison"
SUBMIT_PAUSE_S = 0.05  # so that a client can be killed before it is through
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a process needs to know."""

    database_url: str
    files: str
    seconds: float = 0.0  # of one sound
    max_attempts: int = 3
    concurrency: int = 4
    webhook_url: str | None = None
    keys: Sequence[str] = ()  # of the jobs to submit

    @property
    def job_settings(self) -> JobSystemSettings:
        jobs = {
            "max_attempts": self.max_attempts,
            "max_connections": 4,
            "concurrency": self.concurrency,
        }
        # A receiver that is briefly away must not use up a short schedule.
        webhooks = {"schedule_s": [0.3] * 30}
        return make_job_settings(self.database_url, Path(self.files), jobs=jobs, webhooks=webhooks)

    def start(self, role: str) -> subprocess.Popen[str]:
        """Start a process in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", __name__, role, json.dumps(asdict(self))],
            cwd=ROOT,
            stdout=subprocess.PIPE if role == "submitter" else subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )


class PoisonedMaker(SleepingMaker):
    """Dies, with its whole process, of some prompts."""

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        if request.prompt == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().generate(request, caller)


async def submit_all(setting: Setting) -> None:
    """Submit a job per key and say which were accepted."""
    async with open_jobs(setting.job_settings, {}, patience_s=60.0) as system:
        for key in setting.keys:
            request = make_request(idempotency_key=key, webhook_url=setting.webhook_url)
            job = await system.service.submit(request)
            sys.stdout.write(f"{key} {job.id}\n")
            sys.stdout.flush()
            await asyncio.sleep(SUBMIT_PAUSE_S)


def main(role: str, text: str) -> int:
    fields: dict[str, Any] = json.loads(text)
    setting = Setting(**fields)
    logs.configure("warning")
    if role == "submitter":
        asyncio.run(submit_all(setting))
        return 0
    return run(
        setting.job_settings, PoisonedMaker(setting.seconds).opened(), {}, drain_timeout_s=5.0
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""The app with real jobs: a client, the job system, and a worker's hand to work jobs off with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from fastapi import FastAPI

from frontend.contracts.table import WEBHOOK_BODIES
from frontend.jobs.heartbeats import HeartbeatSender
from frontend.jobs.job_runner import JobRunner
from frontend.jobs.model import JobStatus
from frontend.jobs.startup import JobSystem, open_jobs
from frontend.passes.caller import Caller
from frontend.sounds.generator import Generator
from frontend.sounds.request import GenerationRequest, Sound
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speaker, Speech
from frontend.triton.gateway import Progress
from ops.stack.postgres import EmbeddedPostgres
from tests.conftest import make_app, make_settings
from tests.fakes import FakeGateway
from tests.frontend.database.server import new_database
from tests.frontend.jobs.job_settings import make_job_settings


@dataclass
class AppMaker:
    """A worker's maker over the app's own generator and speaker."""

    generator: Generator
    speaker: Speaker

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        return await self.generator.generate(request, caller)

    async def speak(self, request: SpeechRequest, caller: Caller) -> Speech:
        return await self.speaker.speak(request, caller)

    async def progress(self, request_id: str) -> Progress | None:
        return None


@dataclass
class Workbench:
    """What the tests of contracts with jobs need."""

    app: FastAPI
    client: httpx2.AsyncClient
    system: JobSystem
    gateway: FakeGateway

    async def work_off(self, job_id: str) -> None:
        """Do with a job what a worker does."""
        maker = AppMaker(self.app.state.generator, self.app.state.speaker)
        heartbeats = HeartbeatSender(self.system.store, maker.progress, 1.0)
        runner = JobRunner(self.system, maker, heartbeats, "test")
        while (await self.system.store.get(job_id, None)).status is JobStatus.QUEUED:
            await runner.run()  # maybe another one, whose turn comes first

    async def get(self, url: str, **headers: str) -> httpx2.Response:
        """Follow a link of ours."""
        return await self.client.get(httpx2.URL(url).raw_path.decode(), headers=headers)


@asynccontextmanager
async def workbench(
    postgres: EmbeddedPostgres, gateway: FakeGateway, files: Path
) -> AsyncIterator[Workbench]:
    """Give a workbench with an empty database of its own."""
    job_settings = make_job_settings(new_database(postgres), files, jobs={"max_attempts": 1})
    app = make_app(make_settings(), gateway)
    async with open_jobs(job_settings, WEBHOOK_BODIES, patience_s=5.0) as system:
        app.state.jobs = system
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://tritone") as client:
            yield Workbench(app, client, system, gateway)

"""The real store and service on the real database."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontend.jobs.model import JobRequest, OutputFormat
from frontend.jobs.records import Claim
from frontend.jobs.startup import JobSystem, JobSystemSettings, open_jobs
from frontend.sounds.request import GenerationRequest
from tests.frontend.jobs.job_settings import make_job_settings


async def claim_job(system: JobSystem, job_id: str, worker: str = "here") -> Claim:
    """Begin the job whose turn it is, which must be this one."""
    claim_id = str(uuid.uuid4())
    job = await system.store.claim_next(claim_id, worker)
    assert job is not None
    assert job.id == job_id
    return Claim(job_id=job_id, claim_id=claim_id)


@pytest.fixture
def job_settings(database_url: str, tmp_path: Path) -> JobSystemSettings:
    return make_job_settings(database_url, tmp_path / "files")


@pytest.fixture
async def system(job_settings: JobSystemSettings) -> AsyncIterator[JobSystem]:
    async with open_jobs(job_settings, {}, patience_s=5.0) as system:
        yield system


def make_request(**changes: object) -> JobRequest:
    """Return a request for one wav file, with changes."""
    values: dict[str, object] = {
        "wanted": GenerationRequest(prompt="rain on a tin roof", seconds=1.0),
        "contract": "aimlapi",
        "formats": (OutputFormat(name="wav"),),
        **changes,
    }
    return JobRequest(**values)  # type: ignore[arg-type]

"""The smaller edition of `python -m tests.acceptance.chaos`.

`make test` has a still smaller one with a maker that only sleeps:
`tests/frontend/jobs/test_death.py`.
"""

from pathlib import Path

import pytest

from tests.acceptance.chaos import KINDS, run_chaos
from tests.acceptance.drills import tell

pytestmark = [pytest.mark.triton, pytest.mark.drill, pytest.mark.timeout(600)]

N_JOBS = 40


async def test_jobs_outlive_the_death_of_every_kind_of_process(repository: Path) -> None:
    outcome = await run_chaos(
        repository, N_JOBS, per_second=1.6, pause_s=2.5, seed=1, timeout_s=200.0
    )
    tell(str(outcome))
    assert set(outcome.kills) == set(KINDS)
    assert outcome.ended == outcome.jobs == N_JOBS
    assert set(outcome.statuses) <= {"completed", "error"}
    assert outcome.endings == outcome.webhooks == N_JOBS

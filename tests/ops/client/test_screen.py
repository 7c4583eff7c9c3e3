import pytest

from ops.client.job import Job
from ops.client.screen import describe


@pytest.mark.parametrize(
    ("status", "position", "steps_done", "steps", "words"),
    [
        ("queued", 3, 0, None, "3 before it in the queue"),
        ("queued", 0, 0, None, "waiting"),
        ("running", None, 0, None, "starting"),
        ("running", None, 12, 30, "step 12 of 30"),
        ("completed", None, 30, 30, "completed"),
    ],
)
def test_where_a_job_is(
    status: str, position: int | None, steps_done: int, steps: int | None, words: str
) -> None:
    job = Job(
        id="1",
        status=status,
        position=position,
        steps_done=steps_done,
        steps=steps,
        problem="",
        made=None,
    )
    assert describe(job) == words

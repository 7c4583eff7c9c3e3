"""Jobs as rows of the database."""

import json

from frontend.database.queries import Row
from frontend.jobs.model import Job, JobFailure, JobRequest, JobResult, JobStatus
from frontend.jobs.records import Submission


def to_values(job_id: str, submission: Submission) -> dict[str, object]:
    """Return the values of a new row."""
    request = submission.request
    return {
        "id": job_id,
        "owner": request.owner,
        "contract": request.contract,
        "idempotency_key": request.idempotency_key,
        "digest": submission.digest,
        "request": request.to_json(),
        "labels": json.dumps(dict(request.labels)),
        "traceparent": submission.traceparent,
        "cost": submission.cost,
    }


def to_job(row: Row) -> Job:
    """Return the snapshot of a row."""
    result, error = row["result"], row["error"]
    return Job(
        id=str(row["id"]),
        seq=row["seq"],
        request=JobRequest.from_json(row["request"]),
        listed_characters=row.get("characters"),
        status=JobStatus(row["status"]),
        attempt=row["attempt"],
        strikes=row["strikes"],
        cancel_requested=row["cancel_requested"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        steps_done=row["steps_done"],
        steps=row["steps"],
        traceparent=row["traceparent"],
        result=None if result is None else JobResult.from_json(result),
        failure=None if error is None else JobFailure(**error),
    )

-- Jobs: accepted, shown, listed, claimed, renewed, ended.
-- Moments are the database's: the clocks of frontends and workers may differ.

-- name: insert_job
-- Accept a job with its first task, unless its id or its idempotency key is there already.
-- One statement, with procrastinate's own function: one round trip, one flush of the disk.
WITH job AS (
    INSERT INTO tritone_jobs (
        id, owner, contract, idempotency_key, digest, request, labels, traceparent, cost
    )
    VALUES (
        %(id)s, %(owner)s, %(contract)s, %(idempotency_key)s, %(digest)s, %(request)s, %(labels)s,
        %(traceparent)s, %(cost)s
    )
    ON CONFLICT DO NOTHING
    RETURNING *
), entered AS (
    INSERT INTO tritone_job_shares (owner, used)
    SELECT owner, (SELECT coalesce(min(used), 0) FROM tritone_job_shares) FROM job
    ON CONFLICT DO NOTHING
)
SELECT job.*, procrastinate_defer_jobs_v1(ARRAY[ROW(
    'generate', 'generate', 0, NULL, 'generate:' || job.id || ':0',
    jsonb_build_object('row_id', job.id), NULL
)::procrastinate_job_to_defer_v1]) AS tasks
FROM job;

-- name: find_repeated_job
-- Return the job that an insertion met, or that an idempotency key was accepted for.
SELECT * FROM tritone_jobs
WHERE id = %(id)s::uuid OR (owner = %(owner)s AND idempotency_key = %(idempotency_key)s);

-- name: get_job
-- Return a job.
SELECT * FROM tritone_jobs
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s);

-- name: list_changed_jobs
-- Return, of some jobs, those that have changed since they were last seen, and those that are gone.
SELECT seen.id AS seen_id, job.*
FROM unnest(%(ids)s::uuid[], %(updated_at)s::timestamptz[]) AS seen (id, updated_at)
LEFT JOIN tritone_listed_jobs AS job ON job.id = seen.id
WHERE job.id IS NULL OR job.updated_at <> seen.updated_at;

-- name: listen_to_jobs
-- Hear of every change of jobs from now on.
LISTEN tritone_jobs;

-- name: list_jobs
-- Return one page of an owner's jobs, newest first; of a long text its beginning.
SELECT * FROM tritone_listed_jobs
WHERE (%(owner)s::text IS NULL OR owner = %(owner)s)
    AND (%(contract)s::text IS NULL OR contract = %(contract)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
    AND labels @> %(labels)s::jsonb
    AND (%(created_from)s::timestamptz IS NULL OR created_at >= %(created_from)s)
    AND (%(created_until)s::timestamptz IS NULL OR created_at < %(created_until)s)
    AND (%(after)s::bigint IS NULL OR seq < %(after)s)
ORDER BY seq DESC
LIMIT %(limit)s;

-- name: list_jobs_oldest_first
-- Return one page of an owner's jobs, oldest first; of a long text its beginning.
SELECT * FROM tritone_listed_jobs
WHERE (%(owner)s::text IS NULL OR owner = %(owner)s)
    AND (%(contract)s::text IS NULL OR contract = %(contract)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
    AND labels @> %(labels)s::jsonb
    AND (%(created_from)s::timestamptz IS NULL OR created_at >= %(created_from)s)
    AND (%(created_until)s::timestamptz IS NULL OR created_at < %(created_until)s)
    AND (%(after)s::bigint IS NULL OR seq > %(after)s)
ORDER BY seq
LIMIT %(limit)s;

-- name: renew_leases
-- Keep the jobs that a worker runs alive and write down how far they are; missing: lost.
UPDATE tritone_jobs AS job SET
    lease_until = now() + %(lease_s)s * interval '1 second',
    steps_done = heartbeat.steps_done,
    steps = heartbeat.steps,
    updated_at = now()
FROM unnest(%(claim_ids)s::uuid[], %(ids)s::uuid[], %(steps_done)s::int[], %(steps)s::int[])
    AS heartbeat (claim_id, id, steps_done, steps)
WHERE job.id = heartbeat.id AND job.claim_id = heartbeat.claim_id AND job.status = 'running'
RETURNING job.id, job.cancel_requested;

-- name: end_running_job
-- End a job, if this attempt still has it.
UPDATE tritone_jobs SET
    status = %(status)s, result = %(result)s, error = %(error)s,
    steps_done = steps, lease_until = NULL, finished_at = now(), updated_at = now()
WHERE id = %(id)s AND claim_id = %(claim_id)s AND status = 'running'
RETURNING *;

-- name: requeue_job
-- Put a job back, if this attempt still has it.
UPDATE tritone_jobs SET
    status = 'queued', claim_id = NULL, lease_until = NULL, steps_done = NULL, steps = NULL,
    strikes = strikes + %(strikes)s,
    not_before = now() + %(delay_s)s * interval '1 second',
    updated_at = now()
WHERE id = %(id)s AND claim_id = %(claim_id)s AND status = 'running'
RETURNING *;

-- name: cancel_queued_job
-- End a job that nobody has begun.
UPDATE tritone_jobs SET
    status = 'cancelled', cancel_requested = true, finished_at = now(), updated_at = now()
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s) AND status = 'queued'
RETURNING *;

-- name: request_cancel
-- Ask the worker that runs a job to stop.
UPDATE tritone_jobs SET cancel_requested = true, updated_at = now()
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s) AND status = 'running'
RETURNING *;

-- name: delete_job
-- Forget a job that is over, with its deliveries.
DELETE FROM tritone_jobs
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s) AND finished_at IS NOT NULL
RETURNING id;

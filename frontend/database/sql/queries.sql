-- Every query of the job store. Before each: its name, and a sentence.
-- Moments are the database's: the clocks of frontends and workers may differ.

-- name: lock_migrations
-- Let one process at a time change the schema; released at the end of the transaction.
SELECT pg_advisory_xact_lock(7472697401);

-- name: create_migrations
-- Make the table of applied migrations.
CREATE TABLE IF NOT EXISTS tritone_migrations (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: applied_migrations
-- Tell which migrations are applied.
SELECT name FROM tritone_migrations;

-- name: record_migration
-- Remember that a migration is applied.
INSERT INTO tritone_migrations (name) VALUES (%(name)s);

-- name: keep_secret
-- Keep a secret unless there is one already.
INSERT INTO tritone_secrets (name, value) VALUES (%(name)s, %(value)s) ON CONFLICT DO NOTHING;

-- name: read_secret
-- Return the secret that all processes use.
SELECT value FROM tritone_secrets WHERE name = %(name)s;

-- name: insert_job
-- Accept a job with its first task, unless its id or its idempotency key is there already.
-- One statement, with procrastinate's own function: one round trip, one flush of the disk.
WITH job AS (
    INSERT INTO tritone_jobs (
        id, owner, contract, idempotency_key, digest, request, labels, traceparent
    )
    VALUES (
        %(id)s, %(owner)s, %(contract)s, %(idempotency_key)s, %(digest)s, %(request)s, %(labels)s,
        %(traceparent)s
    )
    ON CONFLICT DO NOTHING
    RETURNING *
)
SELECT job.*, procrastinate_defer_jobs_v1(ARRAY[ROW(
    'generate', 'generate', 0, NULL, 'generate:' || job.id,
    jsonb_build_object('row_id', job.id), NULL
)::procrastinate_job_to_defer_v1]) AS tasks
FROM job;

-- name: find_repeated_job
-- Return the job that an insertion met.
SELECT * FROM tritone_jobs
WHERE id = %(id)s OR (owner = %(owner)s AND idempotency_key = %(idempotency_key)s);

-- name: get_job
-- Return a job and, while it is queued, how many are before it.
SELECT job.*, CASE WHEN status = 'queued' THEN (
    SELECT count(*) FROM tritone_jobs AS other WHERE other.status = 'queued' AND other.seq < job.seq
) END AS position
FROM tritone_jobs AS job
WHERE id = %(id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s);

-- name: list_jobs
-- Return one page of an owner's jobs, newest first.
SELECT * FROM tritone_jobs
WHERE (%(owner)s::text IS NULL OR owner = %(owner)s)
    AND (%(contract)s::text IS NULL OR contract = %(contract)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
    AND labels @> %(labels)s
    AND (%(created_from)s::timestamptz IS NULL OR created_at >= %(created_from)s)
    AND (%(created_until)s::timestamptz IS NULL OR created_at < %(created_until)s)
    AND (%(after)s::bigint IS NULL OR seq < %(after)s)
ORDER BY seq DESC
LIMIT %(limit)s;

-- name: list_jobs_oldest_first
-- Return one page of an owner's jobs, oldest first.
SELECT * FROM tritone_jobs
WHERE (%(owner)s::text IS NULL OR owner = %(owner)s)
    AND (%(contract)s::text IS NULL OR contract = %(contract)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
    AND labels @> %(labels)s
    AND (%(created_from)s::timestamptz IS NULL OR created_at >= %(created_from)s)
    AND (%(created_until)s::timestamptz IS NULL OR created_at < %(created_until)s)
    AND (%(after)s::bigint IS NULL OR seq > %(after)s)
ORDER BY seq
LIMIT %(limit)s;

-- name: claim_job
-- Begin an attempt; asking again with the same claim after a lost answer changes nothing.
UPDATE tritone_jobs SET
    status = 'running',
    attempt = attempt + (status = 'queued')::int,
    claim_id = %(claim_id)s,
    worker = %(worker)s,
    lease_until = now() + %(lease_s)s * interval '1 second',
    steps_done = NULL,
    steps = NULL,
    started_at = now(),
    updated_at = now()
WHERE id = %(id)s AND (status = 'queued' OR (status = 'running' AND claim_id = %(claim_id)s))
RETURNING *;

-- name: renew_leases
-- Keep the jobs that a worker runs alive and write down how far they are; missing: lost.
UPDATE tritone_jobs AS job SET
    lease_until = now() + %(lease_s)s * interval '1 second',
    steps_done = pulse.steps_done,
    steps = pulse.steps,
    updated_at = now()
FROM unnest(%(claim_ids)s::uuid[], %(ids)s::uuid[], %(steps_done)s::int[], %(steps)s::int[])
    AS pulse (claim_id, id, steps_done, steps)
WHERE job.id = pulse.id AND job.claim_id = pulse.claim_id AND job.status = 'running'
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

-- name: lock_orphans
-- Return running jobs whose worker is dead. Not while the database itself has just come back:
-- then nobody could renew a lease.
SELECT * FROM tritone_jobs
WHERE status = 'running' AND lease_until < now()
    AND pg_postmaster_start_time() < now() - %(settled_s)s * interval '1 second'
ORDER BY seq
LIMIT 100
FOR UPDATE SKIP LOCKED;

-- name: lock_forgotten_jobs
-- Return queued jobs that are due and for which no task waits, as after a lost answer.
SELECT id, not_before FROM tritone_jobs AS job
WHERE status = 'queued' AND greatest(not_before, updated_at) < now() - %(grace_s)s * interval '1 second'
    AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS task
        WHERE task.queueing_lock = 'generate:' || job.id AND task.status = 'todo'
    )
ORDER BY seq
LIMIT 100
FOR UPDATE SKIP LOCKED;

-- name: load
-- Tell how busy we are: jobs waiting and running, the age of the oldest, and how long one takes.
SELECT
    (SELECT count(*) FROM tritone_jobs WHERE status = 'queued') AS queued,
    (SELECT count(*) FROM tritone_jobs WHERE status = 'running') AS running,
    (SELECT extract(epoch FROM now() - created_at)::float8 FROM tritone_jobs
        WHERE status = 'queued' ORDER BY seq LIMIT 1) AS oldest_s,
    (SELECT avg(extract(epoch FROM finished_at - started_at))::float8 FROM (
        SELECT started_at, finished_at FROM tritone_jobs
        WHERE finished_at IS NOT NULL AND status = 'completed'
        ORDER BY finished_at DESC LIMIT 32
    ) AS recent) AS typical_s;

-- name: census
-- Count what metrics show. A job that is put back for later is not overdue before its time.
SELECT
    (SELECT count(*) FROM tritone_jobs WHERE status = 'queued') AS queued,
    (SELECT count(*) FROM tritone_jobs WHERE status = 'running') AS running,
    (SELECT coalesce(extract(epoch FROM now() - min(not_before)), 0)::float8 FROM tritone_jobs
        WHERE status = 'queued' AND not_before <= now()) AS queue_age_s,
    (SELECT count(*) FROM tritone_deliveries WHERE status = 'pending') AS deliveries,
    (SELECT coalesce(extract(epoch FROM now() - min(next_at)), 0)::float8 FROM tritone_deliveries
        WHERE status = 'pending' AND next_at <= now()) AS delivery_delay_s,
    (SELECT count(*) FROM procrastinate_workers
        WHERE last_heartbeat > now() - 2 * %(lease_s)s * interval '1 second') AS consumers;

-- name: delete_old_jobs
-- Delete some jobs that ended long ago, with their deliveries, and return what they made.
DELETE FROM tritone_jobs WHERE id IN (
    SELECT id FROM tritone_jobs
    WHERE finished_at < now() - %(age_s)s * interval '1 second'
    ORDER BY finished_at LIMIT 500
    FOR UPDATE SKIP LOCKED
)
RETURNING result;

-- name: delete_dead_tasks
-- Delete tasks that no live worker has: their jobs and deliveries get new ones.
DELETE FROM procrastinate_jobs AS task
WHERE status = 'doing' AND NOT EXISTS (
    SELECT 1 FROM procrastinate_workers AS worker
    WHERE worker.id = task.worker_id
        AND worker.last_heartbeat > now() - %(age_s)s * interval '1 second'
);

-- name: insert_delivery
-- Owe somebody a webhook, with its first task.
WITH delivery AS (
    INSERT INTO tritone_deliveries (id, job_id, event, url, body)
    VALUES (%(id)s, %(job_id)s, %(event)s, %(url)s, %(body)s)
    RETURNING id
)
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
    'deliver', 'deliver', 0, NULL, 'deliver:' || delivery.id,
    jsonb_build_object('row_id', delivery.id), NULL
)::procrastinate_job_to_defer_v1]) AS tasks
FROM delivery;

-- name: claim_delivery
-- Begin an attempt to deliver; asking again with the same claim changes nothing.
UPDATE tritone_deliveries AS delivery SET
    claim_id = %(claim_id)s, lease_until = now() + %(lease_s)s * interval '1 second'
FROM tritone_jobs AS job
WHERE delivery.id = %(id)s AND delivery.status = 'pending' AND job.id = delivery.job_id
    AND (delivery.lease_until IS NULL OR delivery.lease_until < now()
        OR delivery.claim_id = %(claim_id)s)
RETURNING delivery.*, job.owner, job.traceparent;

-- name: record_attempt
-- Write one attempt into the delivery's log.
INSERT INTO tritone_delivery_attempts (delivery_id, status_code, problem, seconds)
VALUES (%(id)s, %(status_code)s, %(problem)s, %(seconds)s);

-- name: settle_delivery
-- Note the outcome of an attempt, if nobody else has begun one.
UPDATE tritone_deliveries SET
    status = %(status)s, tries = tries + %(tries)s, lease_until = NULL, claim_id = NULL,
    next_at = now() + %(delay_s)s * interval '1 second',
    ended_at = CASE WHEN %(status)s = 'pending' THEN NULL ELSE now() END
WHERE id = %(id)s AND claim_id = %(claim_id)s AND status = 'pending'
RETURNING next_at;

-- name: restart_delivery
-- Deliver again from the beginning of the schedule, with the same id and body.
UPDATE tritone_deliveries AS delivery SET
    status = 'pending', tries = 0, next_at = now(), lease_until = NULL, claim_id = NULL,
    ended_at = NULL
FROM tritone_jobs AS job
WHERE delivery.id = %(id)s AND job.id = delivery.job_id AND delivery.status <> 'pending'
    AND (%(owner)s::text IS NULL OR job.owner = %(owner)s)
RETURNING delivery.*, job.owner;

-- name: lock_forgotten_deliveries
-- Return deliveries that are due and for which no task waits.
SELECT id, next_at FROM tritone_deliveries AS delivery
WHERE status = 'pending' AND next_at < now() - %(grace_s)s * interval '1 second'
    AND (lease_until IS NULL OR lease_until < now())
    AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS task
        WHERE task.queueing_lock = 'deliver:' || delivery.id AND task.status = 'todo'
    )
ORDER BY next_at
LIMIT 100
FOR UPDATE SKIP LOCKED;

-- name: list_deliveries
-- Return the deliveries of a job, oldest first.
SELECT delivery.*, job.owner FROM tritone_deliveries AS delivery
JOIN tritone_jobs AS job ON job.id = delivery.job_id
WHERE delivery.job_id = %(job_id)s AND (%(owner)s::text IS NULL OR job.owner = %(owner)s)
ORDER BY delivery.created_at;

-- name: list_attempts
-- Return the log of some deliveries, oldest first.
SELECT * FROM tritone_delivery_attempts
WHERE delivery_id = ANY (%(ids)s)
ORDER BY at;

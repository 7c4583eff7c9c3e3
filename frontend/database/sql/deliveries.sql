-- Webhooks on their way, and the log of their attempts.
-- Moments are the database's: the clocks of frontends and workers may differ.

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

-- Webhooks on their way, and the log of their attempts.
-- Moments are the database's: the clocks of frontends and workers may differ.

-- name: insert_delivery
-- Owe somebody a webhook, and tell the workers.
WITH delivery AS (
    INSERT INTO tritone_deliveries (id, job_id, owner, event, url, host, body)
    SELECT %(id)s, id, owner, %(event)s, %(url)s, %(host)s, %(body)s
    FROM tritone_jobs WHERE id = %(job_id)s
    RETURNING id
)
SELECT pg_notify('tritone_deliveries', '') FROM delivery;

-- name: listen_to_deliveries
-- Hear of every new delivery from now on.
LISTEN tritone_deliveries;

-- name: find_due_deliveries
-- Return deliveries that nobody is at, the oldest first: of each owner and host so many as may be
-- sent at once, of a host that is to be tried again one, of a host that is left alone only those
-- whose last attempt this is. An owner with very many hosts costs no more than one with many.
WITH ranked AS (
    SELECT owner, host, row_number() OVER (PARTITION BY owner ORDER BY min(next_at)) AS nth
    FROM tritone_deliveries
    WHERE status = 'pending' AND next_at <= now()
    GROUP BY owner, host
), pairs AS MATERIALIZED (
    SELECT owner, host FROM ranked WHERE nth <= %(max_hosts)s
)
SELECT due.id, pairs.owner, pairs.host, coalesce(circuit.failures, 0) >= %(threshold)s AS is_probe
FROM pairs
LEFT JOIN tritone_webhook_circuits AS circuit USING (owner, host)
CROSS JOIN LATERAL (
    SELECT id, next_at FROM tritone_deliveries AS delivery
    WHERE delivery.owner = pairs.owner AND delivery.host = pairs.host
        AND status = 'pending' AND next_at <= now()
        AND (lease_until IS NULL OR lease_until < now())
        AND (coalesce(circuit.failures, 0) < %(threshold)s OR circuit.open_until <= now()
            OR tries >= %(n_pauses)s)
    ORDER BY next_at
    LIMIT CASE WHEN circuit.failures >= %(threshold)s THEN 1 ELSE %(per_host)s END
) AS due
ORDER BY due.next_at;

-- name: postpone_deliveries
-- Count an attempt of deliveries to hosts that are left alone, without making it. The last attempt
-- of a delivery is always made.
WITH due AS (
    SELECT delivery.id FROM tritone_deliveries AS delivery
    JOIN tritone_webhook_circuits AS circuit USING (owner, host)
    WHERE delivery.status = 'pending' AND delivery.next_at <= now()
        AND (delivery.lease_until IS NULL OR delivery.lease_until < now())
        AND delivery.tries < cardinality(%(pauses_s)s::float8[])
        AND circuit.failures >= %(threshold)s AND circuit.open_until > now()
    ORDER BY delivery.next_at
    LIMIT 1000
    FOR UPDATE OF delivery SKIP LOCKED
), postponed AS (
    UPDATE tritone_deliveries AS delivery SET
        tries = tries + 1,
        next_at = now() + (%(pauses_s)s::float8[])[tries + 1] * (1 + random() * %(jitter)s)
            * interval '1 second'
    FROM due WHERE delivery.id = due.id
    RETURNING delivery.id
)
INSERT INTO tritone_delivery_attempts (delivery_id, problem, seconds)
SELECT id, %(problem)s, 0 FROM postponed;

-- name: claim_delivery
-- Begin an attempt to deliver; asking again with the same claim changes nothing.
UPDATE tritone_deliveries AS delivery SET
    claim_id = %(claim_id)s, lease_until = now() + %(lease_s)s * interval '1 second'
FROM tritone_jobs AS job
WHERE delivery.id = %(id)s AND delivery.status = 'pending' AND job.id = delivery.job_id
    AND (delivery.lease_until IS NULL OR delivery.lease_until < now()
        OR delivery.claim_id = %(claim_id)s)
RETURNING delivery.*, job.traceparent;

-- name: record_attempt
-- Write one attempt into the delivery's log.
INSERT INTO tritone_delivery_attempts (delivery_id, status_code, problem, seconds)
VALUES (%(id)s, %(status_code)s, %(problem)s, %(seconds)s);

-- name: settle_delivery
-- Note the outcome of an attempt, if nobody else has begun one.
UPDATE tritone_deliveries SET
    status = %(status)s, tries = tries + 1, lease_until = NULL, claim_id = NULL,
    next_at = now() + %(delay_s)s * interval '1 second',
    ended_at = CASE WHEN %(status)s = 'pending' THEN NULL ELSE now() END
WHERE id = %(id)s AND claim_id = %(claim_id)s AND status = 'pending'
RETURNING owner, host;

-- name: count_silence
-- Note that a host did not answer. From the threshold on it is left alone, longer each time.
INSERT INTO tritone_webhook_circuits AS circuit (owner, host, failures, open_until)
VALUES (%(owner)s, %(host)s, 1, now())
ON CONFLICT (owner, host) DO UPDATE SET
    failures = circuit.failures + 1,
    open_until = now() + CASE WHEN circuit.failures + 1 >= %(threshold)s
        THEN (%(pauses_s)s::float8[])[
            least(circuit.failures + 2 - %(threshold)s, cardinality(%(pauses_s)s::float8[]))
        ] ELSE 0 END * interval '1 second'
WHERE circuit.open_until <= now()
RETURNING failures;

-- name: forget_silence
-- Note that a host answered.
DELETE FROM tritone_webhook_circuits WHERE owner = %(owner)s AND host = %(host)s;

-- name: forget_old_silences
-- Forget hosts to which nothing was sent for long.
DELETE FROM tritone_webhook_circuits WHERE open_until < now() - %(age_s)s * interval '1 second';

-- name: restart_delivery
-- Deliver again from the beginning of the schedule, with the same id and body, and tell the workers.
-- Whoever asks for it knows that the host answers again.
WITH restarted AS (
    UPDATE tritone_deliveries SET
        status = 'pending', tries = 0, next_at = now(), lease_until = NULL, claim_id = NULL,
        ended_at = NULL
    WHERE id = %(id)s AND status <> 'pending' AND (%(owner)s::text IS NULL OR owner = %(owner)s)
    RETURNING *
), opened AS (
    DELETE FROM tritone_webhook_circuits AS circuit USING restarted
    WHERE circuit.owner = restarted.owner AND circuit.host = restarted.host
)
SELECT restarted.*, pg_notify('tritone_deliveries', '') AS told FROM restarted;

-- name: list_deliveries
-- Return the deliveries of a job, oldest first.
SELECT * FROM tritone_deliveries
WHERE job_id = %(job_id)s AND (%(owner)s::text IS NULL OR owner = %(owner)s)
ORDER BY created_at;

-- name: list_attempts
-- Return the log of some deliveries, oldest first.
SELECT * FROM tritone_delivery_attempts
WHERE delivery_id = ANY (%(ids)s)
ORDER BY at;

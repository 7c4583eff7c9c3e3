-- What is counted: for admission to the queue, for estimates, for metrics.
-- Moments are the database's: the clocks of frontends and workers may differ.

-- name: load
-- Tell how busy we are: whose jobs wait, how many run, the age of the oldest, how long one takes.
SELECT
    (SELECT coalesce(json_object_agg(owner, n), '{}') FROM (
        SELECT owner, count(*) AS n FROM tritone_jobs WHERE status = 'queued' GROUP BY owner
    ) AS waiting) AS queued_by_owner,
    (SELECT count(*) FROM tritone_jobs WHERE status = 'running') AS running,
    (SELECT extract(epoch FROM now() - created_at)::float8 FROM tritone_jobs
        WHERE status = 'queued' ORDER BY seq LIMIT 1) AS oldest_s,
    (SELECT avg(extract(epoch FROM finished_at - started_at))::float8 FROM (
        SELECT started_at, finished_at FROM tritone_jobs
        WHERE finished_at IS NOT NULL AND status = 'completed'
        ORDER BY finished_at DESC LIMIT 32
    ) AS recent) AS typical_s;

-- name: count_jobs
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

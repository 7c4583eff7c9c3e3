-- What sweeps do: take over from dead workers, wake what was forgotten, delete what is old.
-- Moments are the database's: the clocks of frontends and workers may differ.

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
-- Return queued jobs that are due while fewer tasks wait than jobs, as after a lost answer. A task
-- begins whichever job has its turn: their number counts, not whose they are.
WITH overdue AS (
    SELECT count(*) AS n FROM tritone_jobs
    WHERE status = 'queued'
        AND greatest(not_before, updated_at) < now() - %(grace_s)s * interval '1 second'
), waiting AS (
    SELECT count(*) AS n FROM procrastinate_jobs
    WHERE queue_name = 'generate' AND status = 'todo'
        AND (scheduled_at IS NULL OR scheduled_at <= now())
)
SELECT * FROM tritone_jobs AS job
WHERE status = 'queued'
    AND greatest(not_before, updated_at) < now() - %(grace_s)s * interval '1 second'
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs AS task
        WHERE task.queueing_lock = 'generate:' || job.id || ':' || job.attempt
            AND task.status = 'todo'
    )
ORDER BY seq
LIMIT (SELECT least(100, greatest(0, overdue.n - waiting.n)) FROM overdue CROSS JOIN waiting)
FOR UPDATE SKIP LOCKED;

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
-- Delete tasks that no live worker has: their jobs get new ones.
DELETE FROM procrastinate_jobs AS task
WHERE status = 'doing' AND NOT EXISTS (
    SELECT 1 FROM procrastinate_workers AS worker
    WHERE worker.id = task.worker_id
        AND worker.last_heartbeat > now() - %(age_s)s * interval '1 second'
);

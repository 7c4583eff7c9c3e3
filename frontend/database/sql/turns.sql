-- Whose turn it is in the queue: the owner that has used least, then whoever came first, as in
-- `tritone.turns`. Who comes (again) begins level with the least served: see `insert_job`. An owner
-- whose row in `tritone_job_shares` was forgotten at that very moment comes first, once.
-- Moments are the database's: the clocks of frontends and workers may differ.

-- name: claim_next_job
-- Begin an attempt at the job whose turn it is; asking again with the same claim changes nothing.
-- It does not wait for the disk: a claim that a crash of the database undoes is lost like that of a
-- dead worker. A worker runs one job with strikes at a time: where one kills its workers, the others
-- that died with it do not die with it again.
WITH RECURSIVE owners AS (  -- of queued jobs; one look into the index for each
    (SELECT owner FROM tritone_jobs WHERE status = 'queued' ORDER BY owner LIMIT 1)
    UNION ALL
    SELECT (
        SELECT job.owner FROM tritone_jobs AS job
        WHERE job.status = 'queued' AND job.owner > owners.owner
        ORDER BY job.owner LIMIT 1
    ) FROM owners WHERE owners.owner IS NOT NULL
), level AS (
    SELECT coalesce(min(used), 0) AS used FROM tritone_job_shares
), candidates AS (  -- several of each owner: others may be claiming the first ones now
    SELECT due.id, due.seq, coalesce(share.used, 0) + due.before AS turn
    FROM owners
    CROSS JOIN LATERAL (
        SELECT id, seq, sum(cost) OVER (ORDER BY seq) - cost AS before FROM (
            SELECT job.id, job.seq, job.cost FROM tritone_jobs AS job
            WHERE job.status = 'queued' AND job.owner = owners.owner AND job.not_before <= now()
            ORDER BY job.seq LIMIT 64
        ) AS first
    ) AS due
    LEFT JOIN tritone_job_shares AS share ON share.owner = owners.owner
), next AS (
    SELECT job.id FROM candidates JOIN tritone_jobs AS job ON job.id = candidates.id
    WHERE job.status = 'queued' AND NOT EXISTS (
        SELECT FROM tritone_jobs WHERE status = 'running' AND claim_id = %(claim_id)s
    ) AND (job.strikes = 0 OR NOT EXISTS (
        SELECT FROM tritone_jobs AS beside
        WHERE beside.status = 'running' AND beside.strikes > 0 AND beside.worker = %(worker)s
    ))
    ORDER BY candidates.turn, candidates.seq
    LIMIT 1
    FOR UPDATE OF job SKIP LOCKED
), claimed AS (
    UPDATE tritone_jobs AS job SET
        status = 'running',
        attempt = attempt + 1,
        claim_id = %(claim_id)s,
        worker = %(worker)s,
        lease_until = now() + %(lease_s)s * interval '1 second',
        steps_done = NULL,
        steps = NULL,
        started_at = now(),
        updated_at = now()
    FROM next
    WHERE job.id = next.id AND job.status = 'queued'
    RETURNING job.*
), charged AS (
    INSERT INTO tritone_job_shares AS share (owner, used)
    SELECT claimed.owner, level.used + claimed.cost FROM claimed CROSS JOIN level
    ON CONFLICT (owner) DO UPDATE SET
        used = share.used + EXCLUDED.used - (SELECT used FROM level)
)
SELECT *, set_config('synchronous_commit', 'off', true) FROM claimed
UNION ALL
SELECT *, NULL FROM tritone_jobs WHERE status = 'running' AND claim_id = %(claim_id)s;

-- name: queue_positions
-- Return how many jobs come before some queued ones, if nothing else comes meanwhile.
WITH turns AS (
    SELECT job.id, job.seq, coalesce(share.used, 0)
        + sum(job.cost) OVER (PARTITION BY job.owner ORDER BY job.seq) - job.cost AS turn
    FROM tritone_jobs AS job
    LEFT JOIN tritone_job_shares AS share ON share.owner = job.owner
    WHERE job.status = 'queued'
), places AS (
    SELECT id, row_number() OVER (ORDER BY turn, seq) - 1 AS position FROM turns
)
SELECT id, position FROM places WHERE id = ANY (%(ids)s::uuid[]);

-- name: forget_idle_owners
-- Forget what owners have used that have no job any more: nobody saves up turns by staying away.
DELETE FROM tritone_job_shares AS share
WHERE NOT EXISTS (
        SELECT FROM tritone_jobs AS job WHERE job.status = 'queued' AND job.owner = share.owner
    )
    AND NOT EXISTS (
        SELECT FROM tritone_jobs AS job WHERE job.status = 'running' AND job.owner = share.owner
    );

-- What was done with which key.

-- name: report_keys
-- Return every key, oldest first, with its usage.
SELECT key.*, usage.last_used_at, coalesce(usage.requests, 0)::bigint AS requests,
    coalesce(usage.sound_seconds, 0) AS sound_seconds
FROM tritone_keys AS key
LEFT JOIN (
    SELECT key_id, max(last_used_at) AS last_used_at, sum(requests) AS requests,
        sum(sound_seconds) AS sound_seconds
    FROM tritone_key_usage GROUP BY key_id
) AS usage ON usage.key_id = key.id
ORDER BY key.created_at, key.id;

-- name: count_usage
-- Add to the usage of some keys, unless this batch of this process was added already.
WITH begun AS (
    INSERT INTO tritone_usage_writers AS writer (id, batch) VALUES (%(writer_id)s, %(batch)s)
    ON CONFLICT (id) DO UPDATE SET batch = EXCLUDED.batch, written_at = now()
    WHERE writer.batch < EXCLUDED.batch
    RETURNING id
)
INSERT INTO tritone_key_usage AS known (key_id, shard, requests, sound_seconds)
SELECT key_id, pg_backend_pid() %% 16, requests, sound_seconds
FROM begun
CROSS JOIN unnest(%(ids)s::text[], %(requests)s::bigint[], %(sound_seconds)s::float8[])
    AS fresh (key_id, requests, sound_seconds)
ORDER BY key_id
ON CONFLICT (key_id, shard) DO UPDATE SET
    requests = known.requests + EXCLUDED.requests,
    sound_seconds = known.sound_seconds + EXCLUDED.sound_seconds,
    last_used_at = now();

-- name: forget_usage_writers
-- Forget processes that have written nothing for a day: nobody repeats a batch that late.
DELETE FROM tritone_usage_writers WHERE written_at < now() - interval '1 day';

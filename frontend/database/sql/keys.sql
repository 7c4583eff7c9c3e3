-- API keys, and what is left of their limits.

-- name: insert_key
-- Keep a new key.
INSERT INTO tritone_keys (id, name, digest, pepper_id, rate_per_minute, burst, max_in_flight)
VALUES (%(id)s, %(name)s, %(digest)s, %(pepper_id)s, %(rate_per_minute)s, %(burst)s,
    %(max_in_flight)s)
ON CONFLICT DO NOTHING;

-- name: find_key
-- Return a key that is not revoked.
SELECT * FROM tritone_keys WHERE id = %(id)s AND revoked_at IS NULL;

-- name: revoke_key
-- Revoke a key; one that is revoked keeps its moment.
UPDATE tritone_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %(id)s RETURNING id;

-- name: enter_gate
-- Count a request against a key's limits, if they have room for it. The generic cell rate
-- algorithm: `due_at` moves on by one interval per request and may be ahead of now by the tolerance.
-- A refusal writes nothing. The outer SELECT sees the row as it was.
-- A visit that is there already changes nothing: its commit was not heard of. Of a key with a rate
-- alone, the last visit is kept for that.
WITH entered AS (
    INSERT INTO tritone_key_gates AS gate (key_id, due_at, visits)
    VALUES (
        %(key_id)s,
        now() + %(interval_s)s * interval '1 second',
        jsonb_build_object(%(visit_id)s::text, extract(epoch FROM now()) + %(lease_s)s::float8)
    )
    ON CONFLICT (key_id) DO UPDATE SET
        due_at = CASE WHEN gate.visits ? %(visit_id)s THEN gate.due_at
            ELSE greatest(gate.due_at, now()) + %(interval_s)s * interval '1 second' END,
        visits = CASE WHEN %(max_in_flight)s::int IS NULL THEN EXCLUDED.visits ELSE (
            SELECT coalesce(jsonb_object_agg(visit.key, visit.value), '{}')
            FROM jsonb_each(gate.visits) AS visit
            WHERE visit.value::float8 > extract(epoch FROM now())
        ) || EXCLUDED.visits END
    WHERE gate.visits ? %(visit_id)s
        OR (%(interval_s)s = 0
            OR gate.due_at <= now() + %(tolerance_s)s * interval '1 second')
        AND (%(max_in_flight)s::int IS NULL OR %(max_in_flight)s::int > (
            SELECT count(*) FROM jsonb_each(gate.visits) AS visit
            WHERE visit.value::float8 > extract(epoch FROM now())
        ))
    RETURNING 1
)
SELECT EXISTS (SELECT FROM entered) AS is_admitted,
    (SELECT extract(epoch FROM due_at - now())::float8 FROM tritone_key_gates
        WHERE key_id = %(key_id)s) AS ahead_s;

-- name: leave_gate
-- End a visit.
UPDATE tritone_key_gates SET visits = visits - %(visit_id)s::text WHERE key_id = %(key_id)s;

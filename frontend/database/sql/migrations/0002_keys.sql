-- API keys, what is left of their limits, and what was done with them.

CREATE TABLE tritone_keys (
    id text PRIMARY KEY,                    -- public
    name text NOT NULL,
    digest bytea NOT NULL,                  -- HMAC-SHA256 of the secret
    pepper_id bytea NOT NULL,               -- tells which pepper it was made with
    rate_per_minute double precision,       -- null: no limit
    burst integer NOT NULL,
    max_in_flight integer,                  -- null: no limit
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- Not logged: no flush of the disk per request. A crash of the database empties it, which lets a
-- burst in and forgets the requests that died with it.
CREATE UNLOGGED TABLE tritone_key_gates (
    key_id text PRIMARY KEY,
    due_at timestamptz NOT NULL,            -- GCRA: when the next request would come at full rate
    visits jsonb NOT NULL                   -- of the requests being answered: id to its end, epoch
) WITH (fillfactor = 50);                   -- room to update in place

CREATE TABLE tritone_key_usage (
    key_id text NOT NULL,
    shard integer NOT NULL,                 -- writers of one key must not wait for each other
    requests bigint NOT NULL DEFAULT 0,
    sound_seconds double precision NOT NULL DEFAULT 0,
    last_used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key_id, shard)
) WITH (fillfactor = 50);

-- The sound of a job is counted by the transaction that ends it: once, whatever dies.
CREATE FUNCTION tritone_count_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tritone_key_usage AS known (key_id, shard, sound_seconds)
    VALUES (NEW.owner, pg_backend_pid() % 16, coalesce((NEW.result ->> 'seconds')::float8, 0))
    ON CONFLICT (key_id, shard) DO UPDATE SET
        sound_seconds = known.sound_seconds + EXCLUDED.sound_seconds, last_used_at = now();
    RETURN NULL;
END
$$;

CREATE TRIGGER tritone_count_job AFTER UPDATE OF status ON tritone_jobs
    FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status <> 'completed' AND NEW.owner <> '')
    EXECUTE FUNCTION tritone_count_job();
